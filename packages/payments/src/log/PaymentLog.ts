import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { PaymentNotFound } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { PaymentLogEntry } from "@mall/domain/payments/PaymentLog"
import { Context, DateTime, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { PaymentsConfig } from "../PaymentsConfig.ts"
import type { PageRequest } from "../store/PaymentReads.ts"

const cursor = cursorOf(
  Schema.Struct({
    at: Schema.String.check(Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)),
    kind: PaymentLogEntry.fields.kind,
    id: Schema.String.check(Schema.isPattern(/^[\da-f-]{1,36}$/))
  })
)

const decodeEntries = Schema.decodeUnknownEffect(Schema.Array(PaymentLogEntry))

/** Everything that happened to a payment, in one list. */
export class PaymentLog extends Context.Service<
  PaymentLog,
  {
    /** Oldest first. A call is listed a moment after it ended. */
    read(id: PaymentId, page: PageRequest): Effect.Effect<Page<PaymentLogEntry>, InvalidCursor | PaymentNotFound>
    /** Drops calls older than `PAYMENT_LOG_LIFETIME`; answers with how many. */
    purge(limit: number): Effect.Effect<number>
  }
>()("@mall/payments/log/PaymentLog") {
  static readonly layerNoDeps = Layer.effect(
    PaymentLog,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { logLifetime } = yield* PaymentsConfig

      // numbers are padded, so that their order as texts is their own
      const entriesOf = (id: PaymentId) => sql`
        SELECT id::text AS id, 'call' AS kind, at, CASE WHEN refund_id IS NULL THEN 'attempt' ELSE 'refund' END AS subject,
          coalesce(refund_id, attempt_id)::text AS subject_id, channel, operation AS what, outcome, NULL::text AS actor,
          request, response, duration_millis, trace_id
        FROM payments.channel_log WHERE payment_id = ${id}
        UNION ALL
        SELECT lpad(id::text, 20, '0'), 'change', at, subject, subject_id::text, NULL,
          coalesce(from_status || ' → ', '') || to_status, reason, actor, NULL, NULL, NULL, trace_id
        FROM payments.history WHERE payment_id = ${id}
        UNION ALL
        SELECT id::text, 'notice', received_at, NULL, NULL, channel, event_type, coalesce(outcome, status), NULL, NULL,
          notice, NULL, trace_id
        FROM payments.callback_inbox WHERE payment_id = ${id}
        UNION ALL
        SELECT lpad(id::text, 20, '0'), 'security', at, NULL, NULL, channel, kind, NULL, NULL, NULL, details, NULL, trace_id
        FROM payments.security_events WHERE payment_id = ${id}`

      const read = Effect.fn("PaymentLog.read")(
        function* (id: PaymentId, { after, limit = defaultLimit }: PageRequest) {
          const last = after === undefined ? undefined : yield* cursor.decode(after)
          const known = yield* sql`SELECT id FROM payments.intents WHERE id = ${id}`
          if (known.length === 0) return yield* new PaymentNotFound({ paymentId: id })
          const isLater =
            last === undefined
              ? sql`true`
              : sql`(e.at, e.kind, e.id) > (${last.at}::timestamptz, ${last.kind}, ${last.id})`
          const rows = yield* sql`
            SELECT e.* FROM (${entriesOf(id)}) AS e WHERE ${isLater} ORDER BY e.at, e.kind, e.id LIMIT ${limit + 1}`
          const entries = yield* Effect.orDie(decodeEntries(rows))
          return toPage(entries, limit, ({ at, id, kind }) => cursor.encode({ at: at.toISOString(), kind, id }))
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const purge = Effect.fn("PaymentLog.purge")(
        function* (limit: number) {
          const before = new Date((yield* DateTime.nowAsDate).getTime() - Duration.toMillis(logLifetime))
          const rows = yield* sql`
            DELETE FROM payments.channel_log WHERE id IN (
              SELECT l.id FROM payments.channel_log AS l
              WHERE l.at < ${before} ORDER BY l.at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
            RETURNING id`
          return rows.length
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return PaymentLog.of({ read, purge })
    })
  )
}
