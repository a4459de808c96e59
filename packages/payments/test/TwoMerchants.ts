import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeServices from "@effect/platform-node/NodeServices"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { CredentialValues } from "@mall/domain/payments/ChannelCredentials"
import { ChannelId } from "@mall/domain/payments/Payment"
import { Notifications } from "@mall/platform/Notifications"
import { Outbox } from "@mall/platform/Outbox"
import { Sandbox } from "@mall/sandbox/Sandbox"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { ConfigProvider, Context, Effect, FileSystem, Layer, Logger, Option, Path, Schema } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import type { HttpServerRequest } from "effect/http"
import { CircuitBreaker } from "effect/persistence"
import { createHash } from "node:crypto"
import { createServer } from "node:http"
import { Callbacks } from "../src/callbacks/Callbacks.ts"
import { toHexId } from "../src/channel/hexId.ts"
import { JournalMemory } from "./JournalMemory.ts"
import { NoTerms } from "./NoTerms.ts"
import { MerchantsStand } from "./MerchantsStand.ts"
import { RiskAllows } from "./RiskAllows.ts"
import * as PaymentServices from "../src/PaymentServices.ts"
import { receiveCallback } from "../src/callbacks/receiveCallback.ts"
import { aMerchant } from "./TestPayments.ts"

const Values = Schema.Record(Schema.String, Schema.String)
type Values = typeof Values.Type
const readValues = Schema.decodeEffect(Schema.fromJsonString(Values))
const toCredentials = Schema.decodeSync(CredentialValues)

const channelNames = ["alipay", "paypal", "stripe", "wechatpay", "wechatpay_v2"] as const
type ChannelName = (typeof channelNames)[number]

/** What the channels' stand-ins gave a merchant. */
type Account = Readonly<Record<ChannelName, Values>>

/** A merchant with a whole sandbox of their own: no key, order or account of it is known to any other. */
export interface Merchant {
  readonly principal: Principal
  readonly id: MerchantId
  readonly sandbox: string
  readonly stripe: CredentialValues
  readonly wechatpay: CredentialValues
  /** As they are set, and what they are made of, by channel. */
  readonly credentials: Readonly<Record<ChannelName, CredentialValues>>
  readonly account: Account
  /** Their secrets, as they must be found nowhere. */
  readonly secrets: ReadonlyArray<string>
  /** What is in the stand-in's ledger under a number of ours: the state of the order, or undefined. */
  pay(channel: string, attempt: string): Effect.Effect<number>
}
type CredentialValues = typeof CredentialValues.Type

const accountOf = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const read = (channel: string) =>
    Effect.flatMap(fs.readFileString(path.join(folder, "sandbox", channel, "merchant.json")), readValues)
  const account: Account = yield* Effect.all({
    alipay: read("alipay"),
    paypal: read("paypal"),
    stripe: read("stripe"),
    wechatpay: read("wechatpay"),
    wechatpay_v2: read("wechatpay_v2")
  })
  return account
}, Effect.orDie)

const startSandbox = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "mall-credentials-" })
  const services = yield* Layer.build(
    Layer.fresh(Sandbox.layer).pipe(
      Layer.provide(
        ConfigProvider.layer(
          ConfigProvider.fromUnknown({
            SANDBOX_PORT: "0",
            MALL_DATA_DIR: folder,
            SANDBOX_RETRY_SCALE: "0.001",
            SANDBOX_REFUND_DELAY: "20 millis"
          })
        )
      )
    )
  )
  return { folder, url: Context.get(services, Sandbox).url, account: yield* accountOf(folder) }
}).pipe(Effect.orDie)

type Started = Effect.Success<typeof startSandbox>

export const stripeOf = (account: Values, id: string) => toCredentials({ accountId: id, ...account })

const wechatPayOf = ({ merchantPrivateKeyPem, platformPublicKeyPem, platformSerial, ...account }: Values) =>
  toCredentials({
    ...account,
    merchantPrivateKey: merchantPrivateKeyPem ?? "",
    platformKeys: { [platformSerial ?? ""]: platformPublicKeyPem ?? "" }
  })

const alipayOf = ({ alipayPublicKeyPem, privateKeyPem, ...account }: Values) =>
  toCredentials({ ...account, privateKey: privateKeyPem ?? "", alipayPublicKey: alipayPublicKeyPem ?? "" })

