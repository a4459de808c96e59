import { minorUnitDigits } from "@mall/domain/kernel/Currency"
import { treasuryOf } from "@mall/domain/payments/depositForwarders"
import { ChannelId } from "@mall/domain/payments/Payment"
import { Effect, Option } from "effect"
import { CallbackRefused } from "../ChannelError.ts"
import type {
  Channel,
  ChannelAttempt,
  ChannelOrder,
  ChannelPayment,
  ChannelRefund,
  ChannelRefundState
} from "../Channel.ts"
import type { ChannelDefinition } from "../ChannelDefinition.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure, fromNetwork } from "../channelFailure.ts"
import { toHexId } from "../hexId.ts"
import * as ChainClient from "./ChainClient.ts"
import { asAddress } from "./ChainReader.ts"
import * as CryptoBill from "./CryptoBill.ts"
import { cryptoConfig } from "./CryptoConfig.ts"
import type { CryptoSettings } from "./CryptoConfig.ts"
import * as CryptoCursor from "./CryptoCursor.ts"
import * as CryptoDeposits from "./CryptoDeposits.ts"
import type { Deposit } from "./CryptoDeposits.ts"
import * as CryptoGathering from "./CryptoGathering.ts"
import * as CryptoPayouts from "./CryptoPayouts.ts"
import type { Payout } from "./CryptoPayouts.ts"
import * as CryptoWatch from "./CryptoWatch.ts"
import * as CryptoWitness from "./CryptoWitness.ts"

/**
 * USDC on a chain: an address for each try, and refunds out of a hot wallet. A chain closes no address: `closed` means that
 * we credit what comes no more. What comes afterwards is a late payment, refunded like any other where it reaches the amount
 * and returned where it does not. While transfers that would pay are not final yet, `close` answers `paid`.
 */
