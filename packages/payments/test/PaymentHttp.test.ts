import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { Problems } from "@mall/domain/kernel/Problems"
import { Payment, PaymentStep, TicketedStatus } from "@mall/domain/payments/Payment"
import { CallbacksApiGroup, H5PaymentsApiGroup, PaymentsApiGroup } from "@mall/domain/payments/PaymentsApi"
import * as Edge from "@mall/platform/http/Edge"
import { Idempotency } from "@mall/platform/Idempotency"
import { IdempotentLayer } from "@mall/platform/IdempotentLayer"
import { ProblemsLayer } from "@mall/platform/ProblemsLayer"
import { LineWriter } from "@mall/platform/telemetry/LineWriter"
import * as TracingLayer from "@mall/platform/telemetry/TracingLayer"
import * as TestAuthorization from "@mall/testing/TestAuthorization"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpServer } from "effect/http"
import { HttpApi, HttpApiBuilder } from "effect/http-api"
import { SqlClient } from "effect/sql"
import { createHash } from "node:crypto"
import { createServer } from "node:http"
import { Callbacks } from "../src/callbacks/Callbacks.ts"
import { toHexId } from "../src/channel/hexId.ts"
import * as PaymentHttp from "../src/PaymentHttp.ts"
import { envelope, paidOrder, seal, signer } from "./Signer.ts"
import {
  aBuyer,
  aMerchant,
  aPayment,
  awaitStatus,
  newPaymentId,
  newRefundId,
  Peer,
  TestPayments
} from "./TestPayments.ts"

const api = HttpApi.make("mall").add(PaymentsApiGroup, H5PaymentsApiGroup, CallbacksApiGroup).middleware(Problems)

const accessLog: Array<string> = []

/** Where the surface under test listens. */
class Surface extends Context.Service<Surface, { readonly url: string }>()("@mall/payments/test/Surface") {
  static readonly layer = Layer.effect(
    Surface,
    Effect.map(HttpServer.HttpServer, ({ address }) => ({ url: HttpServer.formatAddress(address) }))
  ).pipe(
    Layer.merge(
      Edge.serve(
        HttpApiBuilder.layer(api).pipe(
          Layer.provide(PaymentHttp.layer),
          Layer.provide([TestAuthorization.layer, IdempotentLayer, ProblemsLayer])
        )
      )
    ),
    Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
    Layer.provide([Edge.layer, Idempotency.layer]),
    Layer.provide([TracingLayer.layer, LineWriter.layerTo((lines) => accessLog.push(lines))])
  )
}

const TestSurface = Surface.layer.pipe(Layer.provideMerge(TestPayments))

interface Call {
  readonly as?: Principal
  readonly body?: unknown
  readonly text?: string
  readonly headers?: Record<string, string>
}

/** Any request, as a stranger to the types would make it. */
const call = Effect.fnUntraced(function* (
  method: "GET" | "POST",
  path: string,
  { as, body, headers, text }: Call = {}
) {
  const { url } = yield* Surface
  const http = yield* HttpClient.HttpClient
  const response = yield* HttpClientRequest.make(method)(`${url}${path}`).pipe(
    (request) => (as === undefined ? request : HttpClientRequest.bearerToken(request, TestAuthorization.tokenOf(as))),
    (request) => (body === undefined ? request : HttpClientRequest.bodyJsonUnsafe(request, body)),
    (request) => (text === undefined ? request : HttpClientRequest.bodyText(request, text, "application/json")),
    HttpClientRequest.setHeaders(headers ?? {}),
    http.execute
  )
  return { status: response.status, headers: response.headers, text: yield* response.text }
})

const problemOf = ({ text }: { readonly text: string }) =>
  Schema.decodeEffect(Schema.fromJsonString(Schema.Struct({ code: Schema.String })))(text).pipe(
    Effect.map(({ code }) => code)
  )
const decodeAs = <A, I>(schema: Schema.Codec<A, I>) =>
  Schema.decodeEffect(Schema.fromJsonString(Schema.toCodecJson(schema)))

const invoice = { amount: { amount: 1999, currency: "CNY" }, reference: "invoice-1", description: "a chair" }

