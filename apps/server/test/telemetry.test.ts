import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { ChannelId } from "@mall/domain/payments/Payment"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import { startSink } from "@mall/testing/otlpSink"
import type { Span } from "@mall/testing/otlpSink"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { Context, Effect, Layer, Schema } from "effect"
import { call } from "./rawHttp.ts"
import {
  addressInput,
  demoPassword,
  eventually,
  newBuyer,
  orderBecomes,
  sandboxAt,
  signIn,
  skusInStock
} from "./shoppers.ts"

const newRefundId = generator(RefundId)

interface Told {
  readonly spans: ReadonlyArray<Span>
  readonly metrics: string
  readonly log: ReadonlyArray<string>
  /** What must not be told. */
  readonly secrets: ReadonlyArray<string>
}

/** What a server told of a purchase with a refund, of a lost ticket, a repeated notice and one that is not signed. */
class Journey extends Context.Service<Journey, Told>()("@mall/server/test/telemetry/Journey") {
  static readonly layer = Layer.effect(
    Journey,
    Effect.gen(function* () {
      const sink = yield* startSink()
      const server = yield* startServer({
        database: yield* acquireDatabase,
        environment: {
          OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
          OTEL_TRACES_SAMPLER: "always_on",
          OTEL_BSP_SCHEDULE_DELAY: "100 millis",
          OTEL_SERVICE_NAME: "mall-api",
          SANDBOX_REFUND_DELAY: "0 seconds"
        }
      })
      const { sandboxUrl, url } = server
      const sandbox = sandboxAt(sandboxUrl)
      const buyer = yield* newBuyer(url, "observed")
      const [sku] = yield* skusInStock(buyer, 1)
      assert.isDefined(sku)
      yield* buyer.storefront["cart.add"]({ skuId: sku.id, quantity: 1 })
      const { orders, payment } = yield* buyer.mall.checkout.checkout({
        payload: { cart: true, addressId: buyer.addressId }
      })
      const [order] = orders
      assert.isDefined(order)
      const step = yield* buyer.mall.payments.confirm({
        params: { id: payment.id },
        payload: { channel: ChannelId.make("wechatpay") }
      })
      yield* sandbox.pay(step.attempt.id)
      yield* orderBecomes(buyer, order.id, "paid")
      const params = { id: payment.id }
      const looked = yield* buyer.mall.payments.status({ params, query: { ticket: step.ticket } })
      yield* Effect.flip(buyer.mall.payments.status({ params, query: { ticket: step.ticket } }))
      const [notice] = (yield* sandbox.callbacks).data
      assert.isDefined(notice)
      yield* sandbox.resend(notice.id)
      yield* call(url, { method: "POST", path: "/callbacks/wechatpay", body: "{}" })
      const admin = yield* signIn(url, "admin@demo.mall")
      yield* admin.admin["admin.payments.refund"]({ ...params, refundId: yield* newRefundId, reason: "broken" })
      yield* eventually(buyer.mall.payments.show({ params }), ({ status }) => status === "refunded", "the refund")
      yield* eventually(
        Effect.sync(() => sink.spans.length),
        () => sink.spans.some(({ name }) => isProcessing(name)),
        "the spans to arrive"
      )
      const { text: metrics } = yield* call(url, { method: "GET", path: "/metrics" })
      return Journey.of({
        spans: [...sink.spans],
        metrics,
        log: server.lines().filter((line) => line.startsWith("{")),
        secrets: [
          ...[buyer.token, admin.token, step.ticket, looked.ticket],
          ...[buyer.email, "admin@demo.mall", demoPassword, "walrus-observed-umbrella-lantern"],
          ...[addressInput.street, addressInput.phone, addressInput.recipient]
        ]
      })
    })
  )
}

const isProcessing = (name: string) => name === "mark_order_paid.trade process"

/** The names and labels that dashboards and alerts query. */
const expectedMetrics: ReadonlyArray<readonly [name: string, labels: ReadonlyArray<string>]> = [
  ["http_server_requests_duration_ms_count", ["app", "path"]],
  ["rpc_server_requests_duration_ms_count", ["app", "method"]],
  ["rpc_server_requests_code_total", ["app", "code"]],
  ["db_client_connection_count", ["state"]],
  ["db_client_connection_max", ["pool"]],
  ["db_client_connection_pending_requests", ["pool"]],
  ["db_client_connection_wait_time_seconds_bucket", ["pool", "le"]],
  ["http_requests_total", ["service", "method", "path", "status"]],
  ["http_request_duration_seconds_bucket", ["method", "path", "status", "le"]],
  ["http_request_size_bytes_count", []],
  ["http_response_size_bytes_count", []],
  ["payment_gateway_payment_total", ["status", "channel", "currency"]],
  ["payment_gateway_payment_amount_count", ["currency", "channel"]],
  ["payment_gateway_payment_duration_seconds_count", ["operation", "status"]],
  ["payment_gateway_refund_total", ["status", "currency"]],
  ["payment_gateway_refund_amount_count", ["currency"]],
  ["payment_signature_failure", []],
  ["payment_callback_duplicate", []],
  ["payment_ticket_validation_failure", []]
]

const decodeLine = Schema.decodeUnknownEffect(
  Schema.fromJsonString(Schema.Struct({ time: Schema.String, level: Schema.String, message: Schema.Unknown }))
)

layer(Journey.layer, { excludeTestServices: true, timeout: "90 seconds" })("a journey is told of", (it) => {
  it.effect("in one trace from the channel's notice to the paid order", () =>
    Effect.gen(function* () {
      const { spans } = yield* Journey
      const processing = spans.find(({ name }) => isProcessing(name))
      const inTrace = spans.filter(({ traceId }) => traceId === processing?.traceId).map(({ name }) => name)
      assert.isTrue(
        inTrace.some((name) => name.includes("/callbacks/:channel")),
        inTrace.join("\n")
      )
    })
  )

  it.effect("in metrics of the names and labels that dashboards query (13.10 P2-5)", () =>
    Effect.gen(function* () {
      const { metrics } = yield* Journey
      const lines = metrics.split("\n")
      const missing = expectedMetrics.filter(
        ([name, labels]) =>
          !lines.some(
            (line) =>
              (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) &&
              labels.every((label) => line.includes(`${label}="`))
          )
      )
      assert.deepStrictEqual(missing, [])
    })
  )

  it.effect("in a log of JSON lines without a secret and without what is personal", () =>
    Effect.gen(function* () {
      const { log, metrics, secrets, spans } = yield* Journey
      assert.isAbove(log.filter((line) => line.includes('"message":"request"')).length, 20)
      yield* Effect.forEach(log, (line) => decodeLine(line))
      const told = [...log, metrics, JSON.stringify(spans)].join("\n")
      assert.deepStrictEqual(
        secrets.filter((secret) => told.includes(secret)),
        []
      )
    })
  )
})
