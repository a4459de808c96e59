import type { Currency } from "@mall/domain/kernel/Currency"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { FxRate, FxRateId } from "@mall/domain/treasury/FxRate"
import type { FxRateStatus, FxSource } from "@mall/domain/treasury/FxRate"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

export interface RateFilter {
  readonly limit?: number | undefined
  readonly after?: string | undefined
  readonly status?: FxRateStatus | undefined
}

/** A rate as its source says it. */
export interface NewRate {
  readonly id: FxRateId
  readonly source: FxSource
  readonly base: Currency
  readonly quote: Currency
  readonly rate: string
  readonly validFrom: Date
  readonly heldFor: string | null
  readonly proposedBy: string
  readonly reason: string
}

export interface Decision {
  readonly rate: FxRate
  readonly isApproved: boolean
  readonly decidedBy: string
  readonly reason: string
}

const cursor = cursorOf(Schema.Struct({ id: FxRateId }))
const decodeRates = Schema.decodeUnknownEffect(Schema.Array(FxRate))
const decodeNumbers = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ count: Schema.Int })))

/** Rates and what was decided of those that were held. */
export class RateRepo extends Context.Service<
  RateRepo,
  {
    /** The newest rate of each source and pair that may be used and has begun; with `of` only between these. */
    inForce(of?: ReadonlyArray<Currency>): Effect.Effect<ReadonlyArray<FxRate>, SqlError>
    /** False where the source said the same before. */
    insert(rate: NewRate): Effect.Effect<boolean, SqlError>
    find(id: FxRateId): Effect.Effect<Option.Option<FxRate>, SqlError>
    /** False where somebody else decided meanwhile. */
    decide(decision: Decision): Effect.Effect<boolean, SqlError>
    /** Newest first. */
    list(filter: RateFilter): Effect.Effect<Page<FxRate>, InvalidCursor | SqlError>
  }
>()("@mall/treasury/exchange/RateRepo") {
  static readonly layer = Layer.effect(
    RateRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const status = sql`
        CASE WHEN r.held_for IS NULL OR d.is_approved THEN 'used' WHEN d.rate_id IS NULL THEN 'held' ELSE 'rejected' END`
      const rates = sql`
        SELECT r.id, r.source, r.base, r.quote, r.rate, r.valid_from, r.fetched_at, r.held_for, r.proposed_by,
          ${status} AS status, d.decided_by, d.reason AS decision
        FROM treasury.fx_rates AS r LEFT JOIN treasury.fx_rate_decisions AS d ON d.rate_id = r.id`

      const find = SqlSchema.findOneOption({
        Request: FxRateId,
        Result: FxRate,
        execute: (id) => sql`${rates} WHERE r.id = ${id}`
      })

      return RateRepo.of({
        inForce: Effect.fnUntraced(
          function* (of?: ReadonlyArray<Currency>) {
            const now = yield* DateTime.nowAsDate
            const between =
              of === undefined
                ? sql`true`
                : sql`r.base = ANY(${["EUR", ...of]}::text[]) AND r.quote = ANY(${["EUR", ...of]}::text[])`
            return yield* decodeRates(
              yield* sql`
                SELECT DISTINCT ON (u.source, u.base, u.quote) u.* FROM (
                  ${rates} WHERE r.valid_from <= ${now} AND (r.held_for IS NULL OR d.is_approved) AND ${between}
                ) AS u
                ORDER BY u.source, u.base, u.quote, u.valid_from DESC, u.id DESC`
            )
          },
          Effect.catchTag("SchemaError", Effect.die)
        ),
        insert: Effect.fnUntraced(
          function* ({ base, heldFor, id, proposedBy, quote, rate, reason, source, validFrom }) {
            const [now, traceId] = yield* Effect.all([DateTime.nowAsDate, currentTraceId])
            const added = yield* decodeNumbers(
              yield* sql`
                WITH added AS (
                  INSERT INTO treasury.fx_rates
                    (id, source, base, quote, rate, valid_from, fetched_at, held_for, proposed_by, reason, trace_id)
                  VALUES (${id}, ${source}, ${base}, ${quote}, ${rate}::text::numeric, ${validFrom}, ${now}, ${heldFor},
                    ${proposedBy}, ${reason}, ${traceId})
                  ON CONFLICT DO NOTHING RETURNING id
                ) SELECT count(*)::int AS count FROM added`
            )
            return added[0]?.count === 1
          },
          Effect.catchTag("SchemaError", Effect.die)
        ),
        find: (id) => find(id).pipe(Effect.catchTag("SchemaError", Effect.die)),
        decide: Effect.fnUntraced(function* ({ decidedBy, isApproved, rate, reason }) {
          const [now, traceId] = yield* Effect.all([DateTime.nowAsDate, currentTraceId])
          const decided = yield* sql`
            INSERT INTO treasury.fx_rate_decisions
              (rate_id, proposed_by, is_approved, decided_by, reason, trace_id, at)
            VALUES (${rate.id}, ${rate.proposedBy}, ${isApproved}, ${decidedBy}, ${reason}, ${traceId}, ${now})
            ON CONFLICT (rate_id) DO NOTHING RETURNING rate_id`
          return decided.length === 1
        }),
        list: Effect.fnUntraced(
          function* ({ after, limit = defaultLimit, status: wanted }) {
            const clauses = [
              sql`true`,
              ...(wanted === undefined ? [] : [sql`${status} = ${wanted}`]),
              ...(after === undefined ? [] : [sql`r.id < ${(yield* cursor.decode(after)).id}`])
            ]
            const rows = yield* sql`${rates} WHERE ${sql.and(clauses)} ORDER BY r.id DESC LIMIT ${limit + 1}`
            return toPage(yield* decodeRates(rows), limit, ({ id }) => cursor.encode({ id }))
          },
          Effect.catchTag("SchemaError", Effect.die)
        )
      })
    })
  )
}
