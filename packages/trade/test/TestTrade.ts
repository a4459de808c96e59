import { Catalog, ProductId, SkuId, SkuQuote } from "@mall/domain/catalog/Catalog"
import { CategoryId } from "@mall/domain/catalog/Category"
import { AddressBook, AddressId, AddressNotFound } from "@mall/domain/identity/AddressBook"
import type { PostalAddress } from "@mall/domain/identity/AddressBook"
import { Principal, SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import type { Role } from "@mall/domain/identity/Permission"
import { generator } from "@mall/domain/kernel/Id"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { QuotaExceeded } from "@mall/domain/merchants/TermsError"
import {
  PaymentGateway,
  PaymentNotFound,
  PaymentsUnavailable,
  PaymentStateConflict,
  PaymentSummary,
  PaymentUndecided,
  RefundExceedsCapture
} from "@mall/domain/payments/PaymentGateway"
import type { PaymentId, PaymentStatus, RefundId } from "@mall/domain/payments/PaymentGateway"
import { CheckoutId } from "@mall/domain/trade/Order"
import type { OrderId } from "@mall/domain/trade/Order"
import type { CheckoutRequest } from "@mall/domain/trade/Checkout"
import { Stock } from "@mall/domain/trade/Stock"
import { Outbox } from "@mall/platform/Outbox"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Checkouts } from "../src/Checkouts.ts"
import * as Inventory from "../src/Inventory.ts"
import * as Trade from "../src/Trade.ts"
import { Clock, Context, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"

/** Ids for tests, made at once. */
export const idOf = <A, E>(make: Effect.Effect<A, E>) => Effect.runSync(Effect.orDie(make))

export const newUserId = generator(UserId)
export const newSkuId = generator(SkuId)
export const newMerchantId = generator(MerchantId)
export const newCategoryId = generator(CategoryId)
export const newCheckoutId = generator(CheckoutId)
const newProductId = generator(ProductId)
const newSessionId = generator(SessionId)
const newAddressId = generator(AddressId)

export const principalOf = (roles: ReadonlyArray<Role>, merchantId?: MerchantId, userId = idOf(newUserId)) =>
  new Principal({
    userId,
    sessionId: idOf(newSessionId),
    roles,
    merchantId: Option.fromNullishOr(merchantId),
    expiresAt: new Date(8.64e15)
  })

export const aBuyer = () => principalOf(["customer"])

export const address: PostalAddress = {
  recipient: "Li Lei",
  phone: "+86 10 5555 0100",
  countryCode: "CN",
  region: "Beijing",
  city: "Beijing",
  street: "1 Chang'an Avenue",
  postalCode: "100000"
}

/** The only address that everybody has. */
export const addressId = idOf(newAddressId)

const TestAddressBook = Layer.succeed(AddressBook, {
  find: (_, id) => (id === addressId ? Effect.succeed(address) : Effect.fail(new AddressNotFound({ addressId: id })))
})

/** The catalogue of other contexts' tests: what is put on sale, is. */
export class Shelf extends Context.Service<Shelf, Map<SkuId, SkuQuote>>()("@mall/trade/test/Shelf") {
  static readonly layer = Layer.sync(Shelf, () => new Map())
}

const TestCatalog = Layer.effect(
  Catalog,
  Effect.map(Shelf, (shelf) => {
    const quote = (skuIds: ReadonlyArray<SkuId>) =>
      Effect.sync(
        () =>
          new Map(
            skuIds.flatMap((skuId): Array<[SkuId, SkuQuote]> => {
              const found = shelf.get(skuId)
              return found === undefined ? [] : [[skuId, found]]
            })
          )
      )
    return Catalog.of({ quote, quoteForSale: quote })
  })
)

export interface Offer {
  readonly onHand: number
  readonly price?: Money
  readonly merchantId?: MerchantId
  readonly categories?: ReadonlyArray<CategoryId>
}

/** Whose the offers are that name no other. */
export const shopId = idOf(newMerchantId)

/** Puts a new SKU on the shelf and into stock. */
export const offer = Effect.fnUntraced(function* ({
  categories = [],
  merchantId = shopId,
  onHand,
  price = Money.of(1000, "CNY")
}: Offer) {
  const shelf = yield* Shelf
  const stock = yield* Stock
  const skuId = yield* newSkuId
  shelf.set(
    skuId,
    new SkuQuote({
      skuId,
      productId: yield* newProductId,
      merchantId,
      categories,
      title: { zh: "龙井茶", en: "Longjing tea" },
      options: { size: "250 g" },
      imageUrl: null,
      unitPrice: price
    })
  )
  yield* stock.setOnHand([{ skuId, merchantId, onHand }], "system")
  return skuId
})

interface TestPayment {
  status: PaymentStatus
  readonly amount: Money
  readonly reference: string
  readonly expiresAt: Date
  readonly refunds: Map<RefundId, Money>
}

/** A pay platform in memory that keeps the port's contract, and can be told to have trouble. */
export class Bank extends Context.Service<
  Bank,
  {
    readonly payments: Map<PaymentId, TestPayment>
    /** The channel gives no clear answer about these. */
    readonly undecided: Set<PaymentId>
    /** The platform cannot be reached. */
    isAway: boolean
    /** It is away, and whoever asks knows so before they ask. */
    isKnownAway: boolean
    /** The mall's own payments come to as much as they may. */
    isFull: boolean
    /** Runs while a `close` is under way, before it looks. */
    beforeClose: Effect.Effect<void>
    closes: number
  }
>()("@mall/trade/test/Bank") {
  static readonly layer = Layer.sync(Bank, () => ({
    payments: new Map(),
    undecided: new Set<PaymentId>(),
    isAway: false,
    isKnownAway: false,
    isFull: false,
    beforeClose: Effect.void,
    closes: 0
  }))
}

const TestGateway = Layer.effect(
  PaymentGateway,
  Effect.map(Bank, (bank) => {
    const summaryOf = (id: PaymentId, payment: TestPayment) =>
      new PaymentSummary({
        id,
        status: payment.status,
        amount: payment.amount,
        refunded: Money.sum(payment.amount.currency, payment.refunds.values()),
        reference: payment.reference,
        expiresAt: payment.expiresAt,
        paidAt: payment.status === "succeeded" ? new Date(0) : null
      })
    const reach = Effect.suspend(() => (bank.isAway ? Effect.die(new Error("The bank is away")) : Effect.void))
    const get = (id: PaymentId) =>
      Effect.suspend(() => {
        const payment = bank.payments.get(id)
        return payment === undefined ? Effect.fail(new PaymentNotFound({ paymentId: id })) : Effect.succeed(payment)
      })
    const decided = (id: PaymentId) =>
      bank.undecided.has(id) ? Effect.fail(new PaymentUndecided({ paymentId: id })) : Effect.void

    return PaymentGateway.of({
      ready: Effect.suspend(() =>
        bank.isKnownAway ? Effect.fail(new PaymentsUnavailable({ retryAfterSeconds: 7 })) : Effect.void
      ),
      create: Effect.fnUntraced(function* ({ amount, expiresAt, id, reference }) {
        yield* reach
        if (bank.isFull && !bank.payments.has(id)) {
          const none = Money.zero(amount.currency)
          return yield* new QuotaExceeded({ period: "day", window: "2090-01-01", limit: amount, left: none })
        }
        const payment = bank.payments.get(id) ?? {
          status: "pending" as const,
          amount,
          reference,
          expiresAt,
          refunds: new Map()
        }
        bank.payments.set(id, payment)
        return summaryOf(id, payment)
      }),
      find: Effect.fnUntraced(function* (ids) {
        yield* reach
        return new Map(
          ids.flatMap((id): Array<[PaymentId, PaymentSummary]> => {
            const payment = bank.payments.get(id)
            return payment === undefined ? [] : [[id, summaryOf(id, payment)]]
          })
        )
      }),
      settle: Effect.fnUntraced(function* (id) {
        yield* reach
        yield* decided(id)
        return summaryOf(id, yield* get(id))
      }),
      close: Effect.fnUntraced(function* (id) {
        yield* reach
        bank.closes += 1
        yield* bank.beforeClose
        yield* decided(id)
        const payment = yield* get(id)
        if (payment.status === "succeeded") return "succeeded"
        payment.status = "canceled"
        return "canceled"
      }),
      refund: Effect.fnUntraced(function* ({ amount, id, paymentId }) {
        yield* reach
        const payment = yield* get(paymentId)
        if (payment.refunds.has(id)) return
        if (payment.status !== "succeeded") {
          return yield* new PaymentStateConflict({ paymentId, paymentStatus: payment.status })
        }
        const refundable = payment.amount.minus(Money.sum(amount.currency, payment.refunds.values()))
        if (amount.isAbove(refundable)) return yield* new RefundExceedsCapture({ refundable })
        payment.refunds.set(id, amount)
      })
    })
  })
)

export const ports = Layer.mergeAll(TestCatalog, TestAddressBook, TestGateway).pipe(
  Layer.provideMerge(Layer.mergeAll(Shelf.layer, Bank.layer))
)

/** One process of trade on whatever database and ports are below. */
export const process = Trade.layer.pipe(Layer.provideMerge(Inventory.layer), Layer.provideMerge(Outbox.layer))

/** Trade on a database of its own. */
export const TestTrade = process.pipe(Layer.provideMerge(ports), Layer.provideMerge(TestDatabase))

export const requestOf = (...items: ReadonlyArray<readonly [SkuId, number]>): CheckoutRequest => ({
  items: items.map(([skuId, quantity]) => ({ skuId, quantity })),
  addressId
})

/** What is written of the stock of a SKU. */
export const stockOf = Effect.fnUntraced(function* (skuId: SkuId) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ readonly onHand: number; readonly reserved: number }>`
    SELECT on_hand, reserved FROM trade.stock WHERE sku_id = ${skuId}
  `
  return rows[0]
})

