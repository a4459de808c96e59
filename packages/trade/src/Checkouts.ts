import { AddressBook } from "@mall/domain/identity/AddressBook"
import type { AddressNotFound } from "@mall/domain/identity/AddressBook"
import { Catalog } from "@mall/domain/catalog/Catalog"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { generator } from "@mall/domain/kernel/Id"
import type { CurrencyMismatch } from "@mall/domain/kernel/Money"
import { PaymentGateway, PaymentId } from "@mall/domain/payments/PaymentGateway"
import type { PaymentsUnavailable, PaymentSummary } from "@mall/domain/payments/PaymentGateway"
import type { Checkout, CheckoutRequest } from "@mall/domain/trade/Checkout"
import { OrderId } from "@mall/domain/trade/Order"
import type { CheckoutId } from "@mall/domain/trade/Order"
import type { Actor, Order } from "@mall/domain/trade/Order"
import { CartEmpty, CheckoutIdTaken, CouponsNotAccepted, PriceChanged } from "@mall/domain/trade/TradeError"
import type { CartLimitExceeded, ProductUnavailable, StockShort, TotalTooLarge } from "@mall/domain/trade/TradeError"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { CartRepo } from "./CartRepo.ts"
import { combine, priceByMerchant } from "./CheckoutDraft.ts"
import type { CheckoutDraft, MerchantLines } from "./CheckoutDraft.ts"
import { CheckoutPayments } from "./CheckoutPayments.ts"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { OrderExpiryRules } from "./OrderExpiryRules.ts"
import { OrderPlacement } from "./OrderPlacement.ts"
import { Orders } from "./Orders.ts"
import { boughtBy } from "./OrderScope.ts"

const newOrderId = generator(OrderId)
const newPaymentId = generator(PaymentId)

type Unfit =
  | AddressNotFound
  | CartEmpty
  | CartLimitExceeded
  | CouponsNotAccepted
  | CurrencyMismatch
  | PaymentsUnavailable
  | PriceChanged
  | ProductUnavailable
  | StockShort
  | TotalTooLarge

const ordersOf = (draft: CheckoutDraft, payment: PaymentSummary): ReadonlyArray<Order> =>
  draft.orders.map(({ id, lines, merchantId, total }) => ({
    id,
    checkoutId: draft.id,
    merchantId,
    status: "pending_payment",
    total,
    lines,
    address: draft.address,
    remark: draft.remark,
    shipment: null,
    placedAt: draft.placedAt,
    expiresAt: draft.expiresAt,
    paidAt: null,
    shippedAt: null,
    deliveredAt: null,
    history: [
      {
        from: null,
        to: "pending_payment",
        actor: draft.actor,
        reason: "placed",
        traceId: draft.traceId,
        at: draft.placedAt
      }
    ],
    payment
  }))

/** From what a buyer wants to orders that wait for their payment. */
export class Checkouts extends Context.Service<
  Checkouts,
  {
    /**
     * Buys what `request` lists at the prices of this moment, or nothing. `id` names the act: done before by this buyer, whatever
     * the request says now, it answers with what was bought then. The payment is made after the orders are kept, and later
     * if that fails; where it is known before that none can be made, nothing is bought.
     */
    checkout(
      buyer: Principal,
      id: CheckoutId,
      request: CheckoutRequest
    ): Effect.Effect<Checkout, Unfit | CheckoutIdTaken>
  }
