import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { Context, DateTime, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { PaymentsConfig } from "../PaymentsConfig.ts"

export interface SecurityEvent {
  readonly kind:
    | "callback_refused"
    | "callback_replayed"
    | "callback_unknown_order"
    | "chain_nodes_differ"
    | "chain_reorganised"
    | "dispute_mismatch"
    | "dispute_unknown_payment"
    | "payment_mismatch"
    | "refund_mismatch"
    | "ticket_foreign"
    | "ticket_reused"
  readonly channel?: string
  readonly paymentId?: PaymentId
  /** Facts for who investigates: never a secret, a signature or a ticket. */
  readonly details: Readonly<Record<string, string>>
}

const detailsJson = Schema.encodeSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)))

/** What somebody has to look at: kept as rows for the audit, and logged as warnings for the alert. */
export class SecurityEvents extends Context.Service<
  SecurityEvents,
  {
    /** Joins the ambient transaction. */
    record(event: SecurityEvent): Effect.Effect<void, SqlError>
    /** Drops events older than `PAYMENT_SECURITY_EVENT_LIFETIME`; answers with how many. */
    purge(limit: number): Effect.Effect<number>
  }
>()("@mall/payments/callbacks/SecurityEvents") {
  static readonly layerNoDeps = Layer.effect(
    SecurityEvents,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { securityEventLifetime } = yield* PaymentsConfig
      return SecurityEvents.of({
        record: Effect.fn("SecurityEvents.record")(function* ({ channel, details, kind, paymentId }) {
          yield* Effect.logWarning("payment security event").pipe(
            Effect.annotateLogs({ kind, channel: channel ?? "none", paymentId: paymentId ?? "none", ...details })
          )
          yield* sql`
            INSERT INTO payments.security_events (kind, channel, payment_id, details, trace_id, at)
            VALUES (${kind}, ${channel ?? null}, ${paymentId ?? null}, ${detailsJson(details)}::jsonb,
              ${yield* currentTraceId}, ${yield* DateTime.nowAsDate})`
        }),
        purge: Effect.fn("SecurityEvents.purge")(
          function* (limit) {
            const now = yield* DateTime.nowAsDate
            const before = new Date(now.getTime() - Duration.toMillis(securityEventLifetime))
            const rows = yield* sql`
              DELETE FROM payments.security_events WHERE id IN (
                SELECT e.id FROM payments.security_events AS e
                WHERE e.at < ${before} ORDER BY e.id LIMIT ${limit} FOR UPDATE SKIP LOCKED)
              RETURNING id`
            return rows.length
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}