export const cny = (amount: number) => new Money({ amount: MinorUnits.make(amount), currency: "CNY" })

/** A buyer with an unpaid order of one line. */
export const placeOrder = Effect.fnUntraced(function* (skuId: SkuId, quantity = 1, buyer = aBuyer()) {
  const checkouts = yield* Checkouts
  const { checkoutId, orders, payment } = yield* checkouts.checkout(
    buyer,
    yield* newCheckoutId,
    requestOf([skuId, quantity])
  )
  const [order] = orders
  if (order === undefined) return yield* Effect.die("a checkout without orders")
  return { buyer, checkoutId, order, payment }
})

/** The buyer pays at the bank, which does not tell yet. */
export const pay = (id: PaymentId) =>
  Effect.map(Bank, (bank) => {
    const payment = bank.payments.get(id)
    if (payment !== undefined) payment.status = "succeeded"
  })

/** What the bank says of a payment that went through. */
export const paidMessage = ({ amount, id, reference }: PaymentSummary) => ({
  paymentId: id,
  reference,
  amount,
  paidAt: new Date()
})

export const statusOf = Effect.fnUntraced(function* (id: OrderId) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ readonly status: string }>`SELECT status FROM trade.orders WHERE id = ${id}`
  return rows[0]?.status
})

/** The changes of an order, as `from>to`. */
export const historyOf = Effect.fnUntraced(function* (id: OrderId) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ readonly fromStatus: string | null; readonly toStatus: string }>`
    SELECT from_status, to_status FROM trade.order_history WHERE order_id = ${id} ORDER BY order_history.id
  `
  return rows.map(({ fromStatus, toStatus }) => `${fromStatus ?? ""}>${toStatus}`)
})

/** Puts the end of the time to pay into the past, for checkout and payment alike. */
export const letExpire = Effect.fnUntraced(function* (checkoutIds: ReadonlyArray<CheckoutId>) {
  const sql = yield* SqlClient.SqlClient
  const bank = yield* Bank
  const past = new Date((yield* Clock.currentTimeMillis) - 1000)
  const rows = yield* sql<{ readonly paymentId: PaymentId }>`
    UPDATE trade.checkouts SET expires_at = ${past}, due_at = ${past} WHERE id = ANY (${checkoutIds}::uuid[])
    RETURNING payment_id
  `
  for (const { paymentId } of rows) {
    const payment = bank.payments.get(paymentId)
    if (payment !== undefined) bank.payments.set(paymentId, { ...payment, expiresAt: past })
  }
})
