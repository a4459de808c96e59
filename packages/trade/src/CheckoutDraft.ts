import type { SkuId, SkuQuote } from "@mall/domain/catalog/Catalog"
import type { PostalAddress } from "@mall/domain/identity/AddressBook"
import type { UserId } from "@mall/domain/identity/CurrentUser"
import type { Currency } from "@mall/domain/kernel/Currency"
import { CurrencyMismatch, Money } from "@mall/domain/kernel/Money"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import type { CartAddition, CartId } from "@mall/domain/trade/Cart"
import { maximumLines, maximumQuantity } from "@mall/domain/trade/Order"
import type { Actor, CheckoutId, OrderId, OrderLine } from "@mall/domain/trade/Order"
import { CartLimitExceeded, ProductUnavailable, TotalTooLarge } from "@mall/domain/trade/TradeError"
import { Effect } from "effect"

export interface OrderDraft {
  readonly id: OrderId
  readonly merchantId: MerchantId
  readonly total: Money
  readonly lines: ReadonlyArray<OrderLine>
}

/** Everything that one checkout will write, decided except for the stock. */
export interface CheckoutDraft {
  readonly id: CheckoutId
  readonly userId: UserId
  readonly paymentId: PaymentId
  readonly total: Money
  readonly orders: ReadonlyArray<OrderDraft>
  readonly address: PostalAddress
  readonly remark: string
  /** The cart that the lines were taken from, and go back to when the checkout is canceled. */
  readonly cartId: CartId | null
  readonly placedAt: Date
  readonly expiresAt: Date
  readonly actor: Actor
  readonly traceId: string | null
}

/** What one merchant sells of a checkout, before its order has an id. */
export interface MerchantLines {
  readonly merchantId: MerchantId
  readonly total: Money
  readonly lines: ReadonlyArray<OrderLine>
}

/** Takes lines of one SKU together, so that no SKU comes twice. */
export const combine = Effect.fnUntraced(function* (items: ReadonlyArray<CartAddition>) {
  const quantities = new Map<SkuId, number>()
  for (const { quantity, skuId } of items) quantities.set(skuId, (quantities.get(skuId) ?? 0) + quantity)
  for (const quantity of quantities.values()) {
    if (quantity > maximumQuantity) {
      return yield* new CartLimitExceeded({ limit: "quantity", maximum: maximumQuantity })
    }
  }
  if (quantities.size > maximumLines) return yield* new CartLimitExceeded({ limit: "lines", maximum: maximumLines })
  return Array.from(quantities, ([skuId, quantity]): CartAddition => ({ skuId, quantity }))
})

const add = (a: Money, b: Money) => {
  if (a.currency !== b.currency) {
    return Effect.fail(new CurrencyMismatch({ expected: a.currency, actual: b.currency }))
  }
  return amountOf(a.amount + b.amount, a.currency)
}

const amountOf = (amount: number, currency: Currency) =>
  Number.isSafeInteger(amount) ? Effect.succeed(Money.of(amount, currency)) : Effect.fail(new TotalTooLarge({}))

/** Prices the items as `quotes` say and sorts them by merchant; the total is exact or the checkout is refused. */
export const priceByMerchant = Effect.fnUntraced(function* (
  items: ReadonlyArray<CartAddition>,
  quotes: ReadonlyMap<SkuId, SkuQuote>
) {
  const merchants = new Map<MerchantId, { total: Money; readonly lines: Array<OrderLine> }>()
  let total: Money | undefined
  for (const { quantity, skuId } of items) {
    const quote = quotes.get(skuId)
    if (quote === undefined) return yield* new ProductUnavailable({ skuId })
    const { imageUrl, merchantId, options, productId, title, unitPrice } = quote
    const lineTotal = yield* amountOf(unitPrice.amount * quantity, unitPrice.currency)
    const line: OrderLine = {
      ...{ skuId, productId, title, options, imageUrl, quantity, unitPrice },
      total: lineTotal,
      returned: 0,
      refunded: Money.of(0, unitPrice.currency)
    }
    total = total === undefined ? lineTotal : yield* add(total, lineTotal)
    const merchant = merchants.get(merchantId)
    if (merchant === undefined) merchants.set(merchantId, { total: lineTotal, lines: [line] })
    else {
      merchant.total = yield* add(merchant.total, lineTotal)
      merchant.lines.push(line)
    }
  }
  return {
    total,
    merchants: Array.from(merchants, ([merchantId, { lines, total }]): MerchantLines => ({ merchantId, total, lines }))
  }
})