export const make = Effect.fnUntraced(function* (settings: CryptoSettings) {
  const chain = yield* ChainClient.make(settings)
  const deposits = yield* CryptoDeposits.make(settings)
  const payouts = yield* CryptoPayouts.make(settings, chain)
  const account = { chainId: `${settings.chainId}`, token: settings.token }
  const cursor = yield* CryptoCursor.make(settings)
  const witness = yield* CryptoWitness.make(settings, deposits)
  const { keep, read, watch } = CryptoWatch.make(settings, { account, chain, cursor, deposits, payouts, witness })

  const gather = yield* CryptoGathering.make(settings)
  const bill = yield* CryptoBill.make(settings, Object.values(account).join("/"), chain, read)

  const contract = settings.forwarders === null ? Option.none() : asAddress(settings.forwarders)
  let isProven = Option.isNone(contract)
  /**
   * What is paid to an address of a contract that is not there, or not ours, is lost. So no buyer is told of one before it was
   * seen that ours lies there, and sends on to where it has to.
   */
  const proveForwarders = Effect.gen(function* () {
    if (isProven || Option.isNone(contract)) return
    const treasury = treasuryOf(yield* chain.codeAt(contract.value))
    isProven = treasury !== null && (settings.treasury === null || treasury === settings.treasury)
    if (isProven) return
    yield* Effect.logError("CRYPTO_FORWARDERS names no contract for the treasury").pipe(
      Effect.annotateLogs({ forwarders: contract.value, treasury: treasury ?? "none" })
    )
    return yield* channelFailure("refused", "FORWARDERS_NOT_OURS")
  })

  let isTokenProven = false
  /** With another scale of the token than that of our minor units a buyer would pay a multiple of the price, or a fraction. */
  const proveToken = Effect.gen(function* () {
    if (isTokenProven) return
    const decimals = yield* chain.decimals.pipe(
      Effect.catchIf(
        ({ reason }) => reason.code === "TOKEN_HAS_NO_DECIMALS",
        () => Effect.succeed(null)
      )
    )
    isTokenProven = decimals === minorUnitDigits.USDC
    if (isTokenProven) return
    yield* Effect.logError(
      decimals === null
        ? "No token lies at CRYPTO_TOKEN: the channel crypto takes no payments"
        : `The token at CRYPTO_TOKEN has ${decimals} decimals and not the ${minorUnitDigits.USDC} of USDC: the channel crypto takes no payments`
    ).pipe(Effect.annotateLogs({ token: settings.token, chainId: settings.chainId }))
    return yield* channelFailure("refused", "TOKEN_NOT_USDC")
  })

  const create = Effect.fnUntraced(function* (attempt: ChannelAttempt) {
    const known = yield* deposits.find(attempt.id)
    if (Option.isNone(known)) {
      yield* proveToken
      yield* proveForwarders
    }
    const deposit = Option.isSome(known) ? known.value : yield* deposits.open(attempt, yield* chain.head)
    if (deposit.closedAt !== null) return yield* channelFailure("declined", "CLOSED")
    if (deposit.amount !== attempt.amount.amount) return yield* channelFailure("refused", "ANOTHER_AMOUNT")
    const order: ChannelOrder = {
      action: CryptoWatch.toAction(settings, deposit),
      channelReference: deposit.address
    }
    return order
  })

  const toPayment = (deposit: Deposit): ChannelPayment => {
    if (deposit.paidAt !== null) return CryptoWatch.toPaid(deposit, deposit.paidAt, account)
    if (deposit.closedAt !== null) return { _tag: "Closed" }
    const isPart = deposit.received > 0 && deposit.received < deposit.amount
    return isPart ? CryptoWatch.toPartial(settings, deposit, account) : { _tag: "Open" }
  }

  /**
   * Takes what became final into our books; answers with the deposit and what is seen on the chain, final or not. A try of which
   * nodes do not tell the same is undecided, unless it is paid whatever becomes of that.
   */
  const look = Effect.fnUntraced(function* (deposit: Deposit) {
    const head = yield* chain.head
    const final = head - settings.confirmations + 1
    const seen = yield* read([deposit.address], deposit.fromBlock, head)
    const told = seen.filter(({ blockNumber }) => blockNumber <= final)
    const { believed, differences, isAway } = yield* witness.hear([deposit.address], deposit.fromBlock, final, told)
    yield* keep(believed)
    yield* deposits.assign(deposit.attemptId)
    const now = Option.getOrElse(yield* deposits.find(deposit.attemptId), () => deposit)
    if (now.paidAt === null && differences.length > 0) return yield* fromNetwork("WITNESS_DIFFERS")
    return { deposit: now, isAway, seen: seen.reduce((sum, { amount }) => sum + amount, 0n) }
  })

  const query = Effect.fnUntraced(function* ({ id }: ChannelAttempt) {
    const known = yield* deposits.find(id)
    if (Option.isNone(known)) return { _tag: "Missing" } satisfies ChannelPayment
    if (known.value.paidAt !== null) return toPayment(known.value)
    return toPayment((yield* look(known.value)).deposit)
  })

  const close = Effect.fnUntraced(function* (attempt: ChannelAttempt) {
    // one that was never asked for gets its address too, closed: a creation still on its way finds it so
    const opened = yield* deposits.open(attempt, yield* chain.head)
    if (opened.closedAt === null && opened.paidAt === null) {
      const { deposit, isAway, seen } = yield* look(opened)
      if (deposit.paidAt === null && seen >= BigInt(deposit.amount)) return "paid"
      // our node alone does not say that nothing came
      if (deposit.paidAt === null && isAway && deposit.amount >= settings.witnessFrom) {
        return yield* fromNetwork("WITNESS_AWAY")
      }
      yield* deposits.close(attempt.id)
    }
    const after = yield* deposits.find(attempt.id)
    return Option.exists(after, ({ paidAt }) => paidAt !== null) ? "paid" : "closed"
  })

  const toRefundState = ({ status, txHash }: Payout, { amount }: ChannelRefund): ChannelRefundState => {
    switch (status) {
      case "pending":
      case "signed":
        // which of its signatures the chain takes is known once it has taken one
        return { _tag: "Processing", channelReference: null }
      case "confirmed":
        return {
          _tag: "Refunded",
          amount: amount.amount,
          currency: amount.currency,
          account,
          channelReference: txHash ?? ""
        }
      case "reverted":
        return { _tag: "Failed", code: "TRANSFER_REVERTED" }
    }
  }

  const refundKey = ({ id }: ChannelRefund) => `refund:${toHexId(id)}`

  const queryRefund = Effect.fnUntraced(function* (
    input: ChannelRefund
  ): Effect.fn.Return<ChannelRefundState, ChannelError> {
    const payout = yield* payouts.advance(refundKey(input))
    if (payout === undefined) return { _tag: "Missing" }
    if (payout.amount !== BigInt(input.amount.amount)) return yield* channelFailure("refused", "ANOTHER_AMOUNT")
    return toRefundState(payout, input)
  })

  const refund = Effect.fnUntraced(function* (
    input: ChannelRefund
  ): Effect.fn.Return<ChannelRefundState, ChannelError> {
    const { attempt } = input
    const deposit = yield* deposits.find(attempt.id)
    const sender = Option.isNone(deposit) ? Option.none() : yield* deposits.senderOf(deposit.value.address)
    if (Option.isNone(sender)) return yield* channelFailure("refused", "NOT_PAID")
    const told = Option.flatMap(Option.fromUndefinedOr(attempt.payer["refundAddress"]), asAddress)
    const recipient = Option.getOrElse(told, () => sender.value).toLowerCase()
    yield* payouts.request(refundKey(input), recipient, BigInt(input.amount.amount))
    return yield* queryRefund(input)
  })

  const channel: Channel = {
    id: ChannelId.make("crypto"),
    methods: ["usdc"],
    pageMethods: ["usdc"],
    currencies: new Set(["USDC"]),
    account,
    advice: { ANOTHER_CHAIN: "stop", CLOSED: "askBuyer" },
    create,
    query,
    close,
    refund,
    queryRefund,
    // a chain sends no notices: whoever sends one is not the chain
    parseCallback: () => Effect.fail(new CallbackRefused({ reason: "signature" })),
    acknowledgement: { status: 204 },
    refusal: (reason) => ({ status: reason === "unavailable" ? 503 : 401 }),
    takesParts: true,
    watch,
    ...(gather === undefined ? {} : { gather }),
    bill
  }
  return channel
})

export const crypto: ChannelDefinition = {
  id: "crypto",
  setting: "CRYPTO_XPUB",
  make: Effect.flatMap(cryptoConfig, (settings) => Effect.transposeOption(Option.map(settings, make)))
}
