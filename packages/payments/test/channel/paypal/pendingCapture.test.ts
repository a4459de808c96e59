import { assert, layer } from "@effect/vitest"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { generator } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { AttemptId } from "@mall/domain/payments/Payment"
import { Context, Duration, Effect, Layer, Redacted } from "effect"
import { HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { CircuitBreaker } from "effect/persistence"
import { createServer } from "node:http"
import type { ChannelAttempt } from "../../../src/channel/Channel.ts"
import { toHexId } from "../../../src/channel/hexId.ts"
import * as Paypal from "../../../src/channel/paypal/Paypal.ts"
import { ChannelLog } from "../../../src/log/ChannelLog.ts"

const newAttemptId = generator(AttemptId)

/** The order as PayPal has it, and what was asked for when it was made. */
class Book extends Context.Service<Book, { order: Readonly<Record<string, unknown>>; asked: unknown }>()(
  "@mall/payments/test/channel/paypal/Book"
) {}

const Api = HttpRouter.serve(
  HttpRouter.use((router) =>
    Effect.gen(function* () {
      const book = yield* Book
      const token = HttpServerResponse.jsonUnsafe({ access_token: "token", expires_in: 3600 })
      yield* router.add("POST", "/v1/oauth2/token", Effect.succeed(token))
      yield* router.add("POST", "/v2/checkout/orders", (request: HttpServerRequest.HttpServerRequest) =>
        Effect.map(Effect.orDie(request.json), (asked) => {
          book.asked = asked
          return HttpServerResponse.jsonUnsafe(book.order)
        })
      )
      yield* router.add(
        "GET",
        "/v2/checkout/orders/:id",
        Effect.sync(() => HttpServerResponse.jsonUnsafe(book.order))
      )
    })
  ),
  { disableListenLog: true, disableLogger: true }
)

const Test = Api.pipe(
  Layer.provideMerge(Layer.sync(Book, () => ({ order: {}, asked: undefined }))),
  Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
  Layer.provideMerge(CircuitBreaker.layerStoreMemory()),
  Layer.provideMerge(Layer.succeed(ChannelLog, ChannelLog.of({ write: () => Effect.void, flush: Effect.void })))
)

layer(Test, { excludeTestServices: true })("Money that PayPal has taken and not credited yet", (it) => {
  it.effect("is not asked for, and keeps the try from being closed", () =>
    Effect.gen(function* () {
      const book = yield* Book
      const origin = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
      const channel = yield* Paypal.make({
        baseUrl: `${origin}/`,
        notifyUrl: `${origin}/callbacks/paypal`,
        registersWebhook: false,
        returnUrl: origin,
        clientId: "client",
        clientSecret: Redacted.make("secret"),
        merchantId: "merchant",
        webhookId: "WH-1",
        certificateOrigins: [origin],
        timeout: Duration.seconds(2),
        callbackWindow: Duration.minutes(5)
      })
      const attempt: ChannelAttempt = {
        id: yield* newAttemptId,
        method: "paypal",
        amount: Money.of(1999, "USD"),
        description: "A shirt",
        expiresAt: new Date("2100-01-01"),
        returnUrl: null,
        payer: {},
        channelReference: "5O190127TN364715T"
      }
      const order = (status: string, payments: object) => ({
        id: "5O190127TN364715T",
        status,
        links: [{ rel: "payer-action", href: `${origin}/pay` }],
        purchase_units: [{ custom_id: toHexId(attempt.id), payee: { merchant_id: "merchant" }, ...payments }]
      })
      const captured = (status: string, create_time = "2026-11-16T12:00:00Z") => ({
        id: `3C679366HH9${status}`,
        status,
        amount: { currency_code: "USD", value: "19.99" },
        custom_id: toHexId(attempt.id),
        create_time
      })
      const capture = (...of: Parameters<typeof captured>) => ({ payments: { captures: [captured(...of)] } })
      book.order = order("PAYER_ACTION_REQUIRED", {})
      yield* channel.create(attempt)
      assert.include(JSON.stringify(book.asked), `"payment_method_preference":"IMMEDIATE_PAYMENT_REQUIRED"`)
      book.order = order("COMPLETED", capture("PENDING"))
      assert.strictEqual((yield* channel.query(attempt))._tag, "Open")
      const closed = yield* Effect.result(channel.close(attempt))
      assert.include(JSON.stringify(closed), "NOT_CLOSABLE")
      book.order = order("COMPLETED", capture("COMPLETED"))
      assert.strictEqual(yield* channel.close(attempt), "paid")
      book.order = order("COMPLETED", capture("COMPLETED", "2026-11-16T04:00:00-08:00"))
      const paidAt = new Date("2026-11-16T12:00:00Z")
      assert.deepInclude({ ...(yield* channel.query(attempt)) }, { _tag: "Paid", paidAt })
      book.order = order("COMPLETED", { payments: { captures: [captured("DECLINED"), captured("COMPLETED")] } })
      assert.strictEqual((yield* channel.query(attempt))._tag, "Paid")
      book.order = order("COMPLETED", capture("DECLINED"))
      assert.strictEqual(yield* channel.close(attempt), "closed")
      book.order = order("APPROVED", {})
      assert.strictEqual(yield* channel.close(attempt), "closed")
    })
  )
})