/** What a request to a channel carries that is of this account and of no other, and that a forwarder can see. */
const marksOf = ({ alipay, paypal, stripe, wechatpay, wechatpay_v2 }: Account) => {
  const { clientId = "", clientSecret = "", merchantId = "" } = paypal
  return [
    `app_id=${alipay["appId"]}`,
    `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}`,
    `Bearer ${createHash("sha256").update(`${clientId} ${clientSecret}`).digest("base64url")}`,
    `certs/CERT-${merchantId}`,
    stripe["secretKey"] ?? "",
    `mchid="${wechatpay["mchid"]}"`,
    wechatpay_v2["mchid"] ?? ""
  ]
}

const makeMerchant = Effect.fnUntraced(function* ({ account, url }: Started, name: string) {
  const http = yield* HttpClient.HttpClient
  const principal = yield* aMerchant
  const id = Option.getOrThrow(principal.merchantId)
  const { alipay, paypal, stripe, wechatpay, wechatpay_v2 } = account
  const credentials = {
    alipay: alipayOf(alipay),
    paypal: toCredentials(paypal),
    stripe: stripeOf(stripe, `acct_${name}`),
    wechatpay: wechatPayOf(wechatpay),
    wechatpay_v2: toCredentials(wechatpay_v2)
  }
  const merchant: Merchant = {
    principal,
    id,
    sandbox: url,
    stripe: credentials.stripe,
    wechatpay: credentials.wechatpay,
    credentials,
    account,
    secrets: [
      stripe["secretKey"] ?? "",
      stripe["webhookSecret"] ?? "",
      wechatpay["apiV3Key"] ?? "",
      (wechatpay["merchantPrivateKeyPem"] ?? "").slice(100, 160),
      wechatpay_v2["apiKey"] ?? "",
      (alipay["privateKeyPem"] ?? "").slice(100, 160),
      paypal["clientSecret"] ?? ""
    ],
    pay: (channel, attempt) =>
      http.execute(HttpClientRequest.post(`${url}/control/${channel}/orders/${toHexId(attempt)}/pay`)).pipe(
        Effect.map(({ status }) => status),
        Effect.orDie
      )
  }
  return merchant
})

/** Where the channels are for this test: each request goes to the stand-in whose account it names. */
const Front = Layer.unwrap(
  Effect.gen(function* () {
    const { a, b, platform } = yield* Sandboxes
    // one that lets a request name its host: PayPal's stand-in says by it where its certificate is
    const http = Context.get(yield* Layer.build(NodeHttpClient.layerNodeHttp), HttpClient.HttpClient)
    const marks = [a, b].map(({ account, url }) => ({ url, own: marksOf(account) }))
    const urlFor = (seen: string) => (marks.find(({ own }) => own.some((mark) => seen.includes(mark))) ?? platform).url
    /** A file is asked for by nothing but the token that the stand-in gave. */
    const learn = (url: string, answer: string) => {
      const [token] = /\btoken=[\w-]+/.exec(answer) ?? []
      if (token !== undefined) marks.unshift({ url, own: [token] })
    }
    const forward = HttpRouter.use((router) =>
      router.add("*", "/*", (request) =>
        Effect.gen(function* () {
          const { authorization = "", ...rest } = request.headers
          const { connection: _connection, "content-length": _length, ...headers } = rest
          const body = new Uint8Array(yield* request.arrayBuffer)
          const url = urlFor(`${authorization} ${request.url} ${Buffer.from(body).toString("latin1")}`)
          const outgoing = HttpClientRequest.make(request.method === "GET" ? "GET" : "POST")(
            `${url}${request.url}`
          ).pipe(
            HttpClientRequest.setHeaders({ ...headers, authorization }),
            body.length === 0
              ? (same) => same
              : HttpClientRequest.bodyUint8Array(body, headers["content-type"] ?? "application/json")
          )
          const answer = yield* http.execute(outgoing)
          const { "content-length": _size, "transfer-encoding": _coding, ...shown } = answer.headers
          const bytes = new Uint8Array(yield* answer.arrayBuffer)
          if (request.url.startsWith("/alipay/gateway.do")) learn(url, Buffer.from(bytes).toString("latin1"))
          return HttpServerResponse.uint8Array(bytes, {
            status: answer.status,
            headers: shown
          })
        }).pipe(Effect.orDie)
      )
    )
    return Layer.effect(
      FrontUrl,
      Effect.map(HttpServer.HttpServer, ({ address }) => HttpServer.formatAddress(address))
    ).pipe(
      Layer.merge(HttpRouter.serve(forward, { disableListenLog: true, disableLogger: true })),
      Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
    )
  })
)

