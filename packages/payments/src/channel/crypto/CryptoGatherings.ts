import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

/** Deposits that were sent on to the treasury in one transaction. */
export const Gathering = Schema.Struct({
  key: Schema.String,
  status: Schema.Literals(["pending", "signed", "confirmed", "reverted"]),
  /** In the token's smallest unit. */
  amount: Schema.Int,
  addresses: Schema.Int,
  txHash: Schema.NullOr(Schema.String),
  /** In the smallest unit of the chain's coin, once it is final. */
  cost: Schema.NullOr(Schema.String),
  createdAt: Schema.Date
})
export type Gathering = typeof Gathering.Type

/** What was gathered, for operators. */
export class CryptoGatherings extends Context.Service<
  CryptoGatherings,
  {
    /** Newest first. */
    list(limit: number): Effect.Effect<ReadonlyArray<Gathering>>
  }
>()("@mall/payments/channel/crypto/CryptoGatherings") {
  static readonly layer = Layer.effect(
    CryptoGatherings,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const select = SqlSchema.findAll({
        Request: Schema.Int,
        Result: Gathering,
        execute: (limit) => sql`
          SELECT p.key, p.status, p.amount::bigint AS amount, p.tx_hash AS "txHash", p.cost::text AS cost,
            p.created_at AS "createdAt",
            (SELECT count(*) FROM payments.crypto_gathered AS g WHERE g.key = p.key) AS addresses
          FROM payments.crypto_payouts AS p WHERE p.key LIKE 'gather:%' ORDER BY p.created_at DESC, p.key DESC LIMIT ${limit}`
      })
      return CryptoGatherings.of({ list: (limit) => Effect.orDie(select(limit)) })
    })
  )
}
