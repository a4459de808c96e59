import * as Sql from "@mall/platform/Sql"
import { Context, Effect, Layer, Schema } from "effect"
import type { Redacted } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const Gathering = Schema.Struct({ status: Schema.String, addresses: Schema.Int })
const Ledger = Schema.Struct({ transfers: Schema.Int, entries: Schema.Int, balances: Schema.String })
const Nonce = Schema.Struct({ nonce: Schema.Int })

/** What the tables themselves say of what was sent on a chain, and of the ledger. */
export const chainBooksOf = Effect.fnUntraced(function* (database: Redacted.Redacted) {
  const sql = Context.get(yield* Layer.build(Layer.fresh(Sql.layerUrl(database))), SqlClient.SqlClient)
  const find = <S extends Schema.Constraint>(
    Result: S,
    execute: () => Effect.Effect<ReadonlyArray<unknown>, unknown>
  ) => Effect.orDie(SqlSchema.findAll({ Request: Schema.Void, Result, execute })(undefined))

  return {
    /** Oldest first. */
    gatherings: find(
      Gathering,
      () => sql`
        SELECT p.status, (SELECT count(*) FROM payments.crypto_gathered AS g WHERE g.key = p.key) AS addresses
        FROM payments.crypto_payouts AS p WHERE p.key LIKE 'gather:%' ORDER BY p.created_at`
    ),
    /** How much is in the ledger, and what its accounts hold: the same as long as nothing was booked. */
    ledger: Effect.map(
      find(
        Ledger,
        () => sql`
          SELECT (SELECT count(*) FROM ledger.transfers) AS transfers, (SELECT count(*) FROM ledger.entries) AS entries,
            (SELECT md5(string_agg(b::text, ';' ORDER BY b.account_id, b.shard)) FROM ledger.balances AS b) AS balances`
      ),
      ([row]) => row ?? { transfers: 0, entries: 0, balances: "" }
    ),
    /** The numbers that the wallet's transactions took, and the one that is next. */
    nonces: Effect.gen(function* () {
      const used = yield* find(
        Nonce,
        () => sql`SELECT p.nonce FROM payments.crypto_payouts AS p WHERE p.nonce IS NOT NULL ORDER BY p.nonce`
      )
      const next = yield* find(Nonce, () => sql`SELECT w.next_nonce AS nonce FROM payments.crypto_wallets AS w`)
      return { used: used.map(({ nonce }) => nonce), next: next[0]?.nonce }
    }),
    /** Every signature that was kept. */
    signed: Effect.map(
      find(Schema.Struct({ raw: Schema.String }), () => sql`SELECT s.raw FROM payments.crypto_signings AS s`),
      (rows) => rows.map(({ raw }) => raw)
    )
  }
})