>()("@mall/trade/Checkouts") {
  static readonly layerNoDeps = Layer.effect(
    Checkouts,
    Effect.gen(function* () {
      const catalog = yield* Catalog
      const addresses = yield* AddressBook
      const carts = yield* CartRepo
      const expiryRules = yield* OrderExpiryRules
      const placement = yield* OrderPlacement
      const orders = yield* Orders
      const gateway = yield* PaymentGateway
      const payments = yield* CheckoutPayments

      const wanted = Effect.fnUntraced(function* ({ userId }: Principal, request: CheckoutRequest) {
        if (request.items !== undefined) return { items: request.items, cartId: null }
        const lines = yield* carts.linesOfUser(userId).pipe(Effect.catchTag("SqlError", Effect.die))
        const [first] = lines
        if (first === undefined) return yield* new CartEmpty({})
        return { items: lines, cartId: first.cartId }
      })

      const priced = Effect.fnUntraced(function* (buyer: Principal, request: CheckoutRequest) {
        const { cartId, items } = yield* wanted(buyer, request)
        const combined = yield* combine(items)
        const quotes = yield* catalog.quoteForSale(combined.map(({ skuId }) => skuId))
        const { merchants, total } = yield* priceByMerchant(combined, quotes)
        if (total === undefined) return yield* new CartEmpty({})
        if (request.expectedTotal !== undefined && !total.equals(request.expectedTotal)) {
          return yield* new PriceChanged({ expected: request.expectedTotal, actual: total })
        }
        return { cartId, merchants, total, quotes }
      })

      const draft = Effect.fnUntraced(function* (buyer: Principal, id: CheckoutId, request: CheckoutRequest) {
        if (request.couponIds !== undefined && request.couponIds.length > 0) return yield* new CouponsNotAccepted({})
        const [{ cartId, merchants, quotes, total }, address] = yield* Effect.all(
          [priced(buyer, request), addresses.find(buyer.userId, request.addressId)],
          { concurrency: "unbounded" }
        )
        const expirySeconds = yield* expiryRules.resolve([...quotes.values()], request.paymentMethod)
        const placedAt = yield* DateTime.nowAsDate
        const actor: Actor = { kind: "buyer", id: buyer.userId }
        const drafted: CheckoutDraft = {
          id,
          userId: buyer.userId,
          paymentId: yield* newPaymentId,
          total,
          orders: yield* Effect.forEach(merchants, withOrderId),
          address,
          remark: request.remark ?? "",
          cartId,
          placedAt,
          expiresAt: new Date(placedAt.getTime() + expirySeconds * 1000),
          actor,
          traceId: yield* currentTraceId
        }
        return drafted
      })

      const findPlaced = Effect.fnUntraced(function* (buyer: Principal, id: CheckoutId) {
        const placed = yield* orders.ofCheckout(boughtBy(buyer), id)
        const [first] = placed
        if (first === undefined) return Option.none<Checkout>()
        if (first.payment === null)
          return yield* Effect.die(new Error(`The payment of checkout ${id} cannot be read now`))
        return Option.some<Checkout>({ checkoutId: id, orders: placed, payment: first.payment })
      })

      const placeOnce = Effect.fnUntraced(function* (buyer: Principal, id: CheckoutId, request: CheckoutRequest) {
        const drafted = yield* draft(buyer, id, request)
        yield* gateway.ready
        if ((yield* placement.place(drafted)) === "placed") {
          const payment = yield* payments.open(drafted)
          return { checkoutId: id, orders: ordersOf(drafted, payment), payment } satisfies Checkout
        }
        const placed = yield* findPlaced(buyer, id)
        return Option.isSome(placed) ? placed.value : yield* new CheckoutIdTaken({ checkoutId: id })
      })

      /** A cart that changed meanwhile is looked at again: whoever took from it got on, so that this ends. */
      const place = (
        buyer: Principal,
        id: CheckoutId,
        request: CheckoutRequest
      ): Effect.Effect<Checkout, Unfit | CheckoutIdTaken> =>
        Effect.catchTag(placeOnce(buyer, id, request), "CartOvertaken", () => place(buyer, id, request))

      const checkout = Effect.fn("Checkouts.checkout")(function* (
        buyer: Principal,
        id: CheckoutId,
        request: CheckoutRequest
      ) {
        return yield* place(buyer, id, request).pipe(
          // A retry finds the cart empty, the pieces taken or the price changed by what the first try did: it is told that.
          Effect.catch((error) =>
            Effect.flatMap(
              findPlaced(buyer, id),
              Option.match({ onNone: () => Effect.fail(error), onSome: (placed) => Effect.succeed(placed) })
            )
          )
        )
      })

      return Checkouts.of({ checkout })
    })
  )
}

const withOrderId = (order: MerchantLines) => Effect.map(newOrderId, (id) => ({ id, ...order }))
