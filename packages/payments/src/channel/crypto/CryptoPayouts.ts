import { DateTime, Effect, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { ChannelError } from "../ChannelError.ts"
import type { ChainClient } from "./ChainClient.ts"
import type { CryptoSettings } from "./CryptoConfig.ts"
import { stored } from "./stored.ts"

const Payout = Schema.Struct({
  key: Schema.String,
  recipient: Schema.String,
  amount: Schema.BigIntFromString,
  status: Schema.Literals(["pending", "signed", "confirmed", "reverted"]),
  raw: Schema.NullOr(Schema.String),
  txHash: Schema.NullOr(Schema.String)
})
export type Payout = typeof Payout.Type

/**
 * What we send, each once by its key. Signed with a nonce that is drawn under a lock and kept with the bytes before they are
 * sent; after a crash the same bytes are sent again, so that the chain takes them once.
 */
export const make = Effect.fnUntraced(function* (settings: CryptoSettings, chain: ChainClient) {
  const sql = yield* SqlClient.SqlClient
  const { chainId, confirmations, token } = settings
  const signer = chain.walletAddress

  const columns = sql.literal(`p.key, p.recipient, p.amount::text AS amount, p.status, p.raw, p.tx_hash AS "txHash"`)
  const select = SqlSchema.findAll({
    Request: Schema.Struct({ key: Schema.String, lock: Schema.Boolean }),
    Result: Payout,
    execute: ({ key, lock }) => sql`
      SELECT ${columns} FROM payments.crypto_payouts AS p
      WHERE p.key = ${key} AND p.chain_id = ${chainId} ${sql.literal(lock ? "FOR UPDATE" : "")}`
  })
  const selectOpen = SqlSchema.findAll({
    Request: Schema.Int,
    Result: Payout,
    execute: (limit) => sql`
      SELECT ${columns} FROM payments.crypto_payouts AS p
      WHERE p.status IN ('pending', 'signed') AND p.chain_id = ${chainId} AND p.token = ${token}
      ORDER BY p.created_at LIMIT ${limit}`
  })
  const lockWallet = SqlSchema.findAll({
    Request: Schema.Int,
    Result: Schema.Struct({ nextNonce: Schema.Int }),
    // the chain's count only starts ours: a node that has forgotten our unsent bytes must not make us use a nonce twice
    execute: (onChain) => sql`
      INSERT INTO payments.crypto_wallets AS w (chain_id, address, next_nonce) VALUES (${chainId}, ${signer}, ${onChain})
      ON CONFLICT (chain_id, address) DO UPDATE SET next_nonce = w.next_nonce
      RETURNING w.next_nonce AS "nextNonce"`
  })

  const find = (key: string) =>
    stored(Effect.map(select({ key, lock: false }), (rows) => Option.fromUndefinedOr(rows[0])))

  const request = (key: string, recipient: string, amount: bigint) =>
    stored(
      Effect.flatMap(
        DateTime.nowAsDate,
        (now) => sql`
          INSERT INTO payments.crypto_payouts (key, chain_id, token, recipient, amount, status, created_at)
          VALUES (${key}, ${chainId}, ${token}, ${recipient}, ${amount.toString()}::numeric, 'pending', ${now})
          ON CONFLICT (key) DO NOTHING`
      )
    )

  /** Signs a payout that is not signed; one short of tokens waits. Whoever comes second finds it signed. */
  const sign = Effect.fnUntraced(function* (key: string) {
    const { balance, nonce: onChain, ...fees } = yield* chain.terms
    return yield* stored(
      sql.withTransaction(
        Effect.gen(function* () {
          const [payout] = yield* select({ key, lock: true })
          if (payout === undefined || payout.status !== "pending" || balance < payout.amount) return payout
          const [wallet] = yield* lockWallet(onChain)
          const { nextNonce: nonce } = yield* Effect.fromNullishOr(wallet).pipe(Effect.orDie)
          const { hash: txHash, raw } = yield* chain.sign(payout.recipient, payout.amount, { nonce, ...fees })
          yield* sql`
            UPDATE payments.crypto_payouts
            SET status = 'signed', signer = ${signer}, nonce = ${nonce}, raw = ${raw}, tx_hash = ${txHash}
            WHERE key = ${key}`
          yield* sql`
            UPDATE payments.crypto_wallets SET next_nonce = ${nonce + 1}
            WHERE chain_id = ${chainId} AND address = ${signer}`
          const signed: Payout = { ...payout, status: "signed", raw, txHash }
          return signed
        })
      )
    )
  })

  const settle = (key: string, status: "confirmed" | "reverted") =>
    stored(sql`UPDATE payments.crypto_payouts SET status = ${status} WHERE key = ${key} AND status = 'signed'`)

  /** Brings a payout on by what the chain says of it, and answers with how it stands; undefined where there is none. */
  const advance = Effect.fnUntraced(function* (key: string): Effect.fn.Return<Payout | undefined, ChannelError> {
    const found = Option.getOrUndefined(yield* find(key))
    const payout = found?.status === "pending" ? yield* sign(key) : found
    if (payout === undefined || payout.status !== "signed" || payout.raw === null || payout.txHash === null)
      return payout
    const receipt = yield* chain.receipt(payout.txHash)
    if (receipt === undefined) {
      yield* chain
        .broadcast(payout.raw)
        .pipe(
          Effect.catchTag("ChannelError", ({ reason }) =>
            Effect.logWarning("payout not taken by the node").pipe(Effect.annotateLogs({ key, code: reason.code }))
          )
        )
      return payout
    }
    const head = yield* chain.head
    if (head - receipt.blockNumber + 1 < confirmations) return payout
    const status = receipt.succeeded ? "confirmed" : "reverted"
    yield* settle(key, status)
    if (!receipt.succeeded) yield* Effect.logError("payout reverted by the token").pipe(Effect.annotateLogs({ key }))
    return { ...payout, status }
  })

  return { find, request, advance, open: (limit: number) => stored(selectOpen(limit)) }
})

export type CryptoPayouts = Effect.Success<ReturnType<typeof make>>