layer(TestSurface, { excludeTestServices: true })("The HTTP surface of payments", (it) => {
  it.effect("takes a payment from creation to refund, and lets the buyer's page follow by tickets", () =>
    Effect.gen(function* () {
      const peer = yield* Peer
      const merchant = yield* aMerchant
      const created = yield* call("POST", "/api/v1/payments", { as: merchant, body: invoice })
      assert.strictEqual(created.status, 201)
      const payment = yield* decodeAs(TicketedStatus)(created.text)
      assert.strictEqual(payment.status, "pending")

      const confirmed = yield* call("POST", `/api/v1/payments/${payment.id}/confirm`, {
        as: merchant,
        body: { channel: "wechatpay", method: "native" }
      })
      assert.strictEqual(confirmed.status, 200)
      const step = yield* decodeAs(PaymentStep)(confirmed.text)
      assert.strictEqual(step.action.type, "qr")
      yield* peer.pay(step.attempt.id)
      yield* awaitStatus(payment.id, "succeeded")

      const looked = yield* call("GET", `/api/v1/payments/${payment.id}/status?ticket=${payment.ticket}`)
      const shown = yield* decodeAs(TicketedStatus)(looked.text)
      assert.strictEqual(shown.status, "succeeded")
      const spent = yield* call("GET", `/api/v1/payments/${payment.id}/status?ticket=${payment.ticket}`)
      assert.deepStrictEqual([spent.status, yield* problemOf(spent)], [401, "TicketInvalid"])
      const byOrder = yield* call("GET", `/api/h5/orders/invoice-1/status?ticket=${shown.ticket}`)
      assert.strictEqual(byOrder.status, 200)

      const refunded = yield* call("POST", `/api/v1/payments/${payment.id}/refunds`, {
        as: merchant,
        body: { amount: { amount: 999, currency: "CNY" }, reason: "scratched" }
      })
      assert.strictEqual(refunded.status, 201)
      const tooMuch = yield* call("POST", `/api/v1/payments/${payment.id}/refunds`, {
        as: merchant,
        body: { amount: { amount: 1001, currency: "CNY" }, reason: "too much" }
      })
      assert.deepStrictEqual([tooMuch.status, yield* problemOf(tooMuch)], [422, "RefundExceedsCapture"])
      const otherCurrency = yield* call("POST", `/api/v1/payments/${payment.id}/refunds`, {
        as: merchant,
        body: { amount: { amount: 1, currency: "USD" }, reason: "dollars" }
      })
      assert.deepStrictEqual([otherCurrency.status, yield* problemOf(otherCurrency)], [422, "CurrencyMismatch"])

      const read = yield* call("GET", `/api/v1/payments/${payment.id}`, { as: merchant })
      assert.strictEqual((yield* decodeAs(Payment)(read.text)).captured.amount, 1999)
      const listed = yield* call("GET", "/api/v1/payments?reference=invoice-1&limit=1", { as: merchant })
      assert.include(listed.text, payment.id)
      assert.notInclude(accessLog.join(""), payment.ticket)
    })
  )

  it.effect("makes one payment for one Idempotency-Key, also when it comes twice at once", () =>
    Effect.gen(function* () {
      const merchant = yield* aMerchant
      const headers = { "idempotency-key": "key-1" }
      const body = { ...invoice, reference: "invoice-once" }
      yield* Effect.forEach([1, 2, 3], () => call("POST", "/api/v1/payments", { as: merchant, body, headers }), {
        concurrency: "unbounded"
      })
      const again = yield* call("POST", "/api/v1/payments", { as: merchant, body, headers })
      assert.deepStrictEqual([again.status, again.headers["idempotency-replayed"]], [201, "true"])
      const listed = yield* call("GET", "/api/v1/payments?reference=invoice-once", { as: merchant })
      assert.strictEqual(listed.text.split(`"reference":"invoice-once"`).length - 1, 1)
    })
  )

  it.effect("hides a payment from everyone but its payer and its merchant (13.01 enumeration)", () =>
    Effect.gen(function* () {
      const buyer = yield* aBuyer
      const stranger = yield* aMerchant
      const { id } = yield* aPayment(buyer)
      assert.strictEqual((yield* call("GET", `/api/v1/payments/${id}`, { as: buyer })).status, 200)
      assert.strictEqual((yield* call("GET", `/api/v1/payments/${id}`)).status, 401)
      for (const [method, path, body] of [
        ["GET", "", undefined],
        ["POST", "/confirm", { channel: "wechatpay" }],
        ["POST", "/cancel", undefined],
        ["POST", "/resume", undefined],
        ["POST", "/refunds", { reason: "none of mine" }],
        ["GET", "/refunds", undefined],
        ["GET", `/refunds/${yield* newRefundId}`, undefined]
      ] as const) {
        const { status } = yield* call(method, `/api/v1/payments/${id}${path}`, { as: stranger, body })
        assert.strictEqual(status, 404, `${method} ${path}`)
      }
      assert.notInclude((yield* call("GET", "/api/v1/payments", { as: stranger })).text, id)
      const asBuyer = yield* call("POST", `/api/v1/payments/${id}/refunds`, { as: buyer, body: { reason: "please" } })
      assert.deepStrictEqual([asBuyer.status, yield* problemOf(asBuyer)], [403, "Forbidden"])
    })
  )

  it.effect("serves the paths of the source documents (13.07)", () =>
    Effect.gen(function* () {
      const buyer = yield* aBuyer
      const { id, reference } = yield* aPayment(buyer)
      const started = yield* call("POST", "/api/h5/payments", {
        as: buyer,
        body: { orderNo: reference, channel: "wechatpay" }
      })
      assert.strictEqual(started.status, 201)
      const first = yield* decodeAs(PaymentStep)(started.text)
      assert.strictEqual(first.id, id)
      const resumed = yield* call("POST", `/api/h5/payments/${reference}/resume`, { as: buyer })
      const second = yield* decodeAs(PaymentStep)(resumed.text)
      assert.notStrictEqual(second.attempt.id, first.attempt.id)
      const other = yield* call("POST", `/api/h5/payments/${reference}/resume`, { as: yield* aBuyer })
      assert.strictEqual(other.status, 404)
    })
  )

  it.effect("answers a channel in its own format", () =>
    Effect.gen(function* () {
      const buyer = yield* aBuyer
      const { identity } = yield* signer
      const callbacks = yield* Callbacks
      const { id, reference } = yield* aPayment(buyer)
      const started = yield* call("POST", "/api/h5/payments", {
        as: buyer,
        body: { orderNo: reference, channel: "wechatpay" }
      })
      const { attempt } = yield* decodeAs(PaymentStep)(started.text)
      const sending = seal(identity, envelope(identity, paidOrder(identity, attempt.id, 1999)))
      const taken = yield* call("POST", "/callbacks/wechatpay", { text: sending.body, headers: sending.headers })
      assert.deepStrictEqual([taken.status, taken.text], [204, ""])
      const replayed = yield* call("POST", "/callbacks/wechatpay", { text: sending.body, headers: sending.headers })
      assert.deepStrictEqual([replayed.status, replayed.text], [401, `{"code":"FAIL","message":"replayed"}`])
      yield* callbacks.drained
      yield* awaitStatus(id, "succeeded")
      const nobody = yield* call("POST", "/callbacks/nobody", { text: sending.body, headers: sending.headers })
      assert.strictEqual(nobody.status, 404)
    })
  )

  it.effect(
    "takes and refuses XML notices at the path of the source documents, and never tells a signature (13.02, 14.05)",
    () =>
      Effect.gen(function* () {
        const buyer = yield* aBuyer
        const { id, reference } = yield* aPayment(buyer)
        const fs = yield* FileSystem.FileSystem
        const { folder } = yield* Peer
        const merchant = yield* Effect.flatMap(
          fs.readFileString(`${folder}/sandbox/wechatpay_v2/merchant.json`),
          decodeAs(Schema.Struct({ appid: Schema.String, mchid: Schema.String, apiKey: Schema.String }))
        )
        const started = yield* call("POST", "/api/h5/payments", {
          as: buyer,
          body: { orderNo: reference, channel: "wechatpay_v2" }
        })
        const { attempt } = yield* decodeAs(PaymentStep)(started.text)
        const fields: Record<string, string> = {
          appid: merchant.appid,
          mch_id: merchant.mchid,
          nonce_str: "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
          return_code: "SUCCESS",
          result_code: "SUCCESS",
          out_trade_no: toHexId(attempt.id),
          transaction_id: `43${toHexId(attempt.id).slice(4)}`,
          total_fee: "1999",
          time_end: "20200101000000",
          attach: ""
        }
        // as the source document spells it out: by name, without what is empty, and the key at the end
        const signOf = (all: Readonly<Record<string, string>>) => {
          const present = Object.entries(all).filter(([, value]) => value !== "")
          const text = present
            .map(([name, value]) => `${name}=${value}`)
            .toSorted()
            .join("&")
          return createHash("md5").update(`${text}&key=${merchant.apiKey}`).digest("hex").toUpperCase()
        }
        const sign = signOf(fields)
        const xml = (all: Readonly<Record<string, string>>) =>
          `<xml>${Object.entries(all)
            .map(([name, value]) => `<${name}><![CDATA[${value}]]></${name}>`)
            .join("")}</xml>`
        const post = (all: Readonly<Record<string, string>>) =>
          call("POST", "/api/webhook/wechat/payment", { text: xml(all), headers: { "content-type": "text/xml" } })
        const sql = yield* SqlClient.SqlClient
        const reports = Effect.map(
          sql`SELECT id FROM payments.security_events
          WHERE kind = 'callback_refused' AND channel = 'wechatpay_v2' AND details->>'reason' = 'signature'`,
          (rows) => rows.length
        )
        const before = yield* reports
        const { time_end: _, ...timeless } = fields
        for (const forged of [
          fields,
          { ...fields, sign: "0".repeat(32) },
          { ...fields, total_fee: "1", sign },
          { ...timeless, sign: signOf(timeless) }
        ]) {
          const refused = yield* post(forged)
          assert.match(refused.text, /^<xml><return_code><!\[CDATA\[FAIL\]\]>/)
          assert.notInclude(refused.text, sign)
        }
        // the last is signed, but without its time, which is no way around anything
        assert.strictEqual((yield* reports) - before, 3)
        const told = yield* sql<{
          all: string
        }>`SELECT coalesce(string_agg(details::text, ''), '') AS all FROM payments.security_events`
        assert.notInclude([...accessLog, told[0]?.all].join(), sign)
        const taken = yield* post({ ...fields, sign })
        assert.match(taken.text, /^<xml><return_code><!\[CDATA\[SUCCESS\]\]>/)
        yield* awaitStatus(id, "succeeded")
      })
  )

  it.effect("refuses hostile input with a 4xx and a clear problem", () =>
    Effect.gen(function* () {
      const merchant = yield* aMerchant
      const id = yield* newPaymentId
      const bodies: ReadonlyArray<string> = [
        "",
        "{",
        "null",
        "[]",
        `"text"`,
        `{"__proto__":{"amount":1}}`,
        ...[
          { amount: { amount: 0, currency: "CNY" } },
          { amount: { amount: -1, currency: "CNY" } },
          { amount: { amount: 1.5, currency: "CNY" } },
          { amount: { amount: 9007199254740992, currency: "CNY" } },
          { amount: { amount: 1, currency: "XXX" } },
          { amount: 1 },
          { reference: "" },
          { reference: "\u0000" },
          { reference: "\ud800" },
          { reference: "x".repeat(65) },
          { description: " " },
          { expiresIn: 0 },
          { expiresIn: 1e9 },
          { channels: [] },
          { channels: ["' OR 1=1"] },
          { returnUrl: "javascript:alert(1)" },
          { metadata: { a: 1 } },
          { metadata: { "\u0000": "x" } }
        ].map((change) => Schema.encodeSync(Schema.fromJsonString(Schema.Unknown))({ ...invoice, ...change }))
      ]
      for (const text of bodies) {
        const answer = yield* call("POST", "/api/v1/payments", { as: merchant, text })
        assert.strictEqual(answer.status, 400, text)
      }
      for (const [status, method, path, options] of [
        [400, "GET", "/api/v1/payments/abc", { as: merchant }],
        [404, "GET", `/api/v1/payments/${id}`, { as: merchant }],
        [400, "GET", "/api/v1/payments?limit=1000", { as: merchant }],
        [400, "GET", "/api/v1/payments?after=nonsense", { as: merchant }],
        [400, "POST", `/api/v1/payments/${id}/confirm`, { as: merchant, body: { channel: "DROP TABLE" } }],
        [404, "POST", `/api/v1/payments/${id}/confirm`, { as: merchant, body: { channel: "wechatpay" } }],
        [404, "POST", `/api/v1/payments/${id}/cancel`, { as: merchant }],
        [400, "GET", `/api/v1/payments/${id}/status`, {}],
        [400, "GET", `/api/v1/payments/${id}/status?ticket=%00`, {}],
        [401, "GET", `/api/v1/payments/${id}/status?ticket=tk_once_x`, {}],
        [400, "GET", `/api/h5/orders/%00/status?ticket=tk_once_${"a".repeat(43)}`, {}],
        [400, "GET", "/api/v1/payments?reference=%00", { as: merchant }],
        [400, "POST", "/api/h5/payments", { as: merchant, body: { orderNo: "\u0000", channel: "wechatpay" } }],
        [404, "POST", "/api/h5/payments", { as: merchant, body: { orderNo: "'; --", channel: "wechatpay" } }],
        [400, "POST", "/callbacks/%00", { text: "x" }]
      ] as const) {
        const answer = yield* call(method, path, options)
        assert.strictEqual(answer.status, status, `${method} ${path} ${answer.text}`)
      }
    })
  )
})
