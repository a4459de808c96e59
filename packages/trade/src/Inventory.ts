import { SkuId } from "@mall/domain/catalog/Catalog"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Stock, StockBelowReserved } from "@mall/domain/trade/Stock"
import type { StockOnHand } from "@mall/domain/trade/Stock"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { StockLevels } from "./StockLevels.ts"

const Owned = Schema.Struct({ skuIds: Schema.Array(SkuId), merchantIds: Schema.Array(MerchantId) })

const StockRow = Schema.Struct({ skuId: SkuId, merchantId: MerchantId, onHand: Schema.Int, reserved: Schema.Int })

const Change = Schema.Struct({
  skuIds: Schema.Array(SkuId),
  onHand: Schema.Array(Schema.String),
  actor: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
})

const layerNoDeps = Layer.effect(
  Stock,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const levels = yield* StockLevels

    const insertMissing = SqlSchema.void({
      Request: Owned,
      execute: ({ merchantIds, skuIds }) => sql`
        INSERT INTO trade.stock (sku_id, merchant_id, on_hand)
        SELECT sku_id, merchant_id, 0 FROM unnest(${skuIds}::uuid[], ${merchantIds}::uuid[]) AS new (sku_id, merchant_id)
        ORDER BY sku_id
        ON CONFLICT ON CONSTRAINT stock_pkey DO NOTHING
      `
    })
    const lock = SqlSchema.findAll({
      Request: Schema.Array(SkuId),
      Result: StockRow,
      execute: (skuIds) => sql`
        SELECT sku_id, merchant_id, on_hand, reserved FROM trade.stock
        WHERE sku_id = ANY (${skuIds}::uuid[])
        ORDER BY stock.sku_id
        FOR UPDATE
      `
    })
    const update = SqlSchema.void({
      Request: Change,
      execute: ({ actor, at, onHand, skuIds, traceId }) => sql`
        WITH new AS (
          SELECT * FROM unnest(${skuIds}::uuid[], ${onHand}::bigint[]) AS new (sku_id, on_hand)
        ),
        moved AS (
          INSERT INTO trade.stock_movements (sku_id, kind, quantity, actor, trace_id, at)
          SELECT
            sku_id,
            CASE WHEN new.on_hand > stock.on_hand THEN 'receive' ELSE 'adjust' END,
            new.on_hand - stock.on_hand, ${actor}, ${traceId}, ${at}
          FROM new JOIN trade.stock USING (sku_id)
          WHERE new.on_hand <> stock.on_hand
        )
        UPDATE trade.stock SET on_hand = new.on_hand FROM new WHERE stock.sku_id = new.sku_id
      `
    })

    const change = Effect.fnUntraced(
      function* (wanted: ReadonlyMap<SkuId, StockOnHand>, actor: string) {
        const [skuIds, levels] = [Array.from(wanted.keys()), Array.from(wanted.values())]
        yield* insertMissing({ skuIds, merchantIds: levels.map(({ merchantId }) => merchantId) })
        const before = yield* lock(skuIds)
        const ownerOf = new Map(before.map(({ merchantId, skuId }) => [skuId, merchantId]))
        for (const { merchantId, skuId } of levels) {
          if (ownerOf.get(skuId) !== merchantId) {
            return yield* Effect.die(new Error(`the stock of ${skuId} is not of merchant ${merchantId}`))
          }
        }
        for (const { reserved, skuId } of before) {
          if ((wanted.get(skuId)?.onHand ?? 0) < reserved) return yield* new StockBelowReserved({ skuId, reserved })
        }
        const at = yield* DateTime.nowAsDate
        const traceId = yield* currentTraceId
        yield* update({ skuIds, onHand: levels.map(({ onHand }) => String(onHand)), actor, traceId, at })
        return new Map(before.map(({ onHand, skuId }) => [skuId, onHand]))
      },
      sql.withTransaction,
      retryConflicts,
      Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
    )

    return Stock.of({
      available: levels.get,
      setOnHand: Effect.fn("Stock.setOnHand")(function* (wanted, actor) {
        const levelOf = new Map(wanted.map((level) => [level.skuId, level]))
        if (levelOf.size === 0) return new Map<SkuId, number>()
        const before = yield* change(levelOf, actor)
        // not before: who asks in between would remember what was
        yield* sql.afterCommit(Effect.sync(() => levels.forget(levelOf.keys())))
        return before
      })
    })
  })
)

/** The `Stock` port on `trade.stock`. Of a SKU that is named twice the last level wins. Needs `SqlClient`. */
export const layer = layerNoDeps.pipe(Layer.provide(StockLevels.layer))
