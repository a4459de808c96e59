import { Effect, Option, Predicate, Redacted } from "effect"
import {
  BaseError,
  ContractFunctionRevertedError,
  ContractFunctionZeroDataError,
  encodeFunctionData,
  keccak256,
  parseAbi,
  RpcRequestError
} from "viem"
import type { Address, Hex } from "viem"
import { privateKeyToAccount } from "viem/accounts"
import { networkCodeOf, noAnswer } from "../channelCalls.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure, contradiction, fromNetwork } from "../channelFailure.ts"
import * as ChainReader from "./ChainReader.ts"
import { asAddress } from "./ChainReader.ts"
import type { CryptoSettings } from "./CryptoConfig.ts"

/** What the chain says of a transaction of ours. */
export type Receipt = { readonly succeeded: boolean; readonly blockNumber: number; readonly cost: bigint } | undefined

/** What a transaction of ours does: so much of the token to the recipient, or a call of it; of nobody: it makes a contract. */
export interface Outgoing {
  readonly recipient: string | null
  readonly amount: bigint
  readonly call: string | null
  readonly gas: number | null
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
  "function balanceOf(address account) view returns (uint256)",
  "function decimals() view returns (uint8)"
])

const isHex = (text: string): text is Hex => /^0x[0-9a-f]*$/.test(text)

/**
 * A node that has the bytes, or whose chain is past their nonce, says so by an error. That is an answer, of a node that is well:
 * were it counted as none, a transfer that hangs would stop all others.
 */
const ofBroadcast = (cause: unknown) =>
  cause instanceof BaseError && cause.walk((inner) => inner instanceof RpcRequestError) !== null
    ? fromNetwork("NOT_TAKEN")
    : noAnswer(fromNetwork(networkCodeOf(cause)))

/** Where no contract lies, or one that has no decimals, the node says so by an error. */
const ofDecimals = (cause: unknown) =>
  cause instanceof BaseError &&
  cause.walk(
    (inner) => inner instanceof ContractFunctionZeroDataError || inner instanceof ContractFunctionRevertedError
  ) !== null
    ? channelFailure("refused", "TOKEN_HAS_NO_DECIMALS")
    : noAnswer(fromNetwork(networkCodeOf(cause)))

/** The chain as this channel reads and writes it. Only `broadcast` changes anything, and the same bytes change it once. */
export const make = Effect.fnUntraced(function* (settings: CryptoSettings) {
  const node = yield* ChainReader.make(settings, "crypto", settings.rpcUrl)
  const { ask, block, head, logsOf, rpc, sameChain, token, transfers } = node
  const refused = channelFailure("refused", "BAD_ADDRESS_OR_KEY")
  const wallet = yield* Effect.sync(() => {
    const key = Redacted.value(settings.hotWalletKey)
    return privateKeyToAccount(isHex(key) ? key : "0x")
  })

  /** Those of our wallet to anybody. */
  const sent = (from: number, to: number) => logsOf({ sender: wallet.address }, from, to)

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

  const contentOf = ({ amount, call, gas, recipient }: Outgoing) => {
    const to = recipient === null ? Option.none() : asAddress(recipient)
    if (Option.isNone(to) && recipient !== null) return Option.none()
    if (call !== null && isHex(call)) {
      return Option.some({
        ...(Option.isSome(to) ? { to: to.value } : {}),
        data: call,
        gas: BigInt(gas ?? transferGas)
      })
    }
    return Option.map(to, (to) => ({
      to: token,
      data: encodeFunctionData({ abi: erc20, functionName: "transfer", args: [to, amount] }),
      gas: transferGas
    }))
  }

  /** Asks nobody: the same input gives the same bytes. */
  const sign = (outgoing: Outgoing, signing: SigningTerms) =>
    Effect.fromOption(contentOf(outgoing)).pipe(
      Effect.mapError(() => refused),
      Effect.flatMap((content) =>
        Effect.tryPromise({
          try: () => wallet.signTransaction({ type: "eip1559", chainId: settings.chainId, ...content, ...signing }),
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

  /** How many decimals the token's contract says that its amounts have. */
  const decimals = Effect.andThen(
    sameChain,
    ask(
      "decimals",
      () => rpc.readContract({ address: token, abi: erc20, functionName: "decimals" }),
      undefined,
      ofDecimals
    )
  )

  /** What lies at an address: `0x` where nothing does. */
  const codeAt = (address: Address) =>
    Effect.map(
      ask("code", () => rpc.getCode({ address }), { address }),
      (code) => code ?? "0x"
    )

  /** What the wallet has to pay gas with, in the smallest unit of the chain's coin. */
  const coins = ask("coins", () => rpc.getBalance({ address: wallet.address }))

  return {
    walletAddress: wallet.address.toLowerCase(),
    ...{ head, block, transfers, sent, receipt },
    ...{ terms, sign, broadcast, codeAt, coins, decimals }
  }
})

export type ChainClient = Effect.Success<ReturnType<typeof make>>
