import { currentTraceId } from "@mall/platform/currentTraceId"
import { Clock, DateTime, Duration, Effect, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { ChannelError } from "../ChannelError.ts"
import type { ChainClient, SigningTerms } from "./ChainClient.ts"
import type { CryptoSettings } from "./CryptoConfig.ts"
import { countPayout } from "./cryptoMetrics.ts"
import { stored } from "./stored.ts"

const Payout = Schema.Struct({
  key: Schema.String,
  /** Null: nobody, for the call makes a contract. */
  recipient: Schema.NullOr(Schema.String),
  amount: Schema.BigIntFromString,
  status: Schema.Literals(["pending", "signed", "confirmed", "reverted"]),
  raw: Schema.NullOr(Schema.String),
  txHash: Schema.NullOr(Schema.String),
  /** In the place of a transfer, with the gas that it may take. */
  call: Schema.NullOr(Schema.String),
  gas: Schema.NullOr(Schema.Int),
  nonce: Schema.NullOr(Schema.Int)
})
export type Payout = typeof Payout.Type

/** A signature of a payout. */
const Signing = Schema.Struct({
  version: Schema.Int,
  nonce: Schema.Int,
  txHash: Schema.String,
  maxFeePerGas: Schema.BigIntFromString,
  maxPriorityFeePerGas: Schema.BigIntFromString,
  signedAt: Schema.Date
})
type Signing = typeof Signing.Type

interface Signed {
  readonly raw: string
  readonly hash: string
  readonly signing: SigningTerms
}

const kindOf = ({ call, key }: Payout) =>
  call === null ? "transfer" : key.startsWith("gather:") ? "gathering" : "deployment"

/** At least an eighth above the former, rounded up: nodes take no replacement for less than a tenth more. */
const higher = (former: bigint, market: bigint) => {
  const bumped = former + (former + 7n) / 8n
  return market > bumped ? market : bumped
}

/**
 * What we send, each once by its key. Signed with a nonce that is drawn under a lock and kept with the bytes before they are
 * sent; after a crash the same bytes are sent again, so that the chain takes them once. One that hangs is signed again at a higher price,
 * with the same nonce, which is kept before it is sent as well.
 */
export const make = Effect.fnUntraced(function* (settings: CryptoSettings, chain: ChainClient) {
  const sql = yield* SqlClient.SqlClient
  const { chainId, confirmations, token } = settings
  const signer = chain.walletAddress

  const columns = sql.literal(
    `p.key, p.recipient, p.amount::text AS amount, p.status, p.raw, p.tx_hash AS "txHash", p.call, p.gas, p.nonce`
  )
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
  /** Tokens that signed transfers take away, of which the wallet's balance may still know nothing. */
  const selectUnderWay = SqlSchema.findAll({
    Request: Schema.Void,
    Result: Schema.Struct({ amount: Schema.BigIntFromString }),
    execute: () => sql`
      SELECT coalesce(sum(p.amount), 0)::text AS amount FROM payments.crypto_payouts AS p
      WHERE p.status = 'signed' AND p.call IS NULL AND p.chain_id = ${chainId} AND p.token = ${token} AND p.signer = ${signer}`
  })

  const selectSignings = SqlSchema.findAll({
    Request: Schema.String,
    Result: Signing,
    execute: (key) => sql`
      SELECT s.version, s.nonce, s.tx_hash AS "txHash", s.max_fee_per_gas::text AS "maxFeePerGas",
        s.max_priority_fee_per_gas::text AS "maxPriorityFeePerGas", s.signed_at AS "signedAt"
      FROM payments.crypto_signings AS s WHERE s.key = ${key} ORDER BY s.version DESC`
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

  /** Before anything of it is sent, and never changed. */
  const journal = Effect.fnUntraced(function* (
    key: string,
    { signing, version, reason, ...signed }: Signed & { readonly version: number; readonly reason: string }
  ) {
    yield* sql`
      INSERT INTO payments.crypto_signings
        (key, version, nonce, raw, tx_hash, max_fee_per_gas, max_priority_fee_per_gas, reason, trace_id, signed_at)
      VALUES (${key}, ${version}, ${signing.nonce}, ${signed.raw}, ${signed.hash}, ${signing.maxFeePerGas.toString()}::numeric,
        ${signing.maxPriorityFeePerGas.toString()}::numeric, ${reason}, ${yield* currentTraceId}, ${yield* DateTime.nowAsDate})`
  })

  const waitsForPrice = (key: string, fee: bigint) =>
    Effect.logWarning("payout waits: gas costs more than is allowed").pipe(
      Effect.annotateLogs({ key, maxFeePerGas: `${fee}`, allowed: `${settings.maxFeePerGas}` })
    )

  /** Signs a payout that is not signed; one short of tokens, those of transfers under way left out, waits. Whoever comes second finds it signed. */
  const sign = Effect.fnUntraced(function* (key: string) {
    const { balance, maxFeePerGas, maxPriorityFeePerGas, nonce: onChain } = yield* chain.terms
    if (maxFeePerGas > settings.maxFeePerGas) yield* waitsForPrice(key, maxFeePerGas)
    return yield* stored(
      sql.withTransaction(
        Effect.gen(function* () {
          const [payout] = yield* select({ key, lock: true })
          if (payout === undefined || payout.status !== "pending") return payout
          if (maxFeePerGas > settings.maxFeePerGas) return payout
          const [wallet] = yield* lockWallet(onChain)
          // under the wallet's lock: nobody else signs meanwhile
          const [underWay] = yield* selectUnderWay()
          if (payout.call === null && balance - (underWay?.amount ?? 0n) < payout.amount) return payout
          const { nextNonce: nonce } = yield* Effect.fromNullishOr(wallet).pipe(Effect.orDie)
          const signing = { nonce, maxFeePerGas, maxPriorityFeePerGas }
          const { hash, raw } = yield* chain.sign(payout, signing)
          yield* sql`
            UPDATE payments.crypto_payouts
            SET status = 'signed', signer = ${signer}, nonce = ${nonce}, raw = ${raw}, tx_hash = ${hash}
            WHERE key = ${key}`
          yield* sql`
            UPDATE payments.crypto_wallets SET next_nonce = ${nonce + 1}
            WHERE chain_id = ${chainId} AND address = ${signer}`
          yield* journal(key, { raw, hash, signing, version: 1, reason: "requested" })
          const signed: Payout = { ...payout, status: "signed", raw, txHash: hash, nonce }
          return signed
        })
      )
    )
  })

  /**
   * Signs anew, at a price that nodes take in place of the former, what waits too long and is the next of the wallet to be mined:
   * the same nonce, recipient and amount, so that the chain takes one of the two, whichever. Whoever comes second finds
   * it young again. What was signed before there was a journal is left alone.
   */
  const reprice = Effect.fnUntraced(function* (key: string, seen: Signing) {
    const market = yield* chain.terms
    if (market.mined !== seen.nonce) return
    const maxFeePerGas = higher(seen.maxFeePerGas, market.maxFeePerGas)
    const maxPriorityFeePerGas = higher(seen.maxPriorityFeePerGas, market.maxPriorityFeePerGas)
    if (maxFeePerGas > settings.maxFeePerGas) return yield* waitsForPrice(key, maxFeePerGas)
    const signing = { nonce: seen.nonce, maxFeePerGas, maxPriorityFeePerGas }
    yield* stored(
      sql.withTransaction(
        Effect.gen(function* () {
          const [payout] = yield* select({ key, lock: true })
          const [newest] = yield* selectSignings(key)
          if (payout?.status !== "signed" || newest?.version !== seen.version) return
          const { hash, raw } = yield* chain.sign(payout, signing)
          yield* journal(key, { raw, hash, signing, version: seen.version + 1, reason: "waited too long" })
          yield* sql`UPDATE payments.crypto_payouts SET raw = ${raw}, tx_hash = ${hash} WHERE key = ${key}`
          yield* Effect.logInfo("payout signed again at a higher price").pipe(
            Effect.annotateLogs({ key, version: seen.version + 1, maxFeePerGas: `${maxFeePerGas}` })
          )
        })
      )
    )
  })

  const settle = (key: string, status: "confirmed" | "reverted", txHash: string, cost: bigint) =>
    stored(sql`
      UPDATE payments.crypto_payouts SET status = ${status}, tx_hash = ${txHash}, cost = ${cost.toString()}::numeric
      WHERE key = ${key} AND status = 'signed'`)

  const broadcast = (key: string, raw: string) =>
    chain
      .broadcast(raw)
      .pipe(
        Effect.catchTag("ChannelError", ({ reason }) =>
          Effect.logWarning("payout not taken by the node").pipe(Effect.annotateLogs({ key, code: reason.code }))
        )
      )

  /** The one of the signatures that was mined. The newest is asked about first, for it is the likeliest. */
  const mined = Effect.fnUntraced(function* (hashes: ReadonlyArray<string>) {
    for (const txHash of hashes) {
      const receipt = yield* chain.receipt(txHash)
      if (receipt !== undefined) return { ...receipt, txHash }
    }
    return undefined
  })

  /** Brings a payout on by what the chain says of it, and answers with how it stands; undefined where there is none. */
  const advance = Effect.fnUntraced(function* (key: string): Effect.fn.Return<Payout | undefined, ChannelError> {
    const found = Option.getOrUndefined(yield* find(key))
    const payout = found?.status === "pending" ? yield* sign(key) : found
    if (payout === undefined || payout.status !== "signed" || payout.raw === null || payout.txHash === null)
      return payout
    const signings = yield* stored(selectSignings(key))
    const receipt = yield* mined(signings.length === 0 ? [payout.txHash] : signings.map(({ txHash }) => txHash))
    if (receipt === undefined) {
      const [newest] = signings
      const patience = Duration.toMillis(settings.repriceAfter)
      const isOld = newest !== undefined && (yield* Clock.currentTimeMillis) - newest.signedAt.getTime() >= patience
      if (isOld) yield* reprice(key, newest)
      const now = isOld ? Option.getOrElse(yield* find(key), () => payout) : payout
      yield* broadcast(key, now.raw ?? payout.raw)
      return now
    }
    const head = yield* chain.head
    if (head - receipt.blockNumber + 1 < confirmations) return payout
    const status = receipt.succeeded ? "confirmed" : "reverted"
    yield* settle(key, status, receipt.txHash, receipt.cost)
    yield* countPayout(kindOf(payout), status, receipt.cost)
    if (!receipt.succeeded) yield* Effect.logError("payout reverted by the chain").pipe(Effect.annotateLogs({ key }))
    return { ...payout, status, txHash: receipt.txHash }
  })

  return { find, request, advance, open: (limit: number) => stored(selectOpen(limit)) }
})

export type CryptoPayouts = Effect.Success<ReturnType<typeof make>>
