import type { SkuId } from "@mall/domain/catalog/Catalog"
import type { CheckoutId } from "@mall/domain/trade/Order"
import { StockShort } from "@mall/domain/trade/TradeError"
import type { CheckoutDraft } from "./CheckoutDraft.ts"

type Wanted = Pick<CheckoutDraft, "id" | "orders">

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
