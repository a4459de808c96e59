import type { SkuId } from "@mall/domain/catalog/Catalog"
import type { CartId } from "@mall/domain/trade/Cart"
import type { CheckoutId } from "@mall/domain/trade/Order"
import { StockShort } from "@mall/domain/trade/TradeError"
import type { CheckoutDraft } from "./CheckoutDraft.ts"

type Wanted = Pick<CheckoutDraft, "id" | "orders">

export interface HeldLine {
  readonly cartId: CartId
  readonly skuId: SkuId
  readonly quantity: number
}

/**
 * Splits drafts by whether their cart still holds what they take out of it, in the order given: of two that take the same
 * lines the first has them.
 */
export const byTheirCarts = <Draft extends Wanted & Pick<CheckoutDraft, "cartId">>(
  drafts: ReadonlyArray<Draft>,
  held: ReadonlyArray<HeldLine>
) => {
  const left = new Map(held.map(({ cartId, quantity, skuId }) => [`${cartId}/${skuId}`, quantity]))
  const backed: Array<Draft> = []
  const overtaken: Array<Draft> = []
  for (const draft of drafts) {
    const lines = draft.cartId === null ? [] : draft.orders.flatMap((order) => order.lines)
    const leftOf = (skuId: SkuId) => left.get(`${draft.cartId}/${skuId}`) ?? 0
    const isBacked = lines.every(({ quantity, skuId }) => leftOf(skuId) >= quantity)
    if (isBacked)
      for (const { quantity, skuId } of lines) left.set(`${draft.cartId}/${skuId}`, leftOf(skuId) - quantity)
    ;(isBacked ? backed : overtaken).push(draft)
  }
  return { backed, overtaken }
}

const shortageOf = (draft: Wanted, left: ReadonlyMap<SkuId, number>) => {
  for (const { lines } of draft.orders) {
    for (const { quantity, skuId } of lines) {
      const available = left.get(skuId) ?? 0
      if (available < quantity) return new StockShort({ skuId, available })
    }
  }
  return undefined
}

/**
 * Who of a group gets what there is, in the order given: a draft fits when all of its lines do, and takes its pieces
 * before the next one is looked at. One that does not fit takes nothing, so a later, smaller one may still fit.
 */
export const decide = <Draft extends Wanted>(drafts: ReadonlyArray<Draft>, available: ReadonlyMap<SkuId, number>) => {
  const left = new Map(available)
  const fitting: Array<Draft> = []
  const short = new Map<CheckoutId, StockShort>()
  for (const draft of drafts) {
    const shortage = shortageOf(draft, left)
    if (shortage !== undefined) short.set(draft.id, shortage)
    else {
      fitting.push(draft)
      for (const { lines } of draft.orders) {
        for (const { quantity, skuId } of lines) left.set(skuId, (left.get(skuId) ?? 0) - quantity)
      }
    }
  }
  return { fitting, short }
}
