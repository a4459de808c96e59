import type { SkuId } from "@mall/domain/catalog/Catalog"
import { Stock, StockBelowReserved } from "@mall/domain/trade/Stock"
import { Context, Effect, Layer } from "effect"

/** Stock as trade keeps it, but in a map: what is on hand less what is reserved. */
export class StockMemory extends Context.Service<
  StockMemory,
  {
    readonly onHand: Map<SkuId, number>
    readonly reserved: Map<SkuId, number>
  }
>()("@mall/catalog/test/StockMemory") {
  static readonly layer = Layer.effectContext(
    Effect.sync(() => {
      const onHand = new Map<SkuId, number>()
      const reserved = new Map<SkuId, number>()
      const stock = Stock.of({
        available: (skuIds) =>
          Effect.sync(() => new Map(skuIds.map((id) => [id, (onHand.get(id) ?? 0) - (reserved.get(id) ?? 0)]))),
        setOnHand: (levels) =>
          Effect.suspend(() => {
            const short = levels.find((level) => level.onHand < (reserved.get(level.skuId) ?? 0))
            if (short !== undefined) {
              return new StockBelowReserved({ skuId: short.skuId, reserved: reserved.get(short.skuId) ?? 0 })
            }
            const before = new Map(levels.map(({ skuId }) => [skuId, onHand.get(skuId) ?? 0]))
            for (const level of levels) onHand.set(level.skuId, level.onHand)
            return Effect.succeed(before)
          })
      })
      return Context.make(Stock, stock).pipe(Context.add(StockMemory, StockMemory.of({ onHand, reserved })))
    })
  )
}
