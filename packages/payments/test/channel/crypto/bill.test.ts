import { assert, layer } from "@effect/vitest"
import { Money } from "@mall/domain/kernel/Money"
import { BillDay } from "@mall/domain/treasury/Bill"
import { TestDatabase } from "@mall/testing/TestDatabase"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Option, Schema, Stream } from "effect"
import { CircuitBreaker } from "effect/persistence"
import type { Channel } from "../../../src/channel/Channel.ts"
import { ChannelLog } from "../../../src/log/ChannelLog.ts"
import { anAttempt, binary, newRefundId, testChain } from "./TestChain.ts"

const Services = ChannelLog.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(TestDatabase, CircuitBreaker.layerStoreMemory(), NodeServices.layer))
)

const Line = Schema.Union([
  Schema.Struct({
    object: Schema.Literal("movement"),
    ...{ kind: Schema.String, reference: Schema.String, tx: Schema.String, amount: Schema.String, at: Schema.Int }
  }),
  Schema.Struct({ object: Schema.Literal("end"), count: Schema.Int })
])
const decodeLine = Schema.decodeEffect(Schema.fromJsonString(Line))

const hex = (id: string) => id.replaceAll("-", "")
const day = BillDay.make("2026-11-16")

type Chain = Effect.Success<ReturnType<typeof testChain>>

/** When the newest block is from. */
const now = ({ chain }: Chain) =>
  Effect.map(
    Effect.promise(() => chain.getBlock()),
    ({ timestamp }) => new Date(Number(timestamp) * 1000)
  )

/** A block that begins so many seconds later; answers with its time. */
const later = Effect.fnUntraced(function* (world: Chain, seconds = 100) {
  yield* Effect.promise(() => world.chain.increaseTime({ seconds }))
  yield* world.mine(1)
  return yield* now(world)
})

/** The kinds, references and amounts of the bill between two moments, and the last line's count. */
const told = Effect.fnUntraced(function* ({ bill }: Channel, from: Date, to: Date) {
  const { download } = yield* Effect.fromNullishOr(bill)
  const bytes = yield* Effect.flatMap(download({ day, from, to }), Effect.fromOption)
  const text = yield* bytes.pipe(Stream.decodeText(), Stream.mkString)
  const lines = yield* Effect.forEach(text.trimEnd().split("\n"), (line) => decodeLine(line))
  assert.deepStrictEqual(lines.at(-1), { object: "end", count: lines.length - 1 })
  return lines.flatMap((line) => {
    if (line.object === "end") return []
    assert.isTrue(line.at * 1000 >= from.getTime() && line.at * 1000 < to.getTime())
    return [`${line.kind} ${line.reference} ${line.amount}`]
  })
}, Effect.scoped)

