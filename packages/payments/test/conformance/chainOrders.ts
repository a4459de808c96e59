import { AttemptId } from "@mall/domain/payments/Payment"
import { Effect, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { paymentUri } from "../../src/channel/crypto/depositAddress.ts"

const Deposit = Schema.Struct({
  token: Schema.String,
  chainId: Schema.Int,
  address: Schema.String,
  amount: Schema.Int
})
const Told = Schema.Struct({ content: Schema.NullOr(Schema.String) })

/** A chain knows addresses and no orders: which address is a try's stands in our books alone. */
export const chainOrders = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const select = SqlSchema.findAll({
    Request: AttemptId,
    Result: Deposit,
    execute: (id) => sql`
      SELECT d.token, d.chain_id AS "chainId", d.address, d.amount FROM payments.crypto_deposits AS d
      WHERE d.attempt_id = ${id}`
  })
  const selectTold = SqlSchema.findAll({
    Request: Schema.Void,
    Result: Told,
    execute: () => sql`SELECT a.action->>'content' AS content FROM payments.attempts AS a ORDER BY a.id DESC LIMIT 1`
  })
  return {
    /** The address of a try, and the code by which it is paid. */
    find: (id: AttemptId) =>
      Effect.map(select(id), ([deposit]) =>
        Option.map(Option.fromUndefinedOr(deposit), (found) => ({ ...found, code: paymentUri(found) }))
      ).pipe(Effect.orDie),
    /** What the buyer of the newest try was told. */
    lastTold: Effect.orDie(Effect.map(selectTold(), (rows) => rows.map(({ content }) => content ?? "").join("")))
  }
})
