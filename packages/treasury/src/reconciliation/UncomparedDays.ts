import { MerchantId } from "@mall/domain/merchants/Merchant"
import { ChannelId } from "@mall/domain/payments/Payment"
import { BillDay } from "@mall/domain/treasury/Bill"
import { RunId, RunStatus } from "@mall/domain/treasury/Run"
import { Context, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/** Older days that never came to a result are history. */
const horizon = Duration.toMillis("30 days")

/** So many failures in a row are no bill that was cut off on its way. */
const patientTries = 3

/** More than that is one thing that went wrong, not so many. */
const maxDays = 500

const UncomparedDay = Schema.Struct({
  runId: RunId,
  channel: ChannelId,
  account: Schema.String,
  merchantId: Schema.NullOr(MerchantId),
  day: BillDay,
  status: RunStatus,
  attempt: Schema.Int,
  failure: Schema.NullOr(Schema.String),
  /** It was given up, or fails again and again though the channel gives a bill. */
  isFailing: Schema.Boolean,
  isLate: Schema.Boolean
})
export type UncomparedDay = typeof UncomparedDay.Type

/** Days that were asked for and have no result, each with its last run. */
export class UncomparedDays extends Context.Service<
  UncomparedDays,
  {
    /** The oldest first. */
    list(now: Date): Effect.Effect<ReadonlyArray<UncomparedDay>, SqlError>
  }
>()("@mall/treasury/reconciliation/UncomparedDays") {
  static readonly layer = Layer.effect(
    UncomparedDays,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const select = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, since: Schema.Date }),
        Result: UncomparedDay,
        execute: ({ now, since }) => sql`
          SELECT u.* FROM (
            SELECT DISTINCT ON (r.channel, r.account, r.merchant_id, r.day) r.id AS run_id, r.channel, r.account, r.merchant_id,
              to_char(r.day, 'YYYY-MM-DD') AS day, r.status, r.attempt, r.failure,
              
              r.status = 'failed' AND (r.next_attempt_at IS NULL
                OR (r.attempt >= ${patientTries} AND r.failure_kind <> 'unavailable')) AS is_failing, r.late_at <= ${now} AS is_late
            FROM treasury.reconciliation_runs AS r
            WHERE r.asked_at > ${since} AND NOT EXISTS (
              SELECT FROM treasury.reconciliation_runs AS c
              WHERE c.channel = r.channel AND c.account = r.account AND c.day = r.day
                AND c.merchant_id IS NOT DISTINCT FROM r.merchant_id AND c.status = 'completed')
            ORDER BY r.channel, r.account, r.merchant_id, r.day, r.asked_at DESC, r.id DESC
          ) AS u
          ORDER BY u.day, u.run_id LIMIT ${maxDays}`
      })
      return UncomparedDays.of({
        list: (now) =>
          select({ now, since: new Date(now.getTime() - horizon) }).pipe(Effect.catchTag("SchemaError", Effect.die))
      })
    })
  )
}
