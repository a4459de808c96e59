import { assert, layer } from "@effect/vitest"
import { Money } from "@mall/domain/kernel/Money"
import { TestDatabase } from "@mall/testing/TestDatabase"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Option } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { parseAbi } from "viem"
import type { Address } from "viem"
import type { Channel } from "../../../src/channel/Channel.ts"
import { make } from "../../../src/channel/crypto/Crypto.ts"
import { saltOf } from "../../../src/channel/crypto/depositAddress.ts"
import { CryptoGatherings } from "../../../src/channel/crypto/CryptoGatherings.ts"
import { ChannelLog } from "../../../src/log/ChannelLog.ts"
import { anAttempt, binary, newRefundId, testChain, treasury } from "./TestChain.ts"

const Services = Layer.mergeAll(ChannelLog.layer, CryptoGatherings.layer).pipe(
  Layer.provideMerge(Layer.mergeAll(TestDatabase, CircuitBreaker.layerStoreMemory(), NodeServices.layer))
)
type Chain = Effect.Success<ReturnType<typeof testChain>>

const look = ({ watch }: Channel) => Effect.flatMap(Effect.fromNullishOr(watch), ({ look }) => look(10))
const gather = ({ gather }: Channel) => Effect.flatten(Effect.fromNullishOr(gather))

/** A try to which so much was sent; final, and decided about where it is enough. */
const paid = Effect.fnUntraced(function* ({ channel, mine, pay }: Chain, amount: number) {
  const attempt = yield* anAttempt
  const { channelReference } = yield* channel.create(attempt)
  const address = channelReference ?? ""
  yield* pay(address, amount)
  yield* mine(3)
  yield* look(channel)
  return { address, attempt }
})

/** What was planned goes out, and becomes final. */
const goesThrough = Effect.fnUntraced(function* ({ channel, mine }: Chain) {
  yield* look(channel)
  yield* mine(3)
  yield* look(channel)
})

