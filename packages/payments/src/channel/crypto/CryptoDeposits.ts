import { AttemptId } from "@mall/domain/payments/Payment"
import { DateTime, Duration, Effect, Option, Redacted, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { ChannelAttempt } from "../Channel.ts"
import type { ChannelError } from "../ChannelError.ts"
import { assignTransfers } from "./assignTransfers.ts"
import { asAddress } from "./ChainReader.ts"
import type { Block, Transfer } from "./ChainReader.ts"
import type { CryptoSettings } from "./CryptoConfig.ts"
import { depositAddresses, forwarderAddresses } from "./depositAddress.ts"
import { stored } from "./stored.ts"

const Deposit = Schema.Struct({
  attemptId: AttemptId,
  address: Schema.String,
  amount: Schema.Int,
  /** What came and was neither credited nor returned. */
  received: Schema.Int,
  fromBlock: Schema.Int,
  closedAt: Schema.NullOr(Schema.Date),
  paidAt: Schema.NullOr(Schema.Date)
})
export type Deposit = typeof Deposit.Type

const Came = Schema.Struct({
  txHash: Schema.String,
  logIndex: Schema.Int,
  recipient: Schema.String,
  amount: Schema.BigIntFromString
})

const Unassigned = Schema.Struct({
  txHash: Schema.String,
  logIndex: Schema.Int,
  sender: Schema.String,
  amount: Schema.BigIntFromString,
  blockAt: Schema.Date
})

/** The addresses of tries and what came to them, in our books. Everything in it is final on the chain. */
export const make = Effect.fnUntraced(function* (settings: CryptoSettings) {
  const sql = yield* SqlClient.SqlClient
  const { forwarders } = settings
  const contract = forwarders === null ? Option.none() : asAddress(forwarders)
  const addressOf = yield* Effect.sync(() =>
    Option.match(contract, {
      onNone: () => depositAddresses(Redacted.value(settings.xpub)),
      onSome: forwarderAddresses
    })
  )
  const { chainId, token } = settings

  const columns = sql.literal(
    `d.attempt_id AS "attemptId", d.address, d.amount, d.from_block AS "fromBlock", d.closed_at AS "closedAt", d.paid_at AS "paidAt",
      (SELECT least(coalesce(sum(t.amount), 0), 9007199254740991)::bigint FROM payments.crypto_transfers AS t
        WHERE t.recipient = d.address AND t.chain_id = d.chain_id AND t.token = d.token
          AND t.disposition IS NULL AND t.vanished_at IS NULL) AS received`
  )
  const select = SqlSchema.findAll({
    Request: Schema.Struct({ id: AttemptId, lock: Schema.Boolean }),
    Result: Deposit,
    execute: ({ id, lock }) => sql`
      SELECT ${columns} FROM payments.crypto_deposits AS d
      WHERE d.attempt_id = ${id} AND d.chain_id = ${chainId} AND d.token = ${token} ${sql.literal(lock ? "FOR UPDATE OF d" : "")}`
  })
  const drawIndex = SqlSchema.findAll({
    Request: Schema.Void,
    Result: Schema.Struct({ index: Schema.Int }),
    execute: () => sql`SELECT nextval('payments.crypto_deposit_indexes')::int AS index`
  })
  const selectUnassigned = SqlSchema.findAll({
    Request: Schema.String,
    Result: Unassigned,
    // a transaction that vanished once and came back is for a person to judge
    execute: (address) => sql`
      SELECT t.tx_hash AS "txHash", t.log_index AS "logIndex", t.sender, t.amount::text AS amount, t.block_at AS "blockAt"
      FROM payments.crypto_transfers AS t
      WHERE t.recipient = ${address} AND t.chain_id = ${chainId} AND t.token = ${token} AND t.disposition IS NULL
        AND NOT EXISTS (SELECT 1 FROM payments.crypto_transfers AS v
          WHERE v.chain_id = t.chain_id AND v.tx_hash = t.tx_hash AND v.vanished_at IS NOT NULL)
      ORDER BY t.block_number, t.log_index`
  })
  const selectWatched = SqlSchema.findAll({
    Request: Schema.Date,
    Result: Schema.Struct({ address: Schema.String }),
    execute: (since) => sql`
      SELECT d.address FROM payments.crypto_deposits AS d
      WHERE d.chain_id = ${chainId} AND d.token = ${token} AND d.created_at >= ${since} ORDER BY d.created_at`
  })
  const selectAssignable = SqlSchema.findAll({
    Request: Schema.Int,
    Result: Schema.Struct({ attemptId: AttemptId }),
    execute: (limit) => sql`
      SELECT d.attempt_id AS "attemptId" FROM payments.crypto_deposits AS d
      JOIN payments.crypto_transfers AS t ON t.recipient = d.address AND t.chain_id = d.chain_id AND t.token = d.token
      WHERE d.chain_id = ${chainId} AND d.token = ${token} AND t.disposition IS NULL AND t.vanished_at IS NULL
      GROUP BY d.attempt_id
      HAVING d.paid_at IS NOT NULL OR d.closed_at IS NOT NULL OR sum(t.amount) >= d.amount
      LIMIT ${limit}`
  })
  const selectUntold = SqlSchema.findAll({
    Request: Schema.Int,
    Result: Deposit,
    execute: (limit) => sql`
      SELECT ${columns} FROM payments.crypto_deposits AS d
      WHERE d.paid_at IS NOT NULL AND d.told_at IS NULL AND d.chain_id = ${chainId} AND d.token = ${token}
      ORDER BY d.paid_at LIMIT ${limit}`
  })
  const selectUnderpaid = SqlSchema.findAll({
    Request: Schema.Int,
    Result: Deposit,
    execute: (limit) => sql`
      SELECT ${columns} FROM payments.crypto_deposits AS d
      JOIN (
        SELECT t.recipient, sum(t.amount) AS amount FROM payments.crypto_transfers AS t
        WHERE t.chain_id = ${chainId} AND t.token = ${token} AND t.disposition IS NULL AND t.vanished_at IS NULL
        GROUP BY t.recipient
      ) AS came ON came.recipient = d.address
      WHERE d.paid_at IS NULL AND d.closed_at IS NULL AND d.chain_id = ${chainId} AND d.token = ${token}
        AND came.amount > d.told_received AND came.amount < d.amount
      ORDER BY d.created_at LIMIT ${limit}`
  })
  const selectSender = SqlSchema.findAll({
    Request: Schema.String,
    Result: Schema.Struct({ sender: Schema.String }),
    execute: (address) => sql`
      SELECT t.sender FROM payments.crypto_transfers AS t
      WHERE t.recipient = ${address} AND t.chain_id = ${chainId} AND t.disposition = 'credited'
      GROUP BY t.sender ORDER BY sum(t.amount) DESC, max(t.block_number) DESC, max(t.log_index) DESC LIMIT 1`
  })

  const selectCame = SqlSchema.findAll({
    Request: Schema.Array(Schema.String),
    Result: Came,
    execute: (addresses) => sql`
      SELECT t.tx_hash AS "txHash", t.log_index AS "logIndex", t.recipient, t.amount::text AS amount
      FROM payments.crypto_transfers AS t
      WHERE t.chain_id = ${chainId} AND t.token = ${token} AND t.vanished_at IS NULL
        AND t.recipient = ANY(${addresses}::text[])`
  })

  const find = (id: AttemptId) =>
    stored(Effect.map(select({ id, lock: false }), (rows) => Option.fromUndefinedOr(rows[0])))

  /** The deposit of a try, made at the first call; the same ever after. */
  const open = Effect.fnUntraced(function* ({ amount, id }: ChannelAttempt, fromBlock: number) {
    const known = yield* find(id)
    if (Option.isSome(known)) return known.value
    return yield* stored(
      Effect.gen(function* () {
        const [drawn] = yield* drawIndex()
        const index = yield* Effect.fromNullishOr(drawn).pipe(Effect.orDie)
        const now = yield* DateTime.nowAsDate
        yield* sql`
          INSERT INTO payments.crypto_deposits
            (attempt_id, derivation_index, chain_id, token, address, forwarders, amount, from_block, created_at)
          VALUES (${id}, ${index.index}, ${chainId}, ${token}, ${addressOf(index.index)}, ${forwarders}, ${amount.amount}, ${fromBlock}, ${now})
          ON CONFLICT (attempt_id) DO NOTHING`
        const [row] = yield* select({ id, lock: false })
        return yield* Effect.fromNullishOr(row).pipe(Effect.orDie)
      })
    )
  })

  const payout = (key: string, recipient: string, amount: bigint, now: Date) => sql`
    INSERT INTO payments.crypto_payouts (key, chain_id, token, recipient, amount, status, created_at)
    VALUES (${key}, ${chainId}, ${token}, ${recipient}, ${amount.toString()}::numeric, 'pending', ${now})
    ON CONFLICT (key) DO NOTHING`

  /** Decides about what came to a deposit since the last time, under its lock: each transfer once. */
  const assign = (id: AttemptId) =>
    stored(
      sql.withTransaction(
        Effect.gen(function* () {
          const [deposit] = yield* select({ id, lock: true })
          if (deposit === undefined) return
          const transfers = yield* selectUnassigned(deposit.address)
          const decided = assignTransfers(
            { amount: deposit.amount, isPaid: deposit.paidAt !== null, isClosed: deposit.closedAt !== null },
            transfers
          )
          const now = yield* DateTime.nowAsDate
          const dispose = (disposition: string) => (transfer: typeof Unassigned.Type) =>
            sql`
            UPDATE payments.crypto_transfers SET disposition = ${disposition}
            WHERE chain_id = ${chainId} AND tx_hash = ${transfer.txHash} AND log_index = ${transfer.logIndex}`
          const byKey = new Map(transfers.map((transfer) => [`${transfer.txHash}:${transfer.logIndex}`, transfer]))
          for (const { logIndex, txHash } of decided.credited) {
            const transfer = byKey.get(`${txHash}:${logIndex}`)
            if (transfer !== undefined) yield* dispose("credited")(transfer)
          }
          for (const { amount, logIndex, sender, txHash } of decided.returned) {
            const transfer = byKey.get(`${txHash}:${logIndex}`)
            if (transfer !== undefined) yield* dispose("returned")(transfer)
            yield* payout(`return:${chainId}:${txHash}:${logIndex}`, sender, amount, now)
          }
          if (decided.surplus !== null) {
            yield* payout(`surplus:${id}`, decided.surplus.recipient, decided.surplus.amount, now)
          }
          if (decided.paidAt !== null) {
            yield* sql`UPDATE payments.crypto_deposits SET paid_at = ${decided.paidAt} WHERE attempt_id = ${id}`
          }
        })
      )
    )

  /** Keeps each once, however often it is read from the chain. */
  const record = (transfers: ReadonlyArray<Transfer>, blocks: ReadonlyMap<number, Block>) =>
    stored(
      Effect.forEach(
        transfers,
        ({ amount, blockHash, blockNumber, logIndex, recipient, sender, txHash }) => sql`
          INSERT INTO payments.crypto_transfers (chain_id, tx_hash, log_index, block_number, block_hash, block_at, token,
            sender, recipient, amount)
          VALUES (${chainId}, ${txHash}, ${logIndex}, ${blockNumber}, ${blockHash}, ${blocks.get(blockNumber)?.at ?? null},
            ${token}, ${sender}, ${recipient}, ${amount.toString()}::numeric)
          ON CONFLICT (chain_id, tx_hash, log_index) DO NOTHING`,
        { discard: true }
      )
    )

  /** From now on what comes is late. Not where it is paid. */
  const close = (id: AttemptId) =>
    stored(
      Effect.flatMap(
        DateTime.nowAsDate,
        (now) => sql`
          UPDATE payments.crypto_deposits SET closed_at = ${now}
          WHERE attempt_id = ${id} AND closed_at IS NULL AND paid_at IS NULL`
      )
    )

  return {
    find,
    open,
    assign,
    record,
    close,
    /** All that was kept of what came to the addresses. */
    cameTo: (addresses: ReadonlyArray<string>) => stored(selectCame(addresses)),
    /** Who paid the deposit at `address`; most of it where several did, for anybody may add dust. */
    senderOf: (address: string): Effect.Effect<Option.Option<string>, ChannelError> =>
      stored(Effect.map(selectSender(address), (rows) => Option.fromUndefinedOr(rows[0]?.sender))),
    /** The addresses that are still looked at. */
    watched: Effect.flatMap(DateTime.nowAsDate, (now) =>
      stored(
        Effect.map(selectWatched(new Date(now.getTime() - Duration.toMillis(settings.watch))), (rows) =>
          rows.map(({ address }) => address)
        )
      )
    ),
    assignable: (limit: number) =>
      stored(Effect.map(selectAssignable(limit), (rows) => rows.map((row) => row.attemptId))),
    /** Paid, and nobody was told yet. */
    untold: (limit: number) => stored(selectUntold(limit)),
    /** Something came, but less than the amount, and nobody was told of so much yet. */
    underpaid: (limit: number) => stored(selectUnderpaid(limit)),
    toldReceived: (id: AttemptId, received: number) =>
      stored(
        sql`UPDATE payments.crypto_deposits SET told_received = greatest(told_received, ${received}) WHERE attempt_id = ${id}`
      ),
    told: (ids: ReadonlyArray<AttemptId>) =>
      stored(
        Effect.flatMap(
          DateTime.nowAsDate,
          (now) => sql`UPDATE payments.crypto_deposits SET told_at = ${now} WHERE attempt_id = ANY(${ids}::uuid[])`
        )
      )
  }
})

export type CryptoDeposits = Effect.Success<ReturnType<typeof make>>
