import { Effect, Option, Predicate, Redacted, Schema } from "effect"
import type { CallFailed } from "@mall/platform/DownstreamError"
import {
  BaseError,
  createPublicClient,
  encodeFunctionData,
  http,
  isAddress,
  keccak256,
  parseAbi,
  parseAbiItem,
  RpcRequestError
} from "viem"
import type { Address, Hex } from "viem"
import { privateKeyToAccount } from "viem/accounts"
import { ChannelText } from "../Channel.ts"
import * as ChannelCalls from "../channelCalls.ts"
import { networkCodeOf, noAnswer } from "../channelCalls.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure, contradiction, fromNetwork } from "../channelFailure.ts"
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

/** What the chain says of a transaction of ours. */
export type Receipt = { readonly succeeded: boolean; readonly blockNumber: number; readonly cost: bigint } | undefined

/** What a transaction of ours does: so much of the token to the recipient, or a call of it. */
export interface Outgoing {
  readonly recipient: string
  readonly amount: bigint
  readonly call: string | null
  readonly gas: number | null
}

export interface Block {
  readonly number: number
  readonly hash: string
  readonly at: Date
}

export interface SigningTerms {
  readonly nonce: number
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
}

/** The tokens' `transfer` takes about 65,000; what is not used is not paid. */
const transferGas = 120_000n

const erc20 = parseAbi([
  "function transfer(address to, uint256 amount) returns (bool)",
  "function balanceOf(address account) view returns (uint256)"
])
const transferEvent = parseAbiItem("event Transfer(address indexed from, address indexed to, uint256 value)")

export const asAddress = (text: string): Option.Option<Address> =>
  isAddress(text, { strict: false }) ? Option.some(text) : Option.none()

const isHex = (text: string): text is Hex => /^0x[0-9a-f]*$/.test(text)

const toNoAnswer = (cause: unknown) => noAnswer(fromNetwork(networkCodeOf(cause)))

/**
 * A node that has the bytes, or whose chain is past their nonce, says so by an error. That is an answer, of a node that is well:
 * were it counted as none, a transfer that hangs would stop all others.
 */
const ofBroadcast = (cause: unknown) =>
  cause instanceof BaseError && cause.walk((inner) => inner instanceof RpcRequestError) !== null
    ? fromNetwork("NOT_TAKEN")
    : toNoAnswer(cause)

/** The chain as this channel reads and writes it. Only `broadcast` changes anything, and the same bytes change it once. */
export const make = Effect.fnUntraced(function* (settings: CryptoSettings) {
  const calls = yield* ChannelCalls.make("crypto", settings.timeout)
  const rpc = createPublicClient({
    transport: http(settings.rpcUrl, { retryCount: 0, timeout: 0, fetchOptions: { redirect: "error" } })
  })
  const refused = channelFailure("refused", "BAD_ADDRESS_OR_KEY")
  const token = yield* Effect.fromOption(asAddress(settings.token)).pipe(Effect.orDie)
  const wallet = yield* Effect.sync(() => {
    const key = Redacted.value(settings.hotWalletKey)
    return privateKeyToAccount(isHex(key) ? key : "0x")
  })

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

  /** Transfers of the token to `recipients`, of blocks `from` to `to`, in their order. */
  const transfers = (recipients: ReadonlyArray<string>, from: number, to: number) => logsOf({ recipients }, from, to)

  /** Those of our wallet to anybody. */
  const sent = (from: number, to: number) => logsOf({ sender: wallet.address }, from, to)

  const head = Effect.andThen(
    sameChain,
    Effect.map(
      ask("head", () => rpc.getBlockNumber({ cacheTime: 0 })),
      Number
    )
  )

  const receipt = (hash: string): Effect.Effect<Receipt, ChannelError> =>
    isHex(hash)
      ? ask(
          "receipt",
          () =>
            rpc.getTransactionReceipt({ hash }).catch((error: unknown) => {
              if (Predicate.hasProperty(error, "name") && error.name === "TransactionReceiptNotFoundError")
                return undefined
              throw error
            }),
          { hash }
        ).pipe(
          Effect.filterOrFail(
            (found) => found === undefined || found.transactionHash === hash,
            () => contradiction
          ),
          Effect.map(
            (found) =>
              found && {
                succeeded: found.status === "success",
                blockNumber: Number(found.blockNumber),
                cost: found.gasUsed * found.effectiveGasPrice
              }
          )
        )
      : Effect.fail(refused)

  /** What the wallet can send now, and what a signature of it must say. Of `mined` transactions of it the chain knows. */
  const terms = Effect.gen(function* () {
    yield* sameChain
    const [balance, nonce, mined, fees] = yield* ask("terms", () =>
      Promise.all([
        rpc.readContract({ address: token, abi: erc20, functionName: "balanceOf", args: [wallet.address] }),
        rpc.getTransactionCount({ address: wallet.address, blockTag: "pending" }),
        rpc.getTransactionCount({ address: wallet.address, blockTag: "latest" }),
        rpc.estimateFeesPerGas()
      ])
    )
    return { balance, nonce, mined, maxFeePerGas: fees.maxFeePerGas, maxPriorityFeePerGas: fees.maxPriorityFeePerGas }
  })

  /** Asks nobody: the same input gives the same bytes. */
  const sign = ({ amount, call, gas, recipient }: Outgoing, signing: SigningTerms) =>
    Effect.fromOption(asAddress(recipient)).pipe(
      Effect.mapError(() => refused),
      Effect.flatMap((to) =>
        Effect.tryPromise({
          try: () =>
            wallet.signTransaction({
              type: "eip1559",
              chainId: settings.chainId,
              ...(call !== null && isHex(call)
                ? { to, data: call, gas: BigInt(gas ?? transferGas) }
                : {
                    to: token,
                    data: encodeFunctionData({ abi: erc20, functionName: "transfer", args: [to, amount] }),
                    gas: transferGas
                  }),
              ...signing
            }),
          catch: () => refused
        })
      ),
      Effect.map((raw) => ({ raw, hash: keccak256(raw) }))
    )

  /** A node that has the bytes already refuses them: what became of them is for `receipt` to tell. */
  const broadcast = (raw: string): Effect.Effect<void, ChannelError> =>
    isHex(raw)
      ? Effect.asVoid(
          ask(
            "broadcast",
            () => rpc.sendRawTransaction({ serializedTransaction: raw }),
            { hash: keccak256(raw) },
            ofBroadcast
          )
        )
      : Effect.fail(refused)

  return { walletAddress: wallet.address.toLowerCase(), head, block, transfers, sent, receipt, terms, sign, broadcast }
})

export type ChainClient = Effect.Success<ReturnType<typeof make>>
