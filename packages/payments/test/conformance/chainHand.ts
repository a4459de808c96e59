import { anvilClient } from "@mall/sandbox/crypto/anvilClient"
import { bytecode } from "@mall/sandbox/crypto/sandboxUsdc"
import { Effect, Schedule } from "effect"
import { parseAbi } from "viem"
import type { Address } from "viem"
import { asAddress } from "../../src/channel/crypto/ChainReader.ts"
import { Bench } from "./Bench.ts"
import { chainOrders } from "./chainOrders.ts"
import type { Offer } from "./steps.ts"

const abi = parseAbi([
  "function faucet(address to, uint256 amount)",
  "function transfer(address to, uint256 amount) returns (bool)"
])

/** The chain's own first account: the node signs for it, and mines one block for what it sends. */
const founder = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"

/** Anybody's hand on the chain, near the address of an offer. */
export const handNear = Effect.fnUntraced(function* ({ attemptId }: Offer) {
  const { channelUrl } = yield* Bench
  const orders = yield* chainOrders
  const { address, chainId, token } = yield* Effect.flatMap(orders.find(attemptId), Effect.fromOption)
  const [to, usdc] = yield* Effect.all([Effect.fromOption(asAddress(address)), Effect.fromOption(asAddress(token))])
  const rpcUrl = `${channelUrl}/rpc`
  const client = anvilClient(rpcUrl, chainId, founder)

  /** The token has no owner: whoever wants of it takes it. In a block when it answers: what waits for one outlives a reorganisation. */
  const send = (contract: Address, amount: bigint, recipient: Address) =>
    Effect.gen(function* () {
      const args = [recipient, amount] as const
      const hash = yield* Effect.promise(async () => {
        await client.writeContract({ address: contract, abi, functionName: "faucet", args: [founder, amount] })
        return client.writeContract({ address: contract, abi, functionName: "transfer", args })
      })
      // not the library's own wait, which looks again only when there is a new block
      yield* Effect.tryPromise(() => client.getTransactionReceipt({ hash })).pipe(
        Effect.retry({ schedule: Schedule.spaced("20 millis"), times: 500 }),
        Effect.orDie
      )
    })
  return {
    send: (amount: number, recipient: Address = to) => send(usdc, BigInt(amount), recipient),
    /** A token of the same name, by a contract of somebody's own. */
    sendFalse: Effect.fnUntraced(function* (amount: number) {
      const hash = yield* Effect.promise(() => client.deployContract({ abi, bytecode: `0x${bytecode.slice(2)}` }))
      const { contractAddress } = yield* Effect.promise(() => client.waitForTransactionReceipt({ hash }))
      yield* send(yield* Effect.fromNullishOr(contractAddress), BigInt(amount), to)
    }),
    sendEther: (wei: number) => Effect.promise(() => client.sendTransaction({ to, value: BigInt(wei) })),
    mine: (blocks: number) => Effect.promise(() => client.mine({ blocks })),
    passTime: (seconds: number) => Effect.promise(() => client.increaseTime({ seconds })),
    snapshot: Effect.promise(() => client.snapshot()),
    revert: (id: `0x${string}`) => Effect.promise(() => client.revert({ id }))
  }
})
