import { MinorUnits } from "@mall/domain/kernel/Money"
import type { PaymentAction } from "@mall/domain/payments/Payment"
import { Effect } from "effect"
import type { ChannelWatch, Incident, Paid, PartialPayment, VerifiedCallback } from "../Channel.ts"
import type { ChainClient } from "./ChainClient.ts"
import type { Block, Transfer } from "./ChainReader.ts"
import type { Difference } from "./compareTransfers.ts"
import type { CryptoSettings } from "./CryptoConfig.ts"
import type { CryptoCursor } from "./CryptoCursor.ts"
import type { CryptoDeposits, Deposit } from "./CryptoDeposits.ts"
import type { CryptoPayouts } from "./CryptoPayouts.ts"
import { showWitnesses } from "./cryptoMetrics.ts"
import type { CryptoWitness } from "./CryptoWitness.ts"
import { paymentUri } from "./depositAddress.ts"
import { readTransfers } from "./readTransfers.ts"

/** Ranges of blocks that one run reads; the next goes on from there. */
const rangesAtOnce = 20

/** After a reorganisation deeper than finality, so many times the confirmations are read again. */
const rewind = 10

type Account = Readonly<Record<string, string>>

/** A deposit that was paid, in the words of the contract. What was paid above the amount is no part of it: it goes back. */
export const toPaid = ({ address, amount }: Deposit, paidAt: Date, account: Account): Paid => ({
  _tag: "Paid",
  amount: MinorUnits.make(amount),
  currency: "USDC",
  account: { ...account },
  channelReference: address,
  paidAt
})

const toDetails = ({ toldBy, transfer, witness }: Difference) => ({
  toldBy,
  witness: `${witness}`,
  txHash: transfer.txHash,
  logIndex: `${transfer.logIndex}`,
  block: `${transfer.blockNumber}`,
  recipient: transfer.recipient,
  amount: `${transfer.amount}`
})

/** How the buyer pays what is missing. */
export const toAction = (settings: CryptoSettings, { address, amount, received }: Deposit): PaymentAction => ({
  type: "qr",
  content: paymentUri({ ...settings, address, amount: Math.max(1, amount - received) })
})

/** A deposit to which a part came, in the words of the contract. */
export const toPartial = (settings: CryptoSettings, deposit: Deposit, account: Account): PartialPayment => ({
  _tag: "Partial",
  amount: MinorUnits.make(deposit.received),
  currency: "USDC",
  account: { ...account },
  channelReference: deposit.address,
  action: toAction(settings, deposit)
})

