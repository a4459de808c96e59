import { assert, layer } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem, Schema } from "effect"
import { HttpBody, HttpClientRequest } from "effect/http"
import { at, TestMerchant } from "./TestMerchant.ts"

const Keys = Schema.fromJsonString(Schema.Struct({ secretKey: Schema.String, publishableKey: Schema.String }))
const decodeJson = Schema.decodeEffect(Schema.fromJsonString(Schema.Unknown))

const post = Effect.fnUntraced(function* (path: string, form: Record<string, string>, secretKey?: string) {
  const { http, url } = yield* TestMerchant
  const response = yield* HttpClientRequest.post(`${url}/stripe/v1/${path}`).pipe(
    HttpClientRequest.setHeaders({
      "idempotency-key": "key",
      ...(secretKey === undefined ? {} : { authorization: `Bearer ${secretKey}` })
    }),
    HttpClientRequest.setBody(HttpBody.text(new URLSearchParams(form).toString(), "application/x-www-form-urlencoded")),
    http.execute
  )
  return { status: response.status, data: yield* decodeJson(yield* response.text) }
})

const anIntent = Effect.fnUntraced(function* (reference: string) {
  const { folder } = yield* TestMerchant
  const fs = yield* FileSystem.FileSystem
  const keys = yield* Effect.flatMap(
    fs.readFileString(`${folder}/sandbox/stripe/merchant.json`),
    Schema.decodeEffect(Keys)
  )
  const form = { amount: "2599", currency: "usd", "metadata[attempt_id]": reference }
  const { data } = yield* post("payment_intents", form, keys.secretKey)
  return { key: keys.publishableKey, id: String(at(data, "id")), secret: String(at(data, "client_secret")) }
}, Effect.provide(NodeFileSystem.layer))

layer(TestMerchant.layer, { excludeTestServices: true })("Stripe's script", (it) => {
  it.effect("pays by the publishable key and the client secret together, and by nothing else", () =>
    Effect.gen(function* () {
      const { id, key, secret } = yield* anIntent("confirm-0001")
      const another = yield* anIntent("confirm-0002")
      const confirm = (form: Record<string, string>) =>
        post(`payment_intents/${id}/confirm`, { key, client_secret: secret, payment_method: "pm_card_visa", ...form })
      assert.strictEqual((yield* confirm({ key: "pk_test_another" })).status, 401)
      assert.strictEqual((yield* confirm({ client_secret: another.secret })).status, 400)
      assert.strictEqual((yield* confirm({ payment_method: "4242424242424242" })).status, 400)

      const declined = yield* confirm({ payment_method: "pm_card_visa_chargeDeclined" })
      assert.strictEqual(declined.status, 402)
      assert.strictEqual(at(declined.data, "error", "code"), "card_declined")
      assert.strictEqual(at(declined.data, "error", "payment_intent", "status"), "requires_payment_method")

      const paid = yield* confirm({})
      assert.deepStrictEqual([paid.status, at(paid.data, "status")], [200, "succeeded"])
      const again = yield* confirm({})
      assert.strictEqual(at(again.data, "error", "code"), "payment_intent_unexpected_state")
    })
  )
})
