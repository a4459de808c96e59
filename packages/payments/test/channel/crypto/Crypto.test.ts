import { assert, layer } from "@effect/vitest"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Option } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { ChannelLog } from "../../../src/log/ChannelLog.ts"
import { numberToHex } from "viem"
import { make } from "../../../src/channel/crypto/Crypto.ts"
import { anAttempt, binary, newRefundId, testChain } from "./TestChain.ts"

const Services = ChannelLog.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(TestDatabase, CircuitBreaker.layerStoreMemory(), NodeServices.layer))
)

// the chain is packaged for some platforms only
layer(Services, { excludeTestServices: true, timeout: "60 seconds" })("Crypto", (it) => {
  const onChain = Option.isSome(binary) ? it.effect : it.effect.skip

  onChain("keeps one address for a try, and believes a payment once it is final", () =>
    Effect.gen(function* () {
      const { channel, mine, pay } = yield* testChain(101)
      const attempt = yield* anAttempt
      const [first, again] = yield* Effect.all([channel.create(attempt), channel.create(attempt)], { concurrency: 2 })
      assert.deepStrictEqual(first, again)
      const address = first.channelReference ?? ""
      yield* pay(address, 5_000_000)
      assert.strictEqual((yield* channel.query(attempt))._tag, "Open")
      assert.strictEqual(yield* channel.close(attempt), "paid")
      yield* mine(3)
      const paid = yield* channel.query(attempt)
      assert.strictEqual(paid._tag, "Paid")
      assert.deepInclude({ ...paid }, { amount: attempt.amount.amount, currency: "USDC", channelReference: address })
      const seen = yield* channel.watch!.look(10)
      assert.strictEqual(seen.notices.length, 1)
      yield* channel.watch!.told(seen.notices)
      assert.deepStrictEqual((yield* channel.watch!.look(10)).notices, [])
    })
  )

  onChain("forgets a payment that vanishes before it is final", () =>
    Effect.gen(function* () {
      const { chain, channel, mine, pay } = yield* testChain(102)
      const attempt = yield* anAttempt
      const { channelReference } = yield* channel.create(attempt)
      const id = yield* Effect.promise(() => chain.snapshot())
      yield* pay(channelReference ?? "", 5_000_000)
      assert.strictEqual((yield* channel.query(attempt))._tag, "Open")
      yield* Effect.promise(() => chain.revert({ id }))
      yield* mine(10)
      assert.strictEqual((yield* channel.query(attempt))._tag, "Open")
      assert.strictEqual(yield* channel.close(attempt), "closed")
    })
  )

  onChain("returns the surplus, and refunds once however many ask", () =>
    Effect.gen(function* () {
      const { balance, buyer, channel, mine, pay } = yield* testChain(103)
      const attempt = yield* anAttempt
      const { channelReference } = yield* channel.create(attempt)
      const before = yield* balance(buyer)
      yield* pay(channelReference ?? "", 6_000_000)
      assert.strictEqual(yield* balance(channelReference ?? ""), 6_000_000n)
      yield* mine(3)
      assert.deepInclude({ ...(yield* channel.query(attempt)) }, { _tag: "Paid", amount: attempt.amount.amount })
      yield* channel.watch!.look(10)
      const refund = { id: yield* newRefundId, attempt, amount: Money.of(2_000_000, "USDC"), reason: "too small" }
      yield* Effect.all([channel.refund(refund), channel.refund(refund), channel.refund(refund)], { concurrency: 3 })
      yield* mine(3)
      assert.strictEqual((yield* channel.queryRefund(refund))._tag, "Refunded")
      assert.strictEqual((yield* channel.refund(refund))._tag, "Refunded")
      assert.strictEqual(yield* balance(buyer), before - 3_000_000n)
    })
  )

  onChain("gives surplus and refund to who paid, and not to who sent dust behind it", () =>
    Effect.gen(function* () {
      const { balance, buyer, channel, meddle, mine, pay, stranger } = yield* testChain(106)
      const attempt = yield* anAttempt
      const { channelReference } = yield* channel.create(attempt)
      const address = channelReference ?? ""
      const before = yield* balance(buyer)
      yield* meddle(address, 1)
      yield* pay(address, 6_000_000)
      yield* meddle(address, 2)
      yield* mine(3)
      assert.strictEqual((yield* channel.query(attempt))._tag, "Paid")
      yield* channel.watch!.look(10)
      yield* mine(3)
      yield* channel.watch!.look(10)
      // of the 6.000001 that reached the amount the rest is the buyer's; the dust behind it goes back
      assert.strictEqual(yield* balance(buyer), before - 4_999_999n)
      assert.strictEqual(yield* balance(stranger), 2n)
      const refund = { id: yield* newRefundId, attempt, amount: Money.of(5_000_000, "USDC"), reason: "sent back" }
      yield* channel.refund(refund)
      yield* mine(3)
      assert.strictEqual((yield* channel.queryRefund(refund))._tag, "Refunded")
      assert.strictEqual(yield* balance(buyer), before + 1n)
      assert.strictEqual(yield* balance(stranger), 2n)
    })
  )

  onChain("lets a refund wait for tokens that another one under way takes", () =>
    Effect.gen(function* () {
      const { buyer, chain, channel, hotWallet, mine, pay, steal } = yield* testChain(107)
      const aRefund = Effect.gen(function* () {
        const attempt = yield* anAttempt
        const { channelReference } = yield* channel.create(attempt)
        yield* pay(channelReference ?? "", 5_000_000)
        yield* mine(3)
        assert.strictEqual((yield* channel.query(attempt))._tag, "Paid")
        return { id: yield* newRefundId, attempt, amount: Money.of(5_000_000, "USDC"), reason: "too small" }
      })
      const [first, second] = [yield* aRefund, yield* aRefund]
      // 8 are left: enough for each of them, and not for both
      yield* steal(buyer, 992_000_000)
      yield* Effect.promise(() => chain.setAutomine(false))
      yield* channel.refund(first)
      yield* channel.refund(second)
      yield* Effect.promise(() => chain.setAutomine(true))
      yield* mine(4)
      assert.strictEqual((yield* channel.queryRefund(first))._tag, "Refunded")
      assert.strictEqual((yield* channel.queryRefund(second))._tag, "Processing")
      yield* pay(hotWallet, 2_000_000)
      assert.strictEqual((yield* channel.queryRefund(second))._tag, "Processing")
      yield* mine(3)
      assert.strictEqual((yield* channel.queryRefund(second))._tag, "Refunded")
    })
  )

  onChain("tells how much came and what is missing, once for each sum, and asks for the rest", () =>
    Effect.gen(function* () {
      const { channel, mine, pay } = yield* testChain(105)
      const attempt = yield* anAttempt
      const { action, channelReference } = yield* channel.create(attempt)
      assert.include(JSON.stringify(action), "uint256=5000000")
      const address = channelReference ?? ""
      yield* pay(address, 1_200_000)
      // what is not final is told of to nobody
      assert.deepStrictEqual((yield* channel.watch!.look(10)).notices, [])
      yield* mine(3)
      const [first, ...others] = (yield* channel.watch!.look(10)).notices
      assert.deepStrictEqual(others, [])
      assert.strictEqual(first?.eventId, `${attempt.id}:received:1200000`)
      const part = yield* channel.query(attempt)
      assert.deepInclude(
        { ...part },
        { _tag: "Partial", amount: MinorUnits.make(1_200_000), channelReference: address }
      )
      assert.include(JSON.stringify(part), "uint256=3800000")
      // it comes again until it is kept
      assert.strictEqual((yield* channel.watch!.look(10)).notices.length, 1)
      yield* channel.watch!.told(first === undefined ? [] : [first])
      assert.deepStrictEqual((yield* channel.watch!.look(10)).notices, [])

      yield* pay(address, 800_000)
      yield* mine(3)
      const next = yield* channel.watch!.look(10)
      assert.deepStrictEqual(
        next.notices.map(({ eventId }) => eventId),
        [`${attempt.id}:received:2000000`]
      )
      yield* pay(address, 3_000_000)
      yield* mine(3)
      assert.strictEqual((yield* channel.query(attempt))._tag, "Paid")
    })
  )

  onChain("tells nobody of an address while the token has other decimals than USDC, or there is none", () =>
    Effect.gen(function* () {
      const { channel, node, settings } = yield* testChain(108)
      const attempt = yield* anAttempt
      const codeOf = (of: typeof channel) =>
        Effect.map(Effect.flip(of.create(attempt)), ({ reason }) => [reason._tag, reason.code])
      const refused = ["ChannelRefusedRequest", "TOKEN_NOT_USDC"]
      yield* node.falsify((question, result) =>
        JSON.stringify(question.params).includes("0x313ce567") ? numberToHex(18, { size: 32 }) : result
      )
      assert.deepStrictEqual(yield* codeOf(channel), refused)
      assert.strictEqual((yield* channel.query(attempt))._tag, "Missing")
      yield* node.falsify(undefined)
      const nowhere = yield* make({ ...settings, token: "0x1111111111111111111111111111111111111111" })
      assert.deepStrictEqual(yield* codeOf(nowhere), refused)
      assert.match((yield* channel.create(attempt)).channelReference ?? "", /^0x[0-9a-f]{40}$/)
    })
  )

  onChain("returns what stays below the amount once the try is closed", () =>
    Effect.gen(function* () {
      const { balance, buyer, channel, mine, pay } = yield* testChain(104)
      const attempt = yield* anAttempt
      const { channelReference } = yield* channel.create(attempt)
      const before = yield* balance(buyer)
      yield* pay(channelReference ?? "", 1_234_567)
      assert.strictEqual(yield* balance(buyer), before - 1_234_567n)
      yield* mine(3)
      assert.strictEqual((yield* channel.query(attempt))._tag, "Partial")
      assert.strictEqual(yield* channel.close(attempt), "closed")
      yield* channel.watch!.look(10)
      yield* mine(3)
      assert.strictEqual(yield* balance(buyer), before)
    })
  )
})
