import { OrderExpiryChange, OrderExpiryRule } from "@mall/domain/trade/OrderExpiryRule"
import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { mall, newId } from "./arrange.ts"
import { CommandLine, decode } from "./CommandLine.ts"

layer(CommandLine.layer, { excludeTestServices: true, timeout: "60 seconds" })("mall expiry", (it) => {
  it.effect("sets and lists how long orders wait", () =>
    Effect.gen(function* () {
      yield* mall("expiry", "set", "--seconds", "900", "--method", "wechatpay")
      yield* mall("expiry", "set", "--seconds", "600", "--method", "wechatpay")
      const rules = yield* decode(Schema.Array(OrderExpiryRule), yield* mall("expiry", "list", "--json"))
      assert.deepStrictEqual(
        rules.filter(({ paymentMethod }) => paymentMethod === "wechatpay"),
        [{ merchantId: null, categoryId: null, paymentMethod: "wechatpay", expirySeconds: 600 }]
      )
      const category = yield* newId
      const ofCategory = ["--category", category, "--method", "wechatpay"]
      assert.include((yield* mall("expiry", "set", "--seconds", "60", ...ofCategory)).out, `the category ${category}`)
      assert.include((yield* mall("expiry", "list")).out, category)
      assert.strictEqual((yield* mall("expiry", "set", "--seconds", "60", "--category", "tea")).code, 2)
      assert.strictEqual((yield* mall("expiry", "remove", ...ofCategory)).code, 0)
      assert.strictEqual((yield* mall("expiry", "remove", "--method", "wechatpay")).code, 0)
      assert.strictEqual((yield* mall("expiry", "remove", "--method", "wechatpay")).code, 1)
      const changes = yield* decode(
        Schema.Array(OrderExpiryChange),
        yield* mall("expiry", "history", "--limit", "5", "--json")
      )
      assert.deepStrictEqual(
        changes.map(({ author, categoryId, expirySeconds }) => [author, categoryId, expirySeconds]),
        [
          ["operator:olga", null, null],
          ["operator:olga", category, null],
          ["operator:olga", category, 60],
          ["operator:olga", null, 600],
          ["operator:olga", null, 900]
        ]
      )
    })
  )
})
