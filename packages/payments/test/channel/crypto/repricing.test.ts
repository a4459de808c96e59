import { assert, layer } from "@effect/vitest"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Money } from "@mall/domain/kernel/Money"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Duration, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { CircuitBreaker } from "effect/persistence"
import { make } from "../../../src/channel/crypto/Crypto.ts"
import { toHexId } from "../../../src/channel/hexId.ts"
import { ChannelLog } from "../../../src/log/ChannelLog.ts"
import { anAttempt, binary, newRefundId, testChain } from "./TestChain.ts"

const Services = ChannelLog.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(TestDatabase, CircuitBreaker.layerStoreMemory(), NodeServices.layer))
)

interface Signature {
  readonly nonce: number
  readonly txHash: string
  readonly fee: string
  readonly tip: string
}

const hex = (text = ""): `0x${string}` => `0x${text.slice(2)}`

const signaturesOf = Effect.fnUntraced(function* (key: string) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql<Signature>`
    SELECT s.nonce, s.tx_hash AS "txHash", s.max_fee_per_gas::text AS fee, s.max_priority_fee_per_gas::text AS tip
    FROM payments.crypto_signings AS s WHERE s.key = ${key} ORDER BY s.version`
})

/** A payment that was paid, on a chain that mines nothing by itself from now on, and a refund of it to ask for. */
const paidOn = Effect.fnUntraced(function* (chainId: number, changes: Parameters<typeof testChain>[1] = {}) {
  const test = yield* testChain(chainId, { repriceAfter: Duration.zero, ...changes })
  const attempt = yield* anAttempt
  const { channelReference } = yield* test.channel.create(attempt)
  yield* test.pay(channelReference ?? "", 5_000_000)
  yield* test.mine(3)
  assert.strictEqual((yield* test.channel.query(attempt))._tag, "Paid")
  yield* Effect.promise(() => test.chain.setAutomine(false))
  const refund = { id: yield* newRefundId, attempt, amount: Money.of(2_000_000, "USDC"), reason: "too small" }
  return { ...test, refund, key: `refund:${toHexId(refund.id)}`, before: yield* test.balance(test.buyer) }
})

