import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { PaymentIncident } from "@mall/domain/trade/PaymentIncident"
import type { CheckoutId } from "@mall/domain/trade/Order"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/** What the pay platform told and the mall could not simply accept, kept where an operator finds it. */
export class PaymentIncidents extends Context.Service<
  PaymentIncidents,
  {
    /**
     * Once per payment and kind, in the ambient transaction; false where it was known before. Each new one is logged. Any number of
     * refunds may be unmatched: what is told of another one is added.
     */
    report(incident: {
      readonly paymentId: PaymentId
      readonly checkoutId: CheckoutId
      readonly kind: PaymentIncident["kind"]
      readonly detail: string
    }): Effect.Effect<boolean, SqlError>
    /** The latest, newest first. */
    list(limit: number): Effect.Effect<ReadonlyArray<PaymentIncident>>
  }
>()("@mall/trade/PaymentIncidents") {
  static readonly layer = Layer.effect(
    PaymentIncidents,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const insert = SqlSchema.findAll({
        Request: PaymentIncident,
        Result: Schema.Struct({ paymentId: PaymentId }),
        execute: ({ at, checkoutId, detail, kind, paymentId }) => sql`
          INSERT INTO trade.payment_incidents AS known (payment_id, kind, checkout_id, detail, at)
          VALUES (${paymentId}, ${kind}, ${checkoutId}, ${detail}, ${at})
          ON CONFLICT ON CONSTRAINT payment_incidents_pkey DO UPDATE
          SET detail = known.detail || '; ' || excluded.detail, at = excluded.at
          WHERE known.kind = 'refund_unmatched' AND strpos(known.detail, excluded.detail) = 0
          RETURNING payment_id
        `
      })
      const select = SqlSchema.findAll({
        Request: Schema.Int,
        Result: PaymentIncident,
        execute: (limit) => sql`SELECT * FROM trade.payment_incidents ORDER BY payment_incidents.at DESC LIMIT ${limit}`
      })

      return PaymentIncidents.of({
        report: Effect.fn("PaymentIncidents.report")(
          function* (incident) {
            const inserted = yield* insert({ ...incident, at: yield* DateTime.nowAsDate })
            if (inserted.length > 0) {
              const log = incident.kind === "paid_late" ? Effect.logWarning : Effect.logError
              yield* log(`A payment needs a look: ${incident.kind}`).pipe(
                Effect.annotateLogs({
                  paymentId: incident.paymentId,
                  checkoutId: incident.checkoutId,
                  detail: incident.detail
                })
              )
            }
            return inserted.length > 0
          },
          Effect.catchTag("SchemaError", Effect.die)
        ),
        list: Effect.fn("PaymentIncidents.list")((limit) => Effect.orDie(select(limit)))
      })
    })
  )
}
