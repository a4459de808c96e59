import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { Formatter, Rsa } from "wechatpay-axios-plugin"
import { at, TestMerchant } from "./TestMerchant.ts"

const Json = Schema.fromJsonString(Schema.Json)
const decodeJson = Schema.decodeEffect(Json)
const encodeJson = Schema.encodeEffect(Json)

/** How a request differs from one that is signed well. */
interface Deviation {
  readonly mchid?: string
  readonly serial?: string
  readonly nonce?: string
  readonly ageSeconds?: number
  /** Signed instead of what is sent. */
  readonly signedBody?: string
  readonly signedTarget?: string
  readonly authorization?: string
  readonly headers?: Record<string, string>
}

const target = "/wechatpay/v3/pay/transactions/native"

/** Sends an order as bytes, signed by the client library's own functions or not quite. */
const send = Effect.fnUntraced(function* (outTradeNo: string, deviation: Deviation = {}) {
  const { account, http, notifyUrl, url } = yield* TestMerchant
  const body = yield* encodeJson({
    appid: account.appid,
    mchid: account.mchid,
    description: "签名",
    out_trade_no: outTradeNo,
    notify_url: notifyUrl,
    amount: { total: 1 }
  })
  const timestamp = String(Formatter.timestamp() - (deviation.ageSeconds ?? 0))
  const nonce = deviation.nonce ?? Formatter.nonce()
  const signature = Rsa.sign(
    Formatter.request("POST", deviation.signedTarget ?? target, timestamp, nonce, deviation.signedBody ?? body),
    account.merchantPrivateKeyPem
  )
  const authorization = Formatter.authorization(
    deviation.mchid ?? account.mchid,
    nonce,
    signature,
    timestamp,
    deviation.serial ?? account.merchantSerial
  )
  const response = yield* HttpClientRequest.post(`${url}${target}`).pipe(
    HttpClientRequest.setHeaders({
      accept: "application/json",
      "user-agent": "test",
      authorization: deviation.authorization ?? authorization,
      ...deviation.headers
    }),
    HttpClientRequest.bodyText(body, deviation.headers?.["content-type"] ?? "application/json"),
    http.execute
  )
  const text = yield* response.text
  return { status: response.status, headers: response.headers, text, data: yield* decodeJson(text) }
})

layer(TestMerchant.layer, { excludeTestServices: true })("a request's signature", (it) => {
  const refused: ReadonlyArray<readonly [string, Deviation, number, string]> = [
    ["no Authorization of the scheme", { authorization: "Bearer x" }, 401, "SIGN_ERROR"],
    ["a part missing", { authorization: 'WECHATPAY2-SHA256-RSA2048 mchid="1"' }, 401, "SIGN_ERROR"],
    ["another body", { signedBody: "{}" }, 401, "SIGN_ERROR"],
    ["another path", { signedTarget: "/v3/pay/transactions/native" }, 401, "SIGN_ERROR"],
    ["an unknown certificate", { serial: "0000" }, 401, "SIGN_ERROR"],
    ["an unknown merchant", { mchid: "1900000001" }, 400, "MCH_NOT_EXISTS"],
    ["a time 6 minutes ago", { ageSeconds: 360 }, 401, "SIGN_ERROR"],
    ["a time 6 minutes ahead", { ageSeconds: -360 }, 401, "SIGN_ERROR"],
    ["no User-Agent", { headers: { "user-agent": "" } }, 400, "PARAM_ERROR"],
    ["a body that is not JSON by its type", { headers: { "content-type": "text/plain" } }, 400, "PARAM_ERROR"]
  ]
  it.effect.each(refused)("with %s is refused, and nothing is made", ([, deviation, status, code]) =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      const answer = yield* send("refused-0001", deviation)
      assert.deepStrictEqual([answer.status, at(answer.data, "code")], [status, code])
      assert.deepInclude((yield* merchant.query("refused-0001")).data, { code: "ORDER_NOT_EXIST" })
    })
  )

  it.effect("that does not match is explained by what should have been signed", () =>
    Effect.gen(function* () {
      const answer = yield* send("refused-0002", { signedBody: "{}" })
      assert.deepInclude(at(answer.data, "detail"), { field: "signature", location: "authorization" })
      assert.match(
        String(at(answer.data, "detail", "sign_information", "truncated_sign_message")),
        /^POST\n\/wechatpay\/v3\/pay\/transactions\/native\n/
      )
    })
  )

  it.effect("is good once: the same nonce again is a replay", () =>
    Effect.gen(function* () {
      const nonce = Formatter.nonce()
      assert.strictEqual((yield* send("replay-0001", { nonce })).status, 200)
      const again = yield* send("replay-0001", { nonce })
      assert.deepStrictEqual([again.status, at(again.data, "code")], [401, "SIGN_ERROR"])
    })
  )

  it.effect("may be four minutes off", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* send("early-0001", { ageSeconds: -240 })).status, 200)
      assert.strictEqual((yield* send("early-0002", { ageSeconds: 240 })).status, 200)
    })
  )

  it.effect("has its counterpart on every answer, on refusals too", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      const answer = yield* send("refused-0003", { authorization: "none" })
      assert.isTrue(merchant.isGenuine({ headers: answer.headers, body: answer.text }))
    })
  )

  it.effect("cannot be tried with a body beyond all measure", () =>
    Effect.gen(function* () {
      const { http, url } = yield* TestMerchant
      const response = yield* HttpClientRequest.post(`${url}${target}`).pipe(
        HttpClientRequest.bodyText("x".repeat(100_000), "application/json"),
        http.execute
      )
      assert.strictEqual(response.status, 400)
    })
  )

  it.effect("covers bodies that are no order, which are then refused", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      const answers = yield* Effect.forEach([["not", "an order"], null, "text", 1], (data) =>
        merchant.call("post", "pay/transactions/native", { data })
      )
      for (const answer of answers) {
        assert.strictEqual(answer.status, 400)
        assert.deepInclude(answer.data, { code: "PARAM_ERROR" })
      }
    })
  )
})
