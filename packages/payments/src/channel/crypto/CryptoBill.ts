import { Duration, Effect, Option, Schema, Stream } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { countedLines } from "../billFile.ts"
import type { BillPeriod, ChannelBill } from "../Channel.ts"
import { fromNetwork } from "../channelFailure.ts"
import { toHexId } from "../hexId.ts"
import type { ChainClient } from "./ChainClient.ts"
import type { Block, Transfer } from "./ChainReader.ts"
import type { CryptoSettings } from "./CryptoConfig.ts"
import type { ReadTransfers } from "./readTransfers.ts"
import { stored } from "./stored.ts"

const Address = Schema.Struct({ id: Schema.String, address: Schema.String, amount: Schema.Int, fromBlock: Schema.Int })
type Address = typeof Address.Type
const Returned = Schema.Struct({ txHash: Schema.String, logIndex: Schema.Int })
const Sent = Schema.Struct({ txHash: Schema.String, key: Schema.String })

/** What moved, in the bill's words. Amounts in the token's smallest units, times in seconds since 1970. */
const Movement = Schema.Struct({
  object: Schema.Literal("movement"),
  kind: Schema.Literals(["payment", "refund", "other"]),
  reference: Schema.String,
  tx: Schema.String,
  amount: Schema.String,
  at: Schema.Int
})
type Movement = typeof Movement.Type
const encodeMovement = Schema.encodeSync(Schema.fromJsonString(Movement))

const refundKey = /^refund:([0-9a-f]{32})$/
const keyOf = ({ logIndex, txHash }: { readonly txHash: string; readonly logIndex: number }) => `${txHash}:${logIndex}`
const inOrder = (a: Transfer, b: Transfer) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex
const sumOf = (transfers: ReadonlyArray<Transfer>) => transfers.reduce((sum, { amount }) => sum + amount, 0n)

/** The time of a block that something happened in, in seconds since 1970. */
type TimeOf = (blockNumber: number) => number

/**
 * What a day brought to an address. Transfers add up to the payment, which is of the day when they reach its amount; what else
 * came is `other`, and so is what of a payment came on earlier days, with the sign that keeps the sums those of the chain. What
 * our books gave back is no part of a payment.
 */
const broughtTo = (
  { address, amount, id }: Address,
  before: ReadonlyArray<Transfer>,
  today: ReadonlyArray<Transfer>,
  isReturned: (transfer: Transfer) => boolean,
  timeOf: TimeOf
): ReadonlyArray<Movement> => {
  const last = today.at(-1)
  if (last === undefined) return []
  const wanted = BigInt(amount)
  let sum = sumOf(before.filter((transfer) => !isReturned(transfer)))
  const wasPaid = sum >= wanted
  const completing = wasPaid
    ? undefined
    : today.find((transfer) => {
        if (!isReturned(transfer)) sum += transfer.amount
        return sum >= wanted
      })
  const rest = sumOf(today) - (completing === undefined ? 0n : wanted)
  const movement = (kind: "payment" | "other", reference: string, of: Transfer, moved: bigint): Movement => ({
    ...{ object: "movement", kind, reference, tx: of.txHash, amount: `${moved}`, at: timeOf(of.blockNumber) }
  })
  return [
    ...(completing === undefined ? [] : [movement("payment", toHexId(id), completing, wanted)]),
    ...(rest === 0n ? [] : [movement("other", address, last, rest)])
  ]
}

/** What left the wallet: a refund by its number, and one without a number where our books do not know of it. */
const sentBy = (transfer: Transfer, key: string | undefined, timeOf: TimeOf): Movement => {
  const { amount, blockNumber, txHash } = transfer
  const reference = key === undefined ? txHash : refundKey.exec(key)?.[1]
  const at = timeOf(blockNumber)
  return reference === undefined
    ? { object: "movement", kind: "other", reference: key ?? txHash, tx: txHash, amount: `${-amount}`, at }
    : { object: "movement", kind: "refund", reference, tx: txHash, amount: `${amount}`, at }
}

/**
 * The chain's own account of a day: what its logs say came to our addresses and left our wallet. By its blocks, found by their
 * times, and only once the first block behind the day is final.
 */
