import { SkuId } from "@mall/domain/catalog/Catalog"
import { gatherWhileBusy } from "@mall/platform/gatherWhileBusy"
import { Clock, Context, Effect, Exit, Layer, Request, RequestResolver, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

interface Level {
  readonly available: number
  readonly readAt: number
}

class LevelOf extends Request.Class<{ readonly skuId: SkuId }, void> {}

/** How old a level may be shown, in milliseconds. */
const freshFor = 1000

/** How many SKUs are remembered; the whole map is dropped beyond, since every level in it is a second old at most. */
const capacity = 200_000

/**
 * What is available of each SKU, at most a second old. A hot SKU costs one query per second and process, however many ask:
 * all that is missing is read by one statement at a time, while who comes in between gathers for the next one.
 */
export class StockLevels extends Context.Service<
  StockLevels,
  {
    /** 0 for a SKU that is not in stock or not known. Takes no effect of its own where every level is at hand. */
    get(skuIds: ReadonlyArray<SkuId>): Effect.Effect<ReadonlyMap<SkuId, number>>
    /** Forgets, so that the next `get` reads what this process has just changed. */
    forget(skuIds: Iterable<SkuId>): void
  }
>()("@mall/trade/StockLevels") {
  static readonly layer = Layer.effect(
    StockLevels,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const clock = yield* Clock.Clock
      const levels = new Map<SkuId, Level>()

      const select = SqlSchema.findAll({
        Request: Schema.Array(SkuId),
        Result: Schema.Struct({ skuId: SkuId, available: Schema.Int }),
        execute: (skuIds) =>
          sql`SELECT sku_id, on_hand - reserved AS available FROM trade.stock WHERE sku_id = ANY (${skuIds}::uuid[])`
      })

      const isFresh = (skuId: SkuId, now: number) => {
        const level = levels.get(skuId)
        return level !== undefined && now - level.readAt < freshFor
      }

      const read = Effect.fnUntraced(function* (entries: ReadonlyArray<Request.Entry<LevelOf>>) {
        const readAt = clock.currentTimeMillisUnsafe()
        const stale = new Set<SkuId>()
        for (const { request } of entries) if (!isFresh(request.skuId, readAt)) stale.add(request.skuId)
        if (stale.size > 0) {
          const rows = yield* select(Array.from(stale)).pipe(
            Effect.orDie,
            // what the transaction of the first caller may see is nobody else's business
            Effect.updateContext((context: Context.Context<never>) => Context.omit(sql.transactionService)(context))
          )
          if (levels.size + stale.size > capacity) levels.clear()
          for (const skuId of stale) levels.set(skuId, { available: 0, readAt })
          for (const { available, skuId } of rows) levels.set(skuId, { available, readAt })
        }
        for (const entry of entries) entry.completeUnsafe(Exit.void)
      })

      const resolver = gatherWhileBusy(RequestResolver.make(read), capacity)

      const pick = (skuIds: ReadonlyArray<SkuId>): ReadonlyMap<SkuId, number> =>
        new Map(skuIds.map((skuId) => [skuId, levels.get(skuId)?.available ?? 0]))

      return StockLevels.of({
        get: (skuIds) =>
          Effect.suspend(() => {
            const now = clock.currentTimeMillisUnsafe()
            const missing = skuIds.filter((skuId) => !isFresh(skuId, now))
            if (missing.length === 0) return Effect.succeed(pick(skuIds))
            return Effect.forEach(missing, (skuId) => Effect.request(new LevelOf({ skuId }), resolver), {
              concurrency: "unbounded",
              discard: true
            }).pipe(Effect.map(() => pick(skuIds)))
          }),
        forget: (skuIds) => {
          for (const skuId of skuIds) levels.delete(skuId)
        }
      })
    })
  )
}
