import { SkuId } from "@mall/domain/catalog/Catalog"
import { Stock, StockBelowReserved } from "@mall/domain/trade/Stock"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { StockLevels } from "./StockLevels.ts"

const Levels = Schema.Struct({ skuIds: Schema.Array(SkuId), onHand: Schema.Array(Schema.String) })

const StockRow = Schema.Struct({ skuId: SkuId, onHand: Schema.Int, reserved: Schema.Int })

const Change = Schema.Struct({
  ...Levels.fields,
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
      Request: Schema.Array(SkuId),
      execute: (skuIds) => sql`
        INSERT INTO trade.stock (sku_id, on_hand)
        SELECT sku_id, 0 FROM unnest(${skuIds}::uuid[]) AS new (sku_id)
        ORDER BY sku_id
        ON CONFLICT ON CONSTRAINT stock_pkey DO NOTHING
      `
    })
    const lock = SqlSchema.findAll({
      Request: Schema.Array(SkuId),
      Result: StockRow,
      execute: (skuIds) => sql`
        SELECT sku_id, on_hand, reserved FROM trade.stock
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
      function* (onHandOf: ReadonlyMap<SkuId, number>, actor: string) {
        const skuIds = Array.from(onHandOf.keys())
        yield* insertMissing(skuIds)
        const before = yield* lock(skuIds)
        for (const { reserved, skuId } of before) {
          if ((onHandOf.get(skuId) ?? 0) < reserved) return yield* new StockBelowReserved({ skuId, reserved })
        }
        const at = yield* DateTime.nowAsDate
        const traceId = yield* currentTraceId
        yield* update({ skuIds, onHand: Array.from(onHandOf.values(), String), actor, traceId, at })
        return new Map(before.map(({ onHand, skuId }) => [skuId, onHand]))
      },
      sql.withTransaction,
      retryConflicts,
      Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
    )

    return Stock.of({
      available: levels.get,
      setOnHand: Effect.fn("Stock.setOnHand")(function* (wanted, actor) {
        const onHandOf = new Map(wanted.map(({ onHand, skuId }) => [skuId, onHand]))
        if (onHandOf.size === 0) return new Map<SkuId, number>()
        const before = yield* change(onHandOf, actor)
        // not before: who asks in between would remember what was
        yield* sql.afterCommit(Effect.sync(() => levels.forget(onHandOf.keys())))
        return before
      })
    })
  })
)

/** The `Stock` port on `trade.stock`. Of a SKU that is named twice the last level wins. Needs `SqlClient`. */
export const layer = layerNoDeps.pipe(Layer.provide(StockLevels.layer))
