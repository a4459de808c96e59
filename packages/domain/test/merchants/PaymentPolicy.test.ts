import { assert, it } from "@effect/vitest"
import { Money } from "@mall/domain/kernel/Money"
import { PaymentPolicy, refundFaultOf, unrestricted } from "@mall/domain/merchants/PaymentPolicy"
import { Effect, Schema } from "effect"

const cny = (amount: number) => Money.of(amount, "CNY")
const paidAt = new Date("2026-03-01T12:00:00Z")

const faultOf = (policy: object, wanted: number, refundable = 999, at = paidAt) =>
  refundFaultOf(
    { ...unrestricted, ...policy },
    { captured: cny(999), refundable: cny(refundable), wanted: cny(wanted), paidAt, at }
  )

it("a refund is as old as its capture, to the last millisecond", () => {
  const last = new Date("2026-03-08T12:00:00.000Z")
  assert.isUndefined(faultOf({ refundDays: 7 }, 1, 999, last))
  const late = faultOf({ refundDays: 7 }, 1, 999, new Date(last.getTime() + 1))
  assert.deepStrictEqual([late?.rule, late?.until], ["age", last] as never)
  assert.isUndefined(faultOf({ refundDays: 0 }, 1))
})

it("a refund that is no part gives back all that is left", () => {
  assert.isUndefined(faultOf({ partialRefunds: false }, 999))
  assert.strictEqual(faultOf({ partialRefunds: false }, 998)?.rule, "partial")
  // of the rest that an operator left, all
  assert.isUndefined(faultOf({ partialRefunds: false }, 500, 500))
})

it("refunds come to a share of the capture together, rounded down", () => {
  assert.isUndefined(faultOf({ refundPercent: 50 }, 499))
  assert.strictEqual(faultOf({ refundPercent: 50 }, 500)?.atMost?.amount, 499)
  assert.strictEqual(faultOf({ refundPercent: 50 }, 100, 599)?.atMost?.amount, 99)
  assert.strictEqual(faultOf({ refundPercent: 0 }, 1)?.rule, "share")
  assert.strictEqual(faultOf({ refundPercent: 10 }, 1, 0)?.atMost?.amount, 0)
})

it("nothing is refused where nothing is agreed", () => {
  assert.isUndefined(faultOf({}, 1, 999, new Date("2099-01-01")))
})

it.effect("a policy names each way once, and no share where parts are refused", () =>
  Effect.gen(function* () {
    const decode = Schema.decodeUnknownEffect(PaymentPolicy)
    const wrong = [
      { channels: [] },
      { channels: ["wechatpay", "wechatpay"] },
      { methods: ["native", "native"] },
      { refundDays: -1 },
      { partialRefunds: false, refundPercent: 50 }
    ]
    for (const each of wrong) yield* Effect.flip(decode({ ...unrestricted, ...each }))
    assert.deepStrictEqual(yield* decode(unrestricted), unrestricted)
  })
)
