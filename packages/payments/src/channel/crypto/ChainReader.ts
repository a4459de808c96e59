import { Effect, Option, Schema } from "effect"
import type { CallFailed } from "@mall/platform/DownstreamError"
import { createPublicClient, http, isAddress, parseAbiItem } from "viem"
import type { Address } from "viem"
import { ChannelText } from "../Channel.ts"
import * as ChannelCalls from "../channelCalls.ts"
import { networkCodeOf, noAnswer } from "../channelCalls.ts"
import type { ChannelError } from "../ChannelError.ts"
import { contradiction, fromNetwork } from "../channelFailure.ts"
import type { CryptoSettings } from "./CryptoConfig.ts"

const Hash = Schema.String.check(Schema.isPattern(/^0x[0-9a-f]{64}$/))

/** Money that came: one `Transfer` log. Addresses in lower case. */
export const Transfer = Schema.Struct({
  txHash: Hash,
  logIndex: Schema.Int,
  blockNumber: Schema.Int,
  blockHash: Hash,
  sender: ChannelText,
  recipient: ChannelText,
  amount: Schema.BigInt
})
export type Transfer = typeof Transfer.Type

export interface Block {
  readonly number: number
  readonly hash: string
  readonly at: Date
}

const transferEvent = parseAbiItem("event Transfer(address indexed from, address indexed to, uint256 value)")

export const asAddress = (text: string): Option.Option<Address> =>
  isAddress(text, { strict: false }) ? Option.some(text) : Option.none()

const toNoAnswer = (cause: unknown) => noAnswer(fromNetwork(networkCodeOf(cause)))

/** One node, under the policy of the downstream `name`, as this channel reads from it. */
export const make = Effect.fnUntraced(function* (settings: CryptoSettings, name: string, rpcUrl: string) {
  const calls = yield* ChannelCalls.make(name, settings.timeout)
  const rpc = createPublicClient({
    transport: http(rpcUrl, { retryCount: 0, timeout: 0, fetchOptions: { redirect: "error" } })
  })
  const token = yield* Effect.fromOption(asAddress(settings.token)).pipe(Effect.orDie)

  // The library's errors quote the address of the node, which may hold a key: only a code leaves here.
  const ask = <A>(
    operation: string,
    send: (signal: AbortSignal) => Promise<A>,
    asked?: Readonly<Record<string, unknown>>,
    toFailure: (cause: unknown) => CallFailed | ChannelError = toNoAnswer
  ): Effect.Effect<A, ChannelError> =>
    calls.call(operation, (exchange) => {
      // also a question without input is one that was sent
      exchange.sent({ question: operation, ...asked })
      return Effect.tryPromise({ try: send, catch: toFailure }).pipe(
        Effect.tap((answer) => Effect.sync(() => exchange.heard(answer)))
      )
    })

  /** A node of another chain would tell of money that is worth nothing. */
  const sameChain = Effect.flatMap(
    ask("chainId", () => rpc.getChainId()),
    (id) => (id === settings.chainId ? Effect.void : Effect.fail(fromNetwork("ANOTHER_CHAIN")))
  )

  const block = (number: number): Effect.Effect<Block, ChannelError> =>
    ask("block", () => rpc.getBlock({ blockNumber: BigInt(number) }), { number }).pipe(
      Effect.filterOrFail(
        (found) => found.number === BigInt(number),
        () => contradiction
      ),
      Effect.map(({ hash, timestamp }) => ({ number, hash, at: new Date(Number(timestamp) * 1000) }))
    )

  const logsOf = (
    by: { readonly recipients: ReadonlyArray<string> } | { readonly sender: Address },
    from: number,
    to: number
  ) =>
    Effect.gen(function* () {
      const args =
        "sender" in by ? { from: by.sender } : { to: by.recipients.flatMap((text) => Option.toArray(asAddress(text))) }
      const wanted = new Set("sender" in by ? [by.sender.toLowerCase()] : by.recipients)
      const logs = yield* ask(
        "logs",
        () =>
          rpc.getLogs({
            address: token,
            event: transferEvent,
            args,
            fromBlock: BigInt(from),
            toBlock: BigInt(to),
            strict: true
          }),
        { ...by, from, to }
      )
      const found = logs.map(({ address, args, blockHash, blockNumber, logIndex, removed, transactionHash }) => ({
        isOurs:
          !removed &&
          address.toLowerCase() === settings.token &&
          wanted.has(("sender" in by ? args.from : args.to).toLowerCase()) &&
          blockNumber >= BigInt(from) &&
          blockNumber <= BigInt(to),
        transfer: {
          txHash: transactionHash,
          logIndex,
          blockNumber: Number(blockNumber),
          blockHash,
          sender: args.from.toLowerCase(),
          recipient: args.to.toLowerCase(),
          amount: args.value
        }
      }))
      // a node that answers about something else is believed in nothing
      if (found.some(({ isOurs }) => !isOurs)) return yield* contradiction
      return found.map(({ transfer }) => transfer).filter(({ amount }) => amount > 0n)
    })

  const head = Effect.andThen(
    sameChain,
    Effect.map(
      ask("head", () => rpc.getBlockNumber({ cacheTime: 0 })),
      Number
    )
  )

  return {
    rpc,
    token,
    ask,
    sameChain,
    head,
    block,
    logsOf,
    /** Transfers of the token to `recipients`, of blocks `from` to `to`, in their order. */
    transfers: (recipients: ReadonlyArray<string>, from: number, to: number) => logsOf({ recipients }, from, to)
  }
})

export type ChainReader = Effect.Success<ReturnType<typeof make>>