class FrontUrl extends Context.Service<FrontUrl, string>()("@mall/payments/test/FrontUrl") {}

class Sandboxes extends Context.Service<
  Sandboxes,
  { readonly platform: Started; readonly a: Started; readonly b: Started }
>()("@mall/payments/test/Sandboxes") {
  static readonly layer = Layer.effect(
    Sandboxes,
    Effect.gen(function* () {
      const [platform, a, b] = yield* Effect.all([startSandbox, startSandbox, startSandbox])
      return { platform, a, b }
    })
  )
}

/** Two merchants with accounts of their own at every channel, beside the platform's. */
export class Merchants extends Context.Service<
  Merchants,
  { readonly a: Merchant; readonly b: Merchant; readonly ours: string }
>()("@mall/payments/test/Merchants") {
  static readonly layer = Layer.effect(
    Merchants,
    Effect.gen(function* () {
      const { a, b } = yield* Sandboxes
      const { address } = yield* HttpServer.HttpServer
      const ours = HttpServer.formatAddress(address)
      return { a: yield* makeMerchant(a, "a"), b: yield* makeMerchant(b, "b"), ours }
    })
  )
}

/** A notice as it came to one of our addresses. */
export interface Delivery {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** Every notice that came. */
export const delivered: Array<Delivery> = []

const keepDelivery = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const body = new Uint8Array(yield* request.arrayBuffer)
  delivered.push({ path: request.url, headers: request.headers, body })
}, Effect.orDie)

const CallbackRoutes = HttpRouter.use((router) =>
  Effect.flatMap(Callbacks, (callbacks) =>
    Effect.andThen(
      router.add("POST", "/callbacks/:channel", (request) =>
        Effect.flatMap(HttpRouter.params, ({ channel = "" }) => receiveCallback(callbacks, { channel }, request))
      ),
      router.add("POST", "/callbacks/:channel/:account", (request) =>
        Effect.andThen(
          keepDelivery(request),
          Effect.flatMap(HttpRouter.params, ({ account = "", channel = "" }) =>
            receiveCallback(callbacks, { channel, account }, request)
          )
        )
      )
    )
  )
)

/** Every line that was logged, as it is written. */
export const logged: Array<string> = []

const Services = Layer.unwrap(
  Effect.gen(function* () {
    const { ours } = yield* Merchants
    const front = yield* FrontUrl
    const { platform } = yield* Sandboxes
    return PaymentServices.layer.pipe(
      Layer.provide(CircuitBreaker.layerStoreMemory()),
      Layer.provide(
        ConfigProvider.layer(
          ConfigProvider.fromUnknown({
            MALL_DATA_DIR: platform.folder,
            PUBLIC_URL: ours,
            STRIPE_BASE_URL: `${front}/stripe/`,
            WECHATPAY_BASE_URL: `${front}/wechatpay/`,
            WECHATPAY_V2_BASE_URL: `${front}/wechatpay_v2/`,
            ALIPAY_GATEWAY: `${front}/alipay/gateway.do`,
            PAYPAL_BASE_URL: `${front}/paypal/`,
            DOWNSTREAM_BREAKER_FAILURES: "3"
          })
        )
      ),
      Layer.orDie
    )
  })
)

export const stripe = ChannelId.make("stripe")

export const TestTwoMerchants = HttpRouter.serve(CallbackRoutes, { disableListenLog: true, disableLogger: true }).pipe(
  Layer.provideMerge(Services),
  Layer.provideMerge(
    Layer.mergeAll(JournalMemory.layer, MerchantsStand, NoTerms, RiskAllows, Outbox.layer, Notifications.layer)
  ),
  Layer.provideMerge(TestDatabase),
  Layer.provideMerge(Front),
  Layer.provideMerge(Merchants.layer),
  Layer.provideMerge(Sandboxes.layer),
  Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
  Layer.provideMerge(Layer.mergeAll(FetchHttpClient.layer, NodeServices.layer)),
  Layer.provideMerge(
    Logger.layer([Logger.make(Logger.formatJson.log).pipe(Logger.map((line) => void logged.push(line)))])
  )
)
