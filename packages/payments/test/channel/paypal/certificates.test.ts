import { assert, layer } from "@effect/vitest"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Context, Duration, Effect, Layer, Redacted } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { CircuitBreaker } from "effect/persistence"
import { generateKeyPairSync, sign } from "node:crypto"
import { createServer } from "node:http"
import { crc32 } from "node:zlib"
import * as PaypalCallback from "../../../src/channel/paypal/PaypalCallback.ts"
import * as PaypalClient from "../../../src/channel/paypal/PaypalClient.ts"
import { ChannelLog } from "../../../src/log/ChannelLog.ts"

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
const pem = publicKey.export({ type: "spki", format: "pem" }).toString()

/** The host that hands out the certificate: with a status, or never. */
class Host extends Context.Service<Host, { status: number | "silent"; asked: number }>()(
  "@mall/payments/test/channel/paypal/Host"
) {}

const Certificates = HttpRouter.serve(
  HttpRouter.use((router) =>
    Effect.flatMap(Host, (host) =>
      router.add(
        "GET",
        "/certs/1",
        Effect.suspend(() => {
          host.asked++
          return host.status === "silent"
            ? Effect.never
            : Effect.succeed(HttpServerResponse.text(pem, { status: host.status }))
        })
      )
    )
  ),
  { disableListenLog: true, disableLogger: true }
)

const Test = Certificates.pipe(
  Layer.provideMerge(Layer.sync(Host, () => ({ status: 200, asked: 0 }))),
  Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
  Layer.provideMerge(CircuitBreaker.layerStoreMemory()),
  Layer.provideMerge(Layer.succeed(ChannelLog, ChannelLog.of({ write: () => Effect.void, flush: Effect.void })))
)

/** A parser that has seen no certificate yet, and an event signed over the one at `origin`. */
const begin = Effect.fnUntraced(function* (changes: { readonly origin?: string } = {}) {
  const origin = changes.origin ?? HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
  const settings = {
    baseUrl: origin,
    notifyUrl: `${origin}/callbacks/paypal`,
    registersWebhook: false,
    returnUrl: origin,
    clientId: "client",
    clientSecret: Redacted.make("secret"),
    merchantId: "merchant",
    webhookId: "WH-1",
    certificateOrigins: [origin],
    timeout: Duration.seconds(1),
    callbackWindow: Duration.minutes(5)
  }
  const body = Buffer.from(`{"id":"WH-EVENT-1","event_type":"CUSTOMER.CREATED","resource":{}}`)
  const time = new Date().toISOString()
  const signed = `transmission-1|${time}|WH-1|${crc32(body)}`
  const parse = PaypalCallback.make(settings, yield* PaypalClient.make(settings))
  return {
    receive: (address: string) =>
      parse({
        headers: {
          "paypal-transmission-id": "transmission-1",
          "paypal-transmission-time": time,
          "paypal-transmission-sig": sign("sha256", Buffer.from(signed), privateKey).toString("base64"),
          "paypal-cert-url": address,
          "paypal-auth-algo": "SHA256withRSA"
        },
        body
      }),
    address: `${origin}/certs/1`
  }
})

layer(Test, { excludeTestServices: true })("The certificates of PayPal", (it) => {
  it.effect("that its host cannot hand out leave an event unjudged, and are asked for again with the next", () =>
    Effect.gen(function* () {
      const host = yield* Host
      const { address, receive } = yield* begin()
      for (const status of [500, 503, 429, "silent"] as const) {
        host.status = status
        assert.strictEqual((yield* Effect.flip(receive(address))).reason, "unverifiable", `${status}`)
      }
      const nobody = yield* begin({ origin: "http://127.0.0.1:1" })
      assert.strictEqual((yield* Effect.flip(nobody.receive(nobody.address))).reason, "unverifiable")

      host.status = 200
      host.asked = 0
      assert.strictEqual((yield* receive(address)).eventId, "WH-EVENT-1")
      assert.strictEqual((yield* receive(address)).eventId, "WH-EVENT-1")
      assert.strictEqual(host.asked, 1)
    })
  )

  it.effect("that its host does not have, or that are of another host, are a forger's", () =>
    Effect.gen(function* () {
      const host = yield* Host
      const { address, receive } = yield* begin()
      host.status = 404
      assert.strictEqual((yield* Effect.flip(receive(address))).reason, "serial")
      assert.strictEqual((yield* Effect.flip(receive("http://127.0.0.1:2/certs/1"))).reason, "serial")
    })
  )
})