// the chain is packaged for some platforms only
layer(Services, { excludeTestServices: true, timeout: "60 seconds" })("a transfer that hangs", (it) => {
  const onChain = Option.isSome(binary) ? it.effect : it.effect.skip

  onChain("is signed again with the same nonce, an eighth dearer, and sent once", () =>
    Effect.gen(function* () {
      const { balance, before, buyer, chain, channel, key, mine, refund } = yield* paidOn(111)
      yield* channel.refund(refund)
      const [first] = yield* signaturesOf(key)
      // the price of gas rises far above what was offered
      const dear = BigInt(first?.fee ?? "0") * 20n
      yield* Effect.promise(() => chain.setNextBlockBaseFeePerGas({ baseFeePerGas: dear }))
      yield* mine(1)
      assert.strictEqual((yield* channel.queryRefund(refund))._tag, "Processing")
      const signatures = yield* signaturesOf(key)
      assert.isAbove(signatures.length, 1)
      assert.strictEqual(new Set(signatures.map(({ nonce }) => nonce)).size, 1)
      for (const [index, { fee, tip }] of signatures.entries()) {
        const former = signatures[index - 1]
        if (former === undefined) continue
        assert.isAtLeast(Number(BigInt(fee) * 8n), Number(BigInt(former.fee) * 9n))
        assert.isAtLeast(Number(BigInt(tip) * 8n), Number(BigInt(former.tip) * 9n))
      }
      yield* mine(1)
      yield* mine(3)
      const done = yield* channel.queryRefund(refund)
      assert.strictEqual(done._tag, "Refunded")
      assert.include(
        signatures.map(({ txHash }) => txHash),
        done._tag === "Refunded" ? done.channelReference : ""
      )
      assert.strictEqual(yield* balance(buyer), before + 2_000_000n)
      // nothing of it is sent a second time, whoever looks
      yield* channel.watch!.look(10)
      yield* mine(3)
      assert.strictEqual(yield* balance(buyer), before + 2_000_000n)
    })
  )

  onChain("is settled by whichever of its signatures was mined, also the former", () =>
    Effect.gen(function* () {
      const { balance, before, buyer, chain, channel, key, mine, refund } = yield* paidOn(112, {
        repriceAfter: Duration.minutes(3)
      })
      const sql = yield* SqlClient.SqlClient
      yield* channel.refund(refund)
      yield* sql`UPDATE payments.crypto_signings SET signed_at = signed_at - interval '1 hour' WHERE key = ${key}`
      yield* channel.queryRefund(refund)
      const [first, second] = yield* signaturesOf(key)
      // the node forgets the dearer one, as after a crash before it was sent, and a miner has kept the former
      yield* Effect.promise(() => chain.dropTransaction({ hash: hex(second?.txHash) }))
      assert.isDefined(second)
      const rows = yield* sql<{ readonly raw: string }>`
        SELECT s.raw FROM payments.crypto_signings AS s WHERE s.key = ${key} AND s.version = 1`
      yield* Effect.promise(() => chain.sendRawTransaction({ serializedTransaction: hex(rows[0]?.raw) }))
      yield* mine(4)
      const done = yield* channel.queryRefund(refund)
      assert.deepInclude({ ...done }, { _tag: "Refunded", channelReference: first?.txHash ?? "" })
      assert.strictEqual(yield* balance(buyer), before + 2_000_000n)
    })
  )

  onChain("is signed again once, however many look at it, and waits where gas costs more than is allowed", () =>
    Effect.gen(function* () {
      const { channel, key, refund, settings } = yield* paidOn(113, { repriceAfter: Duration.minutes(3) })
      yield* channel.refund(refund)
      const sql = yield* SqlClient.SqlClient
      yield* channel.queryRefund(refund)
      assert.strictEqual((yield* signaturesOf(key)).length, 1)
      yield* sql`UPDATE payments.crypto_signings SET signed_at = signed_at - interval '1 hour' WHERE key = ${key}`
      yield* Effect.all(
        Array.from({ length: 5 }, () => channel.queryRefund(refund)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual((yield* signaturesOf(key)).length, 2)

      yield* sql`UPDATE payments.crypto_signings SET signed_at = signed_at - interval '1 hour' WHERE key = ${key}`
      const thrifty = yield* make({ ...settings, maxFeePerGas: 1n })
      assert.strictEqual((yield* thrifty.queryRefund(refund))._tag, "Processing")
      assert.strictEqual((yield* signaturesOf(key)).length, 2)
    })
  )

  onChain("is sent after a crash between signing and sending, and again after a reorganisation, once in all", () =>
    Effect.gen(function* () {
      const { balance, before, buyer, chain, channel, key, mine, refund } = yield* paidOn(114, {
        repriceAfter: Duration.minutes(3)
      })
      const snapshot = yield* Effect.promise(() => chain.snapshot())
      yield* channel.refund(refund)
      const [signed] = yield* signaturesOf(key)
      // as after a crash before it was sent: no node has heard of it
      yield* Effect.promise(() => chain.dropTransaction({ hash: hex(signed?.txHash) }))
      yield* mine(1)
      assert.strictEqual(yield* balance(buyer), before)
      yield* channel.watch!.look(10)
      yield* mine(1)
      assert.strictEqual(yield* balance(buyer), before + 2_000_000n)
      assert.strictEqual((yield* channel.queryRefund(refund))._tag, "Processing")
      // the block it was in is replaced before it is final
      yield* Effect.promise(() => chain.revert({ id: snapshot }))
      assert.strictEqual(yield* balance(buyer), before)
      yield* channel.watch!.look(10)
      yield* mine(4)
      assert.deepInclude(
        { ...(yield* channel.queryRefund(refund)) },
        { _tag: "Refunded", channelReference: signed?.txHash ?? "" }
      )
      assert.strictEqual(yield* balance(buyer), before + 2_000_000n)
      assert.strictEqual((yield* signaturesOf(key)).length, 1)
    })
  )
})
