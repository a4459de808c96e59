import { AttemptId } from "@mall/domain/payments/Payment"
import { generator } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { creationCodeOf } from "@mall/domain/payments/depositForwarders"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import { anvilBinary, startAnvil } from "@mall/sandbox/crypto/Anvil"
import { anvilClient } from "@mall/sandbox/crypto/anvilClient"
import { bytecode } from "@mall/sandbox/crypto/sandboxUsdc"
import { startRpcTap } from "@mall/testing/RpcTap"
import { Duration, Effect, Option, Redacted } from "effect"
import { parseAbi } from "viem"
import type { Address } from "viem"
import { HDKey, privateKeyToAccount } from "viem/accounts"
import type { ChannelAttempt } from "../../../src/channel/Channel.ts"
import { make } from "../../../src/channel/crypto/Crypto.ts"
import type { CryptoSettings } from "../../../src/channel/crypto/CryptoConfig.ts"

export const binary = anvilBinary(process.platform, process.arch)
const abi = parseAbi([
  "function faucet(address to, uint256 amount)",
  "function transfer(address to, uint256 amount) returns (bool)",
  "function balanceOf(address account) view returns (uint256)"
])
// the chain's own first accounts, which everybody knows
const buyer = privateKeyToAccount("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
const stranger = privateKeyToAccount("0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a")
const hotKey = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"

/** Where gathered tokens go: nobody here has a key of it. */
export const treasury = "0x7ea5000000000000000000000000000000007ea5"

const newAttemptId = generator(AttemptId)
export const newRefundId = generator(RefundId)

/**
 * A chain of its own id, so that tests of one database share neither nonces nor signed transfers, with a token, a buyer who has of it, and the channel on it.
 */
export const testChain = Effect.fnUntraced(function* (
  chainId: number,
  changes: Partial<CryptoSettings> = {},
  options: { readonly gathers?: boolean; readonly witnessed?: boolean } = {}
) {
  const rpcUrl = yield* startAnvil(Option.getOrThrow(binary), chainId)
  const node = yield* startRpcTap(rpcUrl)
  const witness = yield* startRpcTap(rpcUrl)
  const chain = anvilClient(rpcUrl, chainId, buyer)
  const hash = yield* Effect.promise(() => chain.deployContract({ abi, bytecode: `0x${bytecode.slice(2)}` }))
  const { contractAddress } = yield* Effect.promise(() => chain.waitForTransactionReceipt({ hash }))
  const token = yield* Effect.fromNullishOr(contractAddress)
  const deployForwarders = Effect.gen(function* () {
    const sent = yield* Effect.promise(() => chain.sendTransaction({ data: creationCodeOf(treasury) }))
    const receipt = yield* Effect.promise(() => chain.waitForTransactionReceipt({ hash: sent }))
    return yield* Effect.fromNullishOr(receipt.contractAddress)
  })
  const write = (functionName: "faucet" | "transfer", to: string, amount: number, account = buyer) =>
    Effect.promise(async () => {
      const sent = await chain.writeContract({
        account,
        address: token,
        abi,
        functionName,
        args: [to as Address, BigInt(amount)]
      })
      await chain.waitForTransactionReceipt({ hash: sent })
    })
  yield* write("faucet", buyer.address, 1_000_000_000)
  yield* write("faucet", privateKeyToAccount(hotKey).address, 1_000_000_000)
  const settings: CryptoSettings = {
    rpcUrl: node.url,
    chainId,
    token: token.toLowerCase(),
    xpub: Redacted.make(HDKey.fromMasterSeed(new Uint8Array(32).fill(7)).derive("m/44'/60'/0'").publicExtendedKey),
    hotWalletKey: Redacted.make(hotKey),
    forwarders: options.gathers === true ? (yield* deployForwarders).toLowerCase() : null,
    treasury,
    gatherFrom: 1_000_000,
    witnessUrls: options.witnessed === true ? [witness.url] : [],
    witnessFrom: 0,
    confirmations: 3,
    blockRange: 1_000,
    repriceAfter: Duration.minutes(3),
    maxFeePerGas: 500_000_000_000n,
    watch: Duration.days(90),
    timeout: Duration.seconds(5),
    ...changes
  }
  return {
    chain,
    pay: (to: string, amount: number) => write("transfer", to, amount),
    /** By somebody who has nothing to do with the payment. */
    meddle: (to: string, amount: number) =>
      Effect.andThen(write("faucet", stranger.address, amount), write("transfer", to, amount, stranger)),
    stranger: stranger.address.toLowerCase(),
    /** Out of the shop's wallet, past the shop. */
    steal: (to: string, amount: number) =>
      Effect.promise(async () => {
        const sent = await chain.writeContract({
          account: privateKeyToAccount(hotKey),
          address: token,
          abi,
          functionName: "transfer",
          args: [to as Address, BigInt(amount)]
        })
        await chain.waitForTransactionReceipt({ hash: sent })
        return sent
      }),
    mine: (blocks: number) => Effect.promise(() => chain.mine({ blocks })),
    balance: (of: string) =>
      Effect.promise(() =>
        chain.readContract({ address: token, abi, functionName: "balanceOf", args: [of as Address] })
      ),
    buyer: buyer.address.toLowerCase(),
    hotWallet: privateKeyToAccount(hotKey).address.toLowerCase(),
    /** Of how many transactions of the shop's wallet the chain knows. */
    transactions: Effect.promise(() =>
      chain.getTransactionCount({ address: privateKeyToAccount(hotKey).address, blockTag: "pending" })
    ),
    /** The channel in another process, or in this one after a restart. */
    another: make(settings),
    settings,
    /** What stands between the channel and the chain, and between it and its witness. */
    node,
    witness,
    channel: yield* make(settings)
  }
})

export const anAttempt = Effect.map(newAttemptId, (id): ChannelAttempt => ({
  id,
  method: "usdc",
  amount: Money.of(5_000_000, "USDC"),
  description: "A shirt",
  expiresAt: new Date("2100-01-01"),
  returnUrl: null,
  payer: {},
  channelReference: null
}))