/** Reads the chain on, block by block up to what is final, and sends what has to be sent. Any number of workers may. */
export const make = (
  settings: CryptoSettings,
  parts: {
    readonly account: Account
    readonly chain: ChainClient
    readonly cursor: CryptoCursor
    readonly deposits: CryptoDeposits
    readonly payouts: CryptoPayouts
    readonly witness: CryptoWitness
  }
) => {
  const { account, chain, cursor, deposits, payouts, witness } = parts
  const { blockRange, confirmations } = settings

  const read = readTransfers(chain, blockRange)
  /** What was reported and is still so: each difference once, as long as this process lives. */
  let reported: ReadonlySet<string> = new Set()

  /** Stores transfers with the time of their blocks. One whose block was replaced meanwhile is left to the next reading. */
  const keep = Effect.fnUntraced(function* (transfers: ReadonlyArray<Transfer>) {
    const numbers = [...new Set(transfers.map(({ blockNumber }) => blockNumber))]
    const blocks = new Map<number, Block>()
    for (const number of numbers) blocks.set(number, yield* chain.block(number))
    yield* deposits.record(
      transfers.filter(({ blockHash, blockNumber }) => blocks.get(blockNumber)?.hash === blockHash),
      blocks
    )
  })

  /** What was believed final and is not on the chain any more. */
  const reorganised = Effect.fnUntraced(function* (addresses: ReadonlyArray<string>, number: number) {
    const from = Math.max(0, number - rewind * confirmations)
    // what any node still has is not gone
    const present = [...(yield* read(addresses, from, number)), ...(yield* witness.read(addresses, from, number))]
    const gone = yield* cursor.forget(from, number, present)
    yield* cursor.move(yield* chain.block(from))
    return [
      { block: `${number}`, vanished: `${gone.length}` },
      ...gone.map(({ recipient, txHash }) => ({ txHash, recipient }))
    ].map((details): Incident => ({ kind: "chain_reorganised", details }))
  })

  /** Says what the nodes differ about now; answers with what was not said before. */
  const report = Effect.fnUntraced(function* (
    differing: ReadonlyArray<Readonly<Record<string, string>>>,
    behind: number
  ) {
    yield* showWitnesses(differing.length, behind)
    const now = new Map(differing.map((details) => [Object.values(details).join(" "), details]))
    const fresh = [...now].flatMap(([key, details]) => (reported.has(key) ? [] : [details]))
    reported = new Set(now.keys())
    return fresh.map((details): Incident => ({ kind: "chain_nodes_differ", details }))
  })

  const scan = Effect.gen(function* () {
    const final = (yield* chain.head) - confirmations + 1
    const addresses = yield* deposits.watched
    const last = yield* cursor.read
    if (last !== undefined && last.number <= final && (yield* chain.block(last.number)).hash !== last.hash) {
      const standing = yield* witness.standingOf(last)
      if (standing === "gone") return yield* reorganised(addresses, last.number)
      // our node's word alone makes nothing vanish
      const disputed = standing === "stands" ? [{ toldBy: "node", block: `${last.number}`, gone: last.hash }] : []
      return yield* report(disputed, final - last.number)
    }
    const from = Math.max(0, last === undefined ? ((yield* cursor.first) ?? final) : last.number + 1)
    const to = Math.min(final, from + rangesAtOnce * blockRange - 1)
    if (to < from) return []
    // the block first: one that is replaced while we read is noticed by the next run
    const end = yield* chain.block(to)
    const told = yield* read(addresses, from, to)
    const { agreedTo, behind, believed, differences } = yield* witness.hear(addresses, from, to, told)
    yield* keep(believed)
    // what is behind is read again, until the nodes agree about it
    if (agreedTo >= from) yield* cursor.move(agreedTo === to ? end : yield* chain.block(agreedTo))
    return yield* report(differences.map(toDetails), behind)
  })

  const toNotice = (deposit: Deposit): ReadonlyArray<VerifiedCallback> =>
    deposit.paidAt === null
      ? []
      : [
          {
            eventId: `${deposit.attemptId}:paid`,
            eventType: "deposit.paid",
            nonce: null,
            notice: {
              _tag: "PaymentNotice",
              attemptId: deposit.attemptId,
              payment: toPaid(deposit, deposit.paidAt, account)
            }
          }
        ]

  const toPartialNotice = (deposit: Deposit): VerifiedCallback => ({
    eventId: `${deposit.attemptId}:received:${deposit.received}`,
    eventType: "deposit.received",
    nonce: null,
    notice: {
      _tag: "PaymentNotice",
      attemptId: deposit.attemptId,
      payment: toPartial(settings, deposit, account)
    }
  })

  const watch: ChannelWatch = {
    look: Effect.fn("Crypto.look")(function* (limit) {
      const incidents = yield* scan
      for (const id of yield* deposits.assignable(limit)) yield* deposits.assign(id)
      for (const { key } of yield* payouts.open(limit)) yield* payouts.advance(key)
      const underpaid = (yield* deposits.underpaid(limit)).map(toPartialNotice)
      return { incidents, notices: [...underpaid, ...(yield* deposits.untold(limit)).flatMap(toNotice)] }
    }),
    told: Effect.fnUntraced(function* (notices) {
      const payments = notices.flatMap(({ notice }) => (notice._tag === "PaymentNotice" ? [notice] : []))
      for (const { attemptId, payment } of payments) {
        if (payment._tag === "Partial") yield* deposits.toldReceived(attemptId, payment.amount)
      }
      yield* deposits.told(payments.flatMap(({ attemptId, payment }) => (payment._tag === "Paid" ? [attemptId] : [])))
    })
  }
  return { watch, read, keep }
}
