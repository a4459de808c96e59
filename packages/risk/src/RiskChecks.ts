import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { CheckId, RiskCheckRecord } from "@mall/domain/risk/RiskRecord"
import type { Verdict } from "@mall/domain/risk/RiskRule"
import { Context, DateTime, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { RiskConfig } from "./RiskConfig.ts"

export interface PageRequest {
  readonly limit?: number | undefined
  readonly after?: string | undefined
}

export interface CheckFilter extends PageRequest {
  readonly paymentId?: PaymentId | undefined
  readonly verdict?: Verdict | undefined
}

/** The place after which a replay goes on: checks are replayed in the order in which they were made. */
export interface Place {
  readonly at: Date
  readonly id: CheckId
}

const cursor = cursorOf(Schema.Struct({ id: CheckId }))
const decodeChecks = Schema.decodeUnknownEffect(Schema.Array(RiskCheckRecord))

/** Minute windows reach back an hour, hour windows and what was seen a week; each is kept a little longer. */
const minuteLifetime = Duration.hours(2)
const hourLifetime = Duration.days(8)

/** What was checked, for operators and replays. */
export class RiskChecks extends Context.Service<
  RiskChecks,
  {
    /** Newest first. */
    list(filter: CheckFilter): Effect.Effect<Page<RiskCheckRecord>, InvalidCursor>
    /** Oldest first, those made after `place` and before `until`. */
    replay(place: Place, until: Date, limit: number): Effect.Effect<ReadonlyArray<RiskCheckRecord>>
    /** Drops checks older than `RISK_FACTS_LIFETIME` whose payment does not wait; answers with how many. */
    purge(limit: number): Effect.Effect<number>
    /** Drops counts that no window reaches any more. */
    purgeWindows(limit: number): Effect.Effect<number>
  }
>()("@mall/risk/RiskChecks") {
  static readonly layerNoDeps = Layer.effect(
    RiskChecks,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { factsLifetime } = yield* RiskConfig

      const ago = (duration: Duration.Duration) =>
        Effect.map(DateTime.nowAsDate, (now) => new Date(now.getTime() - Duration.toMillis(duration)))

      const list = Effect.fn("RiskChecks.list")(
        function* ({ after, limit = defaultLimit, paymentId, verdict }: CheckFilter) {
          const clauses = [
            sql`true`,
            ...(paymentId === undefined ? [] : [sql`c.payment_id = ${paymentId}`]),
            ...(verdict === undefined ? [] : [sql`c.verdict = ${verdict}`]),
            ...(after === undefined ? [] : [sql`c.id < ${(yield* cursor.decode(after)).id}`])
          ]
          const rows = yield* sql`
            SELECT c.* FROM risk.checks AS c WHERE ${sql.and(clauses)} ORDER BY c.id DESC LIMIT ${limit + 1}`
          return toPage(yield* decodeChecks(rows), limit, ({ id }) => cursor.encode({ id }))
        },
        Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
      )

      const selectPlace = SqlSchema.findAll({
        Request: Schema.Struct({ at: Schema.Date, id: CheckId, until: Schema.Date, limit: Schema.Int }),
        Result: RiskCheckRecord,
        execute: ({ at, id, limit, until }) => sql`
          SELECT c.* FROM risk.checks AS c
          WHERE (c.at, c.id) > (${at}, ${id}::uuid) AND c.at < ${until}
          ORDER BY c.at, c.id LIMIT ${limit}`
      })

      const purge = Effect.fn("RiskChecks.purge")(
        function* (limit: number) {
          const before = yield* ago(factsLifetime)
          const rows = yield* sql`
            DELETE FROM risk.checks WHERE id IN (
              SELECT c.id FROM risk.checks AS c
              WHERE c.at < ${before}
                AND NOT EXISTS (SELECT FROM risk.reviews AS r WHERE r.payment_id = c.payment_id AND r.status = 'open')
              ORDER BY c.at, c.id LIMIT ${limit} FOR UPDATE SKIP LOCKED)
            RETURNING id`
          return rows.length
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const purgeWindows = Effect.fn("RiskChecks.purgeWindows")(
        function* (limit: number) {
          const [minutes, hours] = [yield* ago(minuteLifetime), yield* ago(hourLifetime)]
          const windows = yield* sql`
            DELETE FROM risk.windows WHERE ctid = ANY(ARRAY(
              SELECT w.ctid FROM risk.windows AS w
              WHERE (w.grain = 60 AND w.bucket < extract(epoch FROM ${minutes}::timestamptz)::bigint / 60)
                OR (w.grain = 3600 AND w.bucket < extract(epoch FROM ${hours}::timestamptz)::bigint / 3600)
              LIMIT ${limit} FOR UPDATE SKIP LOCKED))
            RETURNING kind`
          const seen = yield* sql`
            DELETE FROM risk.seen WHERE ctid = ANY(ARRAY(
              SELECT n.ctid FROM risk.seen AS n WHERE n.last_at < ${hours} LIMIT ${limit} FOR UPDATE SKIP LOCKED))
            RETURNING kind`
          return Math.max(windows.length, seen.length)
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return RiskChecks.of({
        list,
        replay: (place, until, limit) => Effect.orDie(selectPlace({ ...place, until, limit })),
        purge,
        purgeWindows
      })
    })
  )
}