export const make = Effect.fnUntraced(function* (
  settings: CryptoSettings,
  account: string,
  chain: ChainClient,
  read: ReadTransfers
) {
  const sql = yield* SqlClient.SqlClient
  const { blockRange, chainId, confirmations, token, watch } = settings

  const selectAddresses = SqlSchema.findAll({
    Request: Schema.Struct({ since: Schema.Date, block: Schema.Int }),
    Result: Address,
    execute: ({ block, since }) => sql`
      SELECT d.attempt_id AS id, d.address, d.amount, d.from_block AS "fromBlock" FROM payments.crypto_deposits AS d
      WHERE d.chain_id = ${chainId} AND d.token = ${token} AND d.created_at >= ${since} AND d.from_block <= ${block}
      ORDER BY d.created_at, d.attempt_id`
  })
  const selectReturned = SqlSchema.findAll({
    Request: Schema.Array(Schema.String),
    Result: Returned,
    execute: (addresses) => sql`
      SELECT t.tx_hash AS "txHash", t.log_index AS "logIndex" FROM payments.crypto_transfers AS t
      WHERE t.chain_id = ${chainId} AND t.token = ${token} AND t.disposition = 'returned'
        AND t.recipient = ANY(${addresses}::text[])`
  })
  const selectSent = SqlSchema.findAll({
    Request: Schema.Array(Schema.String),
    Result: Sent,
    execute: (hashes) => sql`
      SELECT p.tx_hash AS "txHash", p.key FROM payments.crypto_payouts AS p
      WHERE p.chain_id = ${chainId} AND p.tx_hash = ANY(${hashes}::text[])
      UNION
      SELECT s.tx_hash, s.key FROM payments.crypto_signings AS s JOIN payments.crypto_payouts AS p ON p.key = s.key
      WHERE p.chain_id = ${chainId} AND s.tx_hash = ANY(${hashes}::text[])`
  })

  /** The first block that is not before the moment. `high` is one; times of blocks do not fall. */
  const firstFrom = Effect.fnUntraced(function* (moment: Date, high: number) {
    let [low, found] = [0, high]
    while (low < found) {
      const middle = Math.floor((low + found) / 2)
      if ((yield* chain.block(middle)).at >= moment) found = middle
      else low = middle + 1
    }
    return found
  })

  const blocksOf = Effect.fnUntraced(function* ({ from, to }: BillPeriod) {
    const final = (yield* chain.head) - confirmations + 1
    if (final < 0 || (yield* chain.block(final)).at < to) return yield* fromNetwork("NOT_FINAL_YET")
    const behind = yield* firstFrom(to, final)
    return { first: yield* firstFrom(from, behind), last: behind - 1 }
  })

  const sentIn = Effect.fnUntraced(function* (first: number, last: number) {
    const sent: Array<Transfer> = []
    for (let start = first; start <= last; start += blockRange) {
      sent.push(...(yield* chain.sent(start, Math.min(last, start + blockRange - 1))))
    }
    return sent
  })

  /** What came to those of the addresses that something came to on the day, from the beginning of each. */
  const cameTo = Effect.fnUntraced(function* (addresses: ReadonlyArray<Address>, first: number, last: number) {
    const today = yield* read(
      addresses.map(({ address }) => address),
      first,
      last
    )
    const touched = new Set(today.map(({ recipient }) => recipient))
    const paid = addresses.filter(({ address }) => touched.has(address))
    const older = paid.filter(({ fromBlock }) => fromBlock < first)
    const oldest = older.reduce((least, { fromBlock }) => Math.min(least, fromBlock), first)
    const before = yield* read(
      older.map(({ address }) => address),
      oldest,
      first - 1
    )
    return { paid, before, today: today.toSorted(inOrder) }
  })

  const movementsOf = Effect.fnUntraced(function* (period: BillPeriod) {
    const { first, last } = yield* blocksOf(period)
    if (last < first) return []
    const since = new Date(period.from.getTime() - Duration.toMillis(watch))
    const addresses = yield* stored(selectAddresses({ since, block: last }))
    const { before, paid, today } = yield* cameTo(addresses, first, last)
    const sent = yield* sentIn(first, last)
    const known = yield* stored(selectReturned(paid.map(({ address }) => address)))
    const returned = new Set(known.map(keyOf))
    const keys = new Map(
      (yield* stored(selectSent(sent.map(({ txHash }) => txHash)))).map(({ key, txHash }) => [txHash, key])
    )
    const blocks = new Map<number, Block>()
    for (const number of new Set([...today, ...sent].map(({ blockNumber }) => blockNumber))) {
      blocks.set(number, yield* chain.block(number))
    }
    const timeOf: TimeOf = (number) => Math.floor((blocks.get(number)?.at.getTime() ?? 0) / 1000)
    const came = Map.groupBy(today, ({ recipient }) => recipient)
    const earlier = Map.groupBy(before, ({ recipient }) => recipient)
    const isReturned = (transfer: Transfer) => returned.has(keyOf(transfer))
    return [
      ...paid.flatMap((one) =>
        broughtTo(one, earlier.get(one.address) ?? [], came.get(one.address) ?? [], isReturned, timeOf)
      ),
      ...sent.map((transfer) => sentBy(transfer, keys.get(transfer.txHash), timeOf))
    ].toSorted((a, b) => a.at - b.at)
  })

  const bill: ChannelBill = {
    account,
    format: "chain_transfers",
    offsetMinutes: 0,
    download: (period) =>
      Effect.map(movementsOf(period), (movements) =>
        Option.some(countedLines(Stream.make(movements.map((movement) => encodeMovement(movement)))))
      )
  }
  return bill
})
