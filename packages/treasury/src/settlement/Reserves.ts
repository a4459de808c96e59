import { Currency } from "@mall/domain/kernel/Currency"
import { Money } from "@mall/domain/kernel/Money"
import { reserveRelease } from "@mall/domain/ledger/postings"
import { Transfers } from "@mall/domain/ledger/Transfers"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { SettlementId } from "@mall/domain/treasury/Settlement"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { transferIdOf } from "./derivedIds.ts"

const Due = Schema.Struct({
  ...{ id: SettlementId, merchantId: MerchantId, currency: Currency, attempt: Schema.Int },
  reserve: Schema.Int
})

/** What is held back of merchants, and given to them when its time is over. */
export class Reserves extends Context.Service<
  Reserves,
  {
    /** Releases up to `limit` that are due, each once; answers with how many. One that the books refuse waits and is logged. */
    releaseDue(limit: number): Effect.Effect<number>
  }
>()("@mall/treasury/settlement/Reserves") {
  static readonly layerNoDeps = Layer.effect(
    Reserves,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const transfers = yield* Transfers
      const due = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, limit: Schema.Int, passed: Schema.Array(SettlementId) }),
        Result: Due,
        execute: ({ limit, now, passed }) => sql`
          SELECT s.id, s.merchant_id, s.currency, s.attempt, s.reserve FROM treasury.settlements AS s
          WHERE s.status = 'settled' AND s.reserve > 0 AND s.reserve_released_at IS NULL AND s.reserve_release_at <= ${now}
            AND s.id <> ALL (${passed}::uuid[])
          ORDER BY s.reserve_release_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`
      })

      const release = Effect.fnUntraced(function* ({ attempt, currency, id, merchantId, reserve }: typeof Due.Type) {
        yield* transfers.post([
          {
            ...{ type: "single", id: transferIdOf(id, attempt, "reserve_release"), purpose: "reserve_release" },
            ...{ subject: id, actor: "sweep:settlement_reserves", reason: "its time is over" },
            traceId: yield* currentTraceId,
            legs: reserveRelease(merchantId, Money.of(reserve, currency))
          }
        ])
        yield* sql`
          UPDATE treasury.settlements SET reserve_released_at = ${yield* DateTime.nowAsDate} WHERE id = ${id}`
      })

      return Reserves.of({
        releaseDue: Effect.fn("Reserves.releaseDue")(
          function* (limit) {
            const now = yield* DateTime.nowAsDate
            const refused: Array<SettlementId> = []
            let released = 0
            // those that the books refuse come first for as long as they do: nobody else's wait behind them
            for (;;) {
              const left = limit - released
              const rows = yield* due({ now, limit: left, passed: refused })
              for (const row of rows) {
                const isReleased = yield* release(row).pipe(
                  Effect.as(true),
                  Effect.catchIf(
                    (error) => error._tag !== "SqlError",
                    ({ message }) =>
                      Effect.as(
                        Effect.logError("a reserve is not released").pipe(
                          Effect.annotateLogs({ settlement: row.id, reason: message })
                        ),
                        false
                      )
                  )
                )
                if (isReleased) released += 1
                else refused.push(row.id)
              }
              if (rows.length < left || released === limit) break
            }
            return released
          },
          sql.withTransaction,
          retryConflicts,
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        )
      })
    })
  )
}