// the chain is packaged for some platforms only
layer(Services, { excludeTestServices: true, timeout: "60 seconds" })("The gathering of deposits", (it) => {
  const onChain = Option.isSome(binary) ? it.effect : it.effect.skip

  onChain("knows the addresses that the contract makes, without asking for them", () =>
    Effect.gen(function* () {
      const { chain, channel, settings } = yield* testChain(401, {}, { gathers: true })
      const { channelReference } = yield* channel.create(yield* anAttempt)
      const abi = parseAbi(["function addressOf(bytes32 salt) view returns (address)"])
      const made = yield* Effect.promise(() =>
        Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            chain.readContract({
              address: settings.forwarders as Address,
              abi,
              functionName: "addressOf",
              args: [saltOf(index)]
            })
          )
        )
      )
      assert.include(
        made.map((address) => address.toLowerCase()),
        channelReference
      )
    })
  )

  onChain("tells nobody of an address of a contract that is not there, or that sends on to somebody else", () =>
    Effect.gen(function* () {
      const nowhere = "0x1111111111111111111111111111111111111111"
      const { settings } = yield* testChain(406, {}, { gathers: true })
      for (const wrong of [{ forwarders: nowhere }, { treasury: nowhere }]) {
        const channel = yield* make({ ...settings, ...wrong })
        const refused = yield* Effect.flip(channel.create(yield* anAttempt))
        assert.strictEqual(refused.reason.code, "FORWARDERS_NOT_OURS")
      }
      const whoever = yield* make({ ...settings, treasury: null })
      assert.match((yield* whoever.create(yield* anAttempt)).channelReference ?? "", /^0x[0-9a-f]{40}$/)
    })
  )

  onChain("sends on what is worth it in one transaction, and what comes later in another", () =>
    Effect.gen(function* () {
      const world = yield* testChain(402, { gatherFrom: 2_000_000 }, { gathers: true })
      const { balance, channel, transactions } = world
      const gatherings = yield* CryptoGatherings
      const first = yield* paid(world, 5_000_000)
      const second = yield* paid(world, 5_000_000)
      const open = yield* paid(world, 3_000_000)
      assert.strictEqual(yield* gather(channel), 2)
      // one at a time
      assert.strictEqual(yield* gather(channel), 0)
      yield* goesThrough(world)
      assert.strictEqual(yield* balance(treasury), 10_000_000n)
      assert.deepStrictEqual([yield* balance(first.address), yield* balance(second.address)], [0n, 0n])
      // what is not decided about stays
      assert.strictEqual(yield* balance(open.address), 3_000_000n)
      assert.strictEqual(yield* transactions, 1)
      assert.strictEqual(yield* gather(channel), 0)

      // late money goes back out of the wallet, and is gathered where it lies
      yield* world.pay(first.address, 2_500_000)
      yield* world.mine(3)
      yield* look(channel)
      assert.strictEqual(yield* gather(channel), 0)
      yield* goesThrough(world)
      assert.strictEqual(yield* gather(channel), 1)
      yield* goesThrough(world)
      assert.strictEqual(yield* balance(treasury), 12_500_000n)

      const [newest, oldest] = yield* gatherings.list(10)
      assert.deepInclude(newest, { status: "confirmed", amount: 2_500_000, addresses: 1 })
      assert.deepInclude(oldest, { status: "confirmed", amount: 10_000_000, addresses: 2 })
      assert.match(oldest?.cost ?? "", /^[1-9]\d+$/)
    })
  )

  onChain("lets refunds go first", () =>
    Effect.gen(function* () {
      const world = yield* testChain(403, {}, { gathers: true })
      const { balance, channel, mine } = world
      const { attempt } = yield* paid(world, 5_000_000)
      const refund = { id: yield* newRefundId, attempt, amount: Money.of(2_000_000, "USDC"), reason: "too small" }
      yield* channel.refund(refund)
      assert.strictEqual(yield* gather(channel), 0)
      yield* mine(3)
      assert.strictEqual((yield* channel.queryRefund(refund))._tag, "Refunded")
      assert.strictEqual(yield* gather(channel), 1)
      yield* goesThrough(world)
      assert.strictEqual(yield* balance(treasury), 5_000_000n)
    })
  )

  onChain("sends once what many processes gather, and what was sent and not written down", () =>
    Effect.gen(function* () {
      const world = yield* testChain(404, {}, { gathers: true })
      const { another, balance, channel, mine, transactions } = world
      yield* paid(world, 5_000_000)
      const others = yield* Effect.all([another, another, another])
      const planned = yield* Effect.forEach([channel, ...others], gather, { concurrency: "unbounded" })
      assert.deepStrictEqual(planned.toSorted(), [0, 0, 0, 1])
      yield* Effect.forEach([channel, ...others], look, { concurrency: "unbounded", discard: true })
      // it is sent, and whoever sent it is gone
      const restarted = yield* another
      yield* look(restarted)
      yield* mine(3)
      yield* look(restarted)
      assert.strictEqual(yield* gather(restarted), 0)
      assert.strictEqual(yield* transactions, 1)
      assert.strictEqual(yield* balance(treasury), 5_000_000n)
    })
  )

  onChain("forgets a gathering that a reorganisation takes away, and sends the same bytes again", () =>
    Effect.gen(function* () {
      const world = yield* testChain(405, {}, { gathers: true })
      const { balance, chain, channel, transactions } = world
      yield* paid(world, 5_000_000)
      yield* gather(channel)
      const before = yield* Effect.promise(() => chain.snapshot())
      yield* look(channel)
      assert.strictEqual(yield* balance(treasury), 5_000_000n)
      yield* Effect.promise(() => chain.revert({ id: before }))
      assert.strictEqual(yield* balance(treasury), 0n)
      yield* goesThrough(world)
      assert.strictEqual(yield* balance(treasury), 5_000_000n)
      assert.strictEqual(yield* transactions, 1)
    })
  )
})
