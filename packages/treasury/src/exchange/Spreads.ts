import { Currency } from "@mall/domain/kernel/Currency"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { FxSpreadBackdated } from "@mall/domain/treasury/FxError"
import { FxSpread } from "@mall/domain/treasury/FxTerms"
import type { NewFxSpread } from "@mall/domain/treasury/FxTerms"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { ExchangeConfig } from "./ExchangeConfig.ts"

const { actor, at, basisPoints, effectiveFrom, merchantId, reason, traceId } = FxSpread.fields
const Row = Schema.Struct({
  ...{ first: Schema.NullOr(Currency), second: Schema.NullOr(Currency), merchantId, basisPoints, effectiveFrom },
  ...{ actor, reason, traceId, at }
})
const Kept = Schema.Struct({ basisPoints })

const toSpread = ({ first, second, ...row }: typeof Row.Type) =>
  new FxSpread({ ...row, pair: first === null || second === null ? null : [first, second] })

/** A pair has one order, whichever way is exchanged. */
const inOrder = (a: Currency, b: Currency) => (a < b ? { first: a, second: b } : { first: b, second: a })

/** What the platform keeps of an exchange. A row is never changed: a newer one takes its place from its time on. */
export class Spreads extends Context.Service<
  Spreads,
  {
    /** In force or yet to be, with those that have been, newest first; at most a thousand. */
    readonly all: Effect.Effect<ReadonlyArray<FxSpread>>
    put(spread: NewFxSpread, actor: string): Effect.Effect<FxSpread, FxSpreadBackdated>
    /** In basis points. Joins the ambient transaction. */
    of(merchantId: MerchantId, from: Currency, to: Currency): Effect.Effect<number, SqlError>
  }
>()("@mall/treasury/exchange/Spreads") {
  static readonly layerNoDeps = Layer.effect(
    Spreads,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      const { defaultSpread } = yield* ExchangeConfig

      const columns = sql`s.first, s.second, s.merchant_id, s.basis_points, s.effective_from, s.actor, s.reason, s.trace_id, s.at`
      const all = SqlSchema.findAll({
        Request: Schema.Void,
        Result: Row,
        execute: () =>
          sql`SELECT ${columns} FROM treasury.fx_spreads AS s ORDER BY s.effective_from DESC, s.id DESC LIMIT 1000`
      })

      const mostSpecific = SqlSchema.findAll({
        Request: Schema.Struct({ merchantId: MerchantId, first: Currency, second: Currency, now: Schema.Date }),
        Result: Kept,
        execute: ({ first, merchantId, now, second }) => sql`
          SELECT s.basis_points FROM treasury.fx_spreads AS s
          WHERE (s.merchant_id = ${merchantId} OR s.merchant_id IS NULL)
            AND (s.first IS NULL OR (s.first = ${first} AND s.second = ${second})) AND s.effective_from <= ${now}
          ORDER BY s.merchant_id IS NULL, s.first IS NULL, s.effective_from DESC, s.id DESC LIMIT 1`
      })

      return Spreads.of({
        all: all(undefined).pipe(
          Effect.map((rows) => rows.map(toSpread)),
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die }),
          Effect.withSpan("Spreads.all")
        ),
        put: Effect.fn("Spreads.put")(
          function* ({ basisPoints, effectiveFrom, merchantId, pair, reason }, actor) {
            const [at, traceId] = yield* Effect.all([DateTime.nowAsDate, currentTraceId])
            const from = effectiveFrom ?? at
            if (from < at) return yield* new FxSpreadBackdated({})
            const { first, second } = pair === null ? { first: null, second: null } : inOrder(...pair)
            yield* sql`
              INSERT INTO treasury.fx_spreads
                (first, second, merchant_id, basis_points, effective_from, actor, reason, trace_id, at)
              VALUES (${first}, ${second}, ${merchantId}, ${basisPoints}, ${from}, ${actor}, ${reason}, ${traceId}, ${at})`
            const spread = toSpread({
              ...{ first, second, merchantId, basisPoints, effectiveFrom: from, actor, reason, traceId, at }
            })
            yield* audit.record({
              action: "fx_spread.put",
              resource: { type: "fx_spread", id: pair === null ? "" : `${first}/${second}` },
              merchantId,
              reason,
              after: { pair: spread.pair, basisPoints, effectiveFrom: from }
            })
            return spread
          },
          sql.withTransaction,
          Effect.catchTag("SqlError", Effect.die)
        ),
        of: Effect.fnUntraced(function* (merchantId, from, to) {
          const now = yield* DateTime.nowAsDate
          const [found] = yield* mostSpecific({ merchantId, ...inOrder(from, to), now }).pipe(
            Effect.catchTag("SchemaError", Effect.die)
          )
          return found?.basisPoints ?? defaultSpread
        })
      })
    })
  )
}
