import { assert, layer } from "@effect/vitest"
import { PaymentPolicies } from "@mall/domain/merchants/PaymentPolicies"
import { unrestricted } from "@mall/domain/merchants/PaymentPolicy"
import { ChannelId } from "@mall/domain/payments/Payment"
import { Effect } from "effect"
import { Policies } from "../src/terms/Policies.ts"
import { newMerchantId, TestTerms } from "./TestTerms.ts"

const reason = "agreed"
const narrow = { ...unrestricted, channels: [ChannelId.make("alipay")] } as const

layer(TestTerms, { excludeTestServices: true, timeout: "60 seconds" })("payment policies", (it) => {
  it.effect("count from when they say, beside what was agreed before", () =>
    Effect.gen(function* () {
      const [policies, port] = [yield* Policies, yield* PaymentPolicies]
      const merchantId = yield* newMerchantId
      const later = new Date("2090-01-01T00:00:00Z")
      assert.deepStrictEqual(yield* port.of(merchantId, later), unrestricted)
      yield* policies.put(merchantId, { version: 0, reason, content: narrow, effectiveFrom: later }, "user:olga")
      assert.deepStrictEqual(yield* port.of(merchantId, new Date(later.getTime() - 1)), unrestricted)
      assert.deepStrictEqual((yield* port.of(merchantId, later)).channels, narrow.channels)
      assert.deepStrictEqual(port.peek(merchantId, later)?.channels, narrow.channels)
      assert.deepStrictEqual(yield* port.of(yield* newMerchantId, later), unrestricted)
      assert.deepStrictEqual(port.peek(null, later), unrestricted)
      assert.isUndefined(port.peek(yield* newMerchantId, later))
    })
  )

  it.effect("are not changed by who was overtaken, nor from a time that is over, and keep who said what", () =>
    Effect.gen(function* () {
      const policies = yield* Policies
      const merchantId = yield* newMerchantId
      const put = (version: number, rest: object = {}) =>
        policies.put(merchantId, { version, reason, content: narrow, ...rest }, "user:olga")
      const twice = yield* Effect.all([Effect.result(put(0)), Effect.result(put(0))], { concurrency: 2 })
      assert.lengthOf(
        twice.filter(({ _tag }) => _tag === "Success"),
        1
      )
      const overtaken = yield* Effect.flip(put(0))
      assert.strictEqual(overtaken._tag, "TermsChanged")
      const past = yield* Effect.flip(put(1, { effectiveFrom: new Date("2020-01-01") }))
      assert.strictEqual(past._tag, "TermsBackdated")
      yield* put(1)
      const [newest, first] = yield* policies.list(merchantId)
      assert.deepStrictEqual([newest?.version, first?.version, first?.actor], [2, 1, "user:olga"] as never)
    })
  )
})
