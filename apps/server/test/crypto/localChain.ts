import { creationCodeOf } from "@mall/domain/payments/depositForwarders"
import { startAnvil } from "@mall/sandbox/crypto/Anvil"
import { anvilClient } from "@mall/sandbox/crypto/anvilClient"
import { bytecode } from "@mall/sandbox/crypto/sandboxUsdc"
import { Effect } from "effect"
import { isAddress, parseAbi, parseAbiItem } from "viem"
import type { Address, Hex } from "viem"
import { HDKey, privateKeyToAccount } from "viem/accounts"

const abi = parseAbi([
  "function faucet(address to, uint256 amount)",
  "function transfer(address to, uint256 amount) returns (bool)",
  "function balanceOf(address account) view returns (uint256)"
])
const transferEvent = parseAbiItem("event Transfer(address indexed from, address indexed to, uint256 value)")

// the chain's own first accounts, which everybody knows
const buyer = privateKeyToAccount("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
const hotKey = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
const hotWallet = privateKeyToAccount(hotKey).address

/** Where gathered tokens go: nobody here has a key of it. */
export const treasury: Address = "0x7ea5000000000000000000000000000000007ea5"

/** A chain with a token, a buyer who has of it, and the contract that gathers, and how a server is told of it. */
export const localChain = Effect.fnUntraced(function* (binary: string, chainId: number) {
  const rpcUrl = yield* startAnvil(binary, chainId)
  const client = anvilClient(rpcUrl, chainId, buyer)
  const deploy = (data: Hex) =>
    Effect.promise(async () => {
      const hash = await client.sendTransaction({ data })
      return (await client.waitForTransactionReceipt({ hash })).contractAddress
    }).pipe(Effect.flatMap(Effect.fromNullishOr))
  const token = yield* deploy(`0x${bytecode.slice(2)}`)
  const forwarders = yield* deploy(creationCodeOf(treasury))
  const write = (functionName: "faucet" | "transfer", to: Address, amount: number) =>
    Effect.promise(async () => {
      const hash = await client.writeContract({ address: token, abi, functionName, args: [to, BigInt(amount)] })
      await client.waitForTransactionReceipt({ hash })
    })
  yield* write("faucet", buyer.address, 1_000_000_000)
  const countOf = (blockTag: "latest" | "pending") => client.getTransactionCount({ address: hotWallet, blockTag })

  return {
    rpcUrl,
    environment: {
      CRYPTO_CHAIN_ID: String(chainId),
      CRYPTO_TOKEN: token,
      CRYPTO_XPUB: HDKey.fromMasterSeed(new Uint8Array(32).fill(9)).derive("m/44'/60'/0'").publicExtendedKey,
      CRYPTO_HOT_WALLET_KEY: hotKey,
      CRYPTO_FORWARDERS: forwarders
    },
    /** Out of the buyer's pocket. */
    pay: (to: string, amount: number) =>
      isAddress(to, { strict: false }) ? write("transfer", to, amount) : Effect.die(new Error(`no address: ${to}`)),
    mine: (blocks: number) => Effect.promise(() => client.mine({ blocks })),
    automine: (isOn: boolean) => Effect.promise(() => client.setAutomine(isOn)),
    balance: (of: Address) =>
      Effect.promise(() => client.readContract({ address: token, abi, functionName: "balanceOf", args: [of] })),
    /** Of how many transactions of the shop's wallet the chain knows, `pooled` with those in no block yet. */
    transactions: Effect.promise(async () => ({ pooled: await countOf("pending"), mined: await countOf("latest") })),
    /** What the treasury got: from which address, how much. */
    arrivals: Effect.promise(() =>
      client.getLogs({ address: token, event: transferEvent, args: { to: treasury }, fromBlock: 0n, strict: true })
    ).pipe(Effect.map((logs) => logs.map(({ args }) => `${args.from.toLowerCase()} ${args.value}`)))
  }
})

export type LocalChain = Effect.Success<ReturnType<typeof localChain>>