// the chain is packaged for some platforms only
layer(Services, { excludeTestServices: true, timeout: "60 seconds" })("The chain's bill", (it) => {
  const onChain = Option.isSome(binary) ? it.effect : it.effect.skip

  onChain("tells of payments, refunds and the rest by the blocks of a day, in questions of any length", () =>
    Effect.gen(function* () {
      const world = yield* testChain(301, { blockRange: 7 })
      const { channel, mine, pay } = world
      const [early, exact, over, unpaid] = yield* Effect.all([anAttempt, anAttempt, anAttempt, anAttempt])
      const addressOf = (attempt: typeof early) =>
        Effect.map(channel.create(attempt), ({ channelReference }) => channelReference ?? "")
      const [a, b, c, d] = yield* Effect.all([addressOf(early), addressOf(exact), addressOf(over), addressOf(unpaid)])
      yield* pay(a, 5_000_000)
      const from = yield* later(world)
      yield* pay(b, 5_000_000)
      yield* pay(c, 2_000_000)
      yield* pay(c, 4_000_000)
      yield* pay(d, 1_500_000)
      yield* mine(3)
      yield* channel.watch!.look(10)
      const refund = { id: yield* newRefundId, attempt: exact, amount: Money.of(700_000, "USDC"), reason: "broken" }
      yield* channel.refund(refund)
      yield* mine(3)
      assert.strictEqual((yield* channel.queryRefund(refund))._tag, "Refunded")
      const to = yield* later(world)
      // of the day after
      yield* pay(a, 100)
      yield* mine(3)
      assert.sameMembers(yield* told(channel, from, to), [
        `payment ${hex(exact.id)} 5000000`,
        `payment ${hex(over.id)} 5000000`,
        `other ${c} 1000000`,
        `other ${d} 1500000`,
        `other surplus:${over.id} -1000000`,
        `refund ${hex(refund.id)} 700000`
      ])
    })
  )

  onChain("tells of a payment on the day that completes it, and keeps the sums the chain's", () =>
    Effect.gen(function* () {
      const world = yield* testChain(302)
      const { channel, mine, pay } = world
      const attempt = yield* anAttempt
      const { channelReference: address } = yield* channel.create(attempt)
      const first = yield* now(world)
      yield* pay(address ?? "", 2_000_000)
      const second = yield* later(world)
      yield* pay(address ?? "", 3_000_000)
      const third = yield* later(world)
      yield* pay(address ?? "", 9)
      const end = yield* later(world)
      yield* mine(3)
      assert.deepStrictEqual(yield* told(channel, first, second), [`other ${address} 2000000`])
      assert.deepStrictEqual(yield* told(channel, second, third), [
        `payment ${hex(attempt.id)} 5000000`,
        `other ${address} -2000000`
      ])
      assert.deepStrictEqual(yield* told(channel, third, end), [`other ${address} 9`])
      // before the chain's beginning nothing happened
      const genesis = new Date(Date.UTC(2020, 0, 1))
      assert.deepStrictEqual(yield* told(channel, genesis, new Date(Date.UTC(2020, 0, 2))), [])
    })
  )

  onChain("does not count what was given back of a try that was closed", () =>
    Effect.gen(function* () {
      const world = yield* testChain(303)
      const { channel, mine, pay } = world
      const attempt = yield* anAttempt
      const { channelReference: address } = yield* channel.create(attempt)
      const from = yield* now(world)
      yield* pay(address ?? "", 2_000_000)
      yield* mine(3)
      assert.strictEqual(yield* channel.close(attempt), "closed")
      yield* channel.watch!.look(10)
      yield* mine(3)
      yield* pay(address ?? "", 4_000_000)
      yield* mine(3)
      const to = yield* later(world)
      yield* mine(3)
      yield* channel.watch!.look(10)
      const lines = yield* told(channel, from, to)
      assert.isFalse(lines.some((line) => line.startsWith("payment")))
      assert.include(lines, `other ${address} 6000000`)
    })
  )

  onChain("shows money that left the wallet without our books as a refund that nobody asked for", () =>
    Effect.gen(function* () {
      const world = yield* testChain(304)
      const { buyer, channel, mine } = world
      const from = yield* now(world)
      const hash = yield* world.steal(buyer, 77)
      const to = yield* later(world)
      yield* mine(3)
      assert.deepStrictEqual(yield* told(channel, from, to), [`refund ${hash} 77`])
    })
  )

  onChain("is not there before the first block behind the day is final", () =>
    Effect.gen(function* () {
      const world = yield* testChain(305)
      const { channel, mine, pay } = world
      const attempt = yield* anAttempt
      const { channelReference } = yield* channel.create(attempt)
      const from = yield* now(world)
      yield* pay(channelReference ?? "", 5_000_000)
      const to = yield* later(world)
      const early = yield* Effect.flip(told(channel, from, to))
      assert.deepInclude({ ...early }, { _tag: "ChannelError" })
      assert.include(String(early), "NOT_FINAL_YET")
      yield* mine(1)
      assert.include(String(yield* Effect.flip(told(channel, from, to))), "NOT_FINAL_YET")
      yield* mine(1)
      assert.deepStrictEqual(yield* told(channel, from, to), [`payment ${hex(attempt.id)} 5000000`])
    })
  )
})
