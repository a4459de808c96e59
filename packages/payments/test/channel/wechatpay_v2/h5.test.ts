import { assert, layer } from "@effect/vitest"
import { ChannelId } from "@mall/domain/payments/Payment"
import { Effect } from "effect"
import { Confirmations } from "../../../src/lifecycle/Confirmations.ts"
import { aBuyer, aPayment, TestPayments } from "../../TestPayments.ts"

layer(TestPayments, { excludeTestServices: true })("WeChat Pay v2", (it) => {
  it.effect("sends the browser of a phone to WeChat, and says whose page it comes from", () =>
    Effect.gen(function* () {
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const choice = { channel: ChannelId.make("wechatpay_v2"), method: "h5", payer: { ip: "203.0.113.7" } }
      const { action } = yield* (yield* Confirmations).confirm(id, choice, buyer)
      if (action.type !== "redirect") return assert.fail(action.type)
      assert.include(action.url, "prepay_id=")
    })
  )
})
