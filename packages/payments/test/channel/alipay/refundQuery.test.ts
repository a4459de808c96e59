import { assert, layer } from "@effect/vitest"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { generator } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { AttemptId } from "@mall/domain/payments/Payment"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import { Context, Duration, Effect, Layer, Redacted } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { CircuitBreaker } from "effect/persistence"
import { generateKeyPairSync, sign } from "node:crypto"
import { createServer } from "node:http"
import type { ChannelRefund } from "../../../src/channel/Channel.ts"
import * as Alipay from "../../../src/channel/alipay/Alipay.ts"
import { toHexId } from "../../../src/channel/hexId.ts"
import { ChannelLog } from "../../../src/log/ChannelLog.ts"

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
const newAttemptId = generator(AttemptId)
const newRefundId = generator(RefundId)

/** What Alipay answers to a question about a refund, besides that it was understood. */
class Told extends Context.Service<Told, { fields: Readonly<Record<string, string>> }>()(
  "@mall/payments/test/channel/alipay/Told"
) {}

const Gateway = HttpRouter.serve(
  HttpRouter.use((router) =>
    Effect.flatMap(Told, (told) =>
      router.add(
        "POST",
        "/gateway.do",
        Effect.sync(() => {
          const answer = JSON.stringify({ code: "10000", msg: "Success", ...told.fields })
          const seal = sign("sha256", Buffer.from(answer), privateKey).toString("base64")
          return HttpServerResponse.text(`{"alipay_trade_fastpay_refund_query_response":${answer},"sign":"${seal}"}`, {
            contentType: "application/json"
          })
        })
      )
    )
  ),
  { disableListenLog: true, disableLogger: true }
)

const Test = Gateway.pipe(
  Layer.provideMerge(Layer.sync(Told, () => ({ fields: {} }))),
  Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
  Layer.provideMerge(CircuitBreaker.layerStoreMemory()),
  Layer.provideMerge(Layer.succeed(ChannelLog, ChannelLog.of({ write: () => Effect.void, flush: Effect.void })))
)

const begin = Effect.gen(function* () {
  const origin = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
  const channel = yield* Alipay.make({
    gateway: `${origin}/gateway.do`,
    billOrigin: origin,
    notifyUrl: `${origin}/callbacks/alipay`,
    appId: "2014072300007148",
    sellerId: "2088102210397302",
    privateKey: Redacted.make(privateKey.export({ type: "pkcs8", format: "pem" }).toString()),
    alipayPublicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
    timeout: Duration.seconds(2),
    callbackWindow: Duration.minutes(5)
  })
  const refund: ChannelRefund = {
    id: yield* newRefundId,
    attempt: {
      id: yield* newAttemptId,
      method: "page",
      amount: Money.of(1999, "CNY"),
      description: "A shirt",
      expiresAt: new Date("2100-01-01"),
      returnUrl: null,
      payer: {},
      channelReference: "2014112611001004680073956707"
    },
    amount: Money.of(500, "CNY"),
    reason: "too small"
  }
  const fields = {
    trade_no: "2014112611001004680073956707",
    out_trade_no: toHexId(refund.attempt.id),
    out_request_no: toHexId(refund.id),
    refund_amount: "5.00"
  }
  return { channel, refund, fields }
})

layer(Test, { excludeTestServices: true })("Alipay, asked about a refund", (it) => {
  it.effect("that it did not get, or that failed, lets the same be sent again", () =>
    Effect.gen(function* () {
      const told = yield* Told
      const { channel, fields, refund } = yield* begin
      told.fields = {}
      assert.strictEqual((yield* channel.queryRefund(refund))._tag, "Missing")
      told.fields = fields
      assert.strictEqual((yield* channel.queryRefund(refund))._tag, "Missing")
      told.fields = { ...fields, refund_status: "REFUND_PROCESSING" }
      assert.strictEqual((yield* channel.queryRefund(refund))._tag, "Processing")
      told.fields = { ...fields, refund_status: "REFUND_SUCCESS" }
      assert.deepInclude(
        { ...(yield* channel.queryRefund(refund)) },
        { _tag: "Refunded", amount: refund.amount.amount }
      )
    })
  )
})
