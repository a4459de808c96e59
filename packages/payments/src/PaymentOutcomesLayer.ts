import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { PaymentOutcomes } from "@mall/domain/payments/PaymentOutcomes"
import { Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const Row = Schema.Struct({
  id: PaymentId,
  isCaptured: Schema.Boolean,
  isRefunded: Schema.Boolean,
  isDisputed: Schema.Boolean
})

/** The port `PaymentOutcomes`. Needs `SqlClient`. */
export const layer = Layer.effect(
  PaymentOutcomes,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const select = SqlSchema.findAll({
      Request: Schema.Array(PaymentId),
      Result: Row,
      execute: (ids) => sql`
        SELECT i.id, i.captured > 0 AS is_captured, i.refunded > 0 AS is_refunded,
          EXISTS (SELECT FROM payments.disputes AS d WHERE d.payment_id = i.id) AS is_disputed
        FROM payments.intents AS i WHERE i.id = ANY(${ids}::uuid[])`
    })
    return PaymentOutcomes.of({
      of: (ids) =>
        Effect.orDie(Effect.map(select(ids), (rows) => new Map(rows.map(({ id, ...outcome }) => [id, outcome]))))
    })
  })
)
