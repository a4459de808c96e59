import { DateTime, Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { Block, Transfer } from "./ChainReader.ts"
import type { CryptoSettings } from "./CryptoConfig.ts"
import { stored } from "./stored.ts"

const Cursor = Schema.Struct({ number: Schema.Int, hash: Schema.String })
const First = Schema.Struct({ number: Schema.NullOr(Schema.Int) })
const Vanished = Schema.Struct({ txHash: Schema.String, recipient: Schema.String })

/** How far the chain has been read. */
export const make = Effect.fnUntraced(function* (settings: CryptoSettings) {
  const sql = yield* SqlClient.SqlClient
  const { chainId, token } = settings

  const select = SqlSchema.findAll({
    Request: Schema.Void,
    Result: Cursor,
    execute: () => sql`
      SELECT c.block_number AS number, c.block_hash AS hash FROM payments.crypto_cursors AS c
      WHERE c.chain_id = ${chainId} AND c.token = ${token}`
  })
  const selectFirst = SqlSchema.findAll({
    Request: Schema.Void,
    Result: First,
    execute: () => sql`
      SELECT min(d.from_block) AS number FROM payments.crypto_deposits AS d
      WHERE d.chain_id = ${chainId} AND d.token = ${token}`
  })
  const markVanished = SqlSchema.findAll({
    Request: Schema.Struct({
      from: Schema.Int,
      to: Schema.Int,
      present: Schema.Array(Schema.String),
      now: Schema.Date
    }),
    Result: Vanished,
    execute: ({ from, now, present, to }) => sql`
      UPDATE payments.crypto_transfers AS t SET vanished_at = ${now}
      WHERE t.chain_id = ${chainId} AND t.token = ${token} AND t.block_number BETWEEN ${from} AND ${to}
        AND t.vanished_at IS NULL AND NOT (t.tx_hash || t.block_hash = ANY(${present}::text[]))
      RETURNING t.tx_hash AS "txHash", t.recipient`
  })

  return {
    read: stored(Effect.map(select(), (rows) => rows[0])),
    /** The block of the oldest address, where there is one. */
    first: stored(Effect.map(selectFirst(), (rows) => rows[0]?.number ?? null)),
    move: ({ hash, number }: Block) =>
      stored(sql`
        INSERT INTO payments.crypto_cursors (chain_id, token, block_number, block_hash)
        VALUES (${chainId}, ${token}, ${number}, ${hash})
        ON CONFLICT (chain_id, token) DO UPDATE SET block_number = ${number}, block_hash = ${hash}`),
    /** Marks what we hold of these blocks and the chain no longer has; answers with it. */
    forget: (from: number, to: number, present: ReadonlyArray<Transfer>) =>
      stored(
        Effect.flatMap(DateTime.nowAsDate, (now) =>
          markVanished({ from, to, now, present: present.map(({ blockHash, txHash }) => txHash + blockHash) })
        )
      )
  }
})

export type CryptoCursor = Effect.Success<ReturnType<typeof make>>
