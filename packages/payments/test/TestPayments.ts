import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Principal, SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import type { Role } from "@mall/domain/identity/Permission"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { ChannelId } from "@mall/domain/payments/Payment"
import type { AttemptId } from "@mall/domain/payments/Payment"
import { PaymentGateway, PaymentId, RefundId } from "@mall/domain/payments/PaymentGateway"
import type { PaymentStatus } from "@mall/domain/payments/PaymentGateway"
import { Notifications } from "@mall/platform/Notifications"
import { Outbox } from "@mall/platform/Outbox"
import { Sandbox } from "@mall/sandbox/Sandbox"
import { mallFolder } from "@mall/testing/mallFolder"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { ConfigProvider, Context, DateTime, Effect, Layer, Logger, Option, Schedule, Schema } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpRouter, HttpServer } from "effect/http"
import { SqlClient } from "effect/sql"
import { createServer } from "node:http"
import { Callbacks } from "../src/callbacks/Callbacks.ts"
import { toHexId } from "../src/channel/hexId.ts"
import { CircuitBreaker } from "effect/persistence"
import { JournalMemory } from "./JournalMemory.ts"
import { NoTerms } from "./NoTerms.ts"
import { MerchantsStand } from "./MerchantsStand.ts"
import { RiskAllows } from "./RiskAllows.ts"
import * as PaymentServices from "../src/PaymentServices.ts"
import { receiveCallback } from "../src/callbacks/receiveCallback.ts"

export const wechatpay = ChannelId.make("wechatpay")
export const newPaymentId = generator(PaymentId)
export const newRefundId = generator(RefundId)
export const newOperationId = generator(Uuid7.pipe(Schema.brand("OperationId")))
const newUserId = generator(UserId)
const newSessionId = generator(SessionId)
const newMerchantId = generator(MerchantId)

const principal = Effect.fnUntraced(function* (roles: ReadonlyArray<Role>, merchantId: Option.Option<MerchantId>) {
  return new Principal({
    userId: yield* newUserId,
    sessionId: yield* newSessionId,
    roles,
    merchantId,
    expiresAt: new Date("2100-01-01")
  })
})

export const aBuyer = principal(["customer"], Option.none())
export const aMerchant = Effect.flatMap(newMerchantId, (id) => principal(["merchant"], Option.some(id)))
export const anAdmin = principal(["admin"], Option.none())

const Json = Schema.fromJsonString(Schema.Json)

/** The sandbox as tests steer it: the buyer's hand, and what goes wrong on the way. */
export class Peer extends Context.Service<
  Peer,
  {
    readonly url: string
    readonly folder: string
    /** Where our server takes notices. */
    readonly callbackUrl: string
    pay(attempt: AttemptId): Effect.Effect<number>
    control(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Effect.Effect<Schema.Json>
    /** The next `times` calls of `operation` go wrong this way. */
    fault(operation: string, fault: Record<string, unknown>, times?: number): Effect.Effect<void>
    readonly reset: Effect.Effect<void>
  }
>()("@mall/payments/test/Peer") {}

class Folder extends Context.Service<Folder, string>()("@mall/payments/test/Folder") {
  static readonly layer = Layer.effect(Folder, mallFolder)
}

const SandboxServer = Layer.unwrap(
  Effect.map(Folder, (folder) =>
    Sandbox.layer.pipe(
      Layer.provide(
        ConfigProvider.layer(
          ConfigProvider.fromUnknown({
            SANDBOX_PORT: "0",
            MALL_DATA_DIR: folder,
            SANDBOX_RETRY_SCALE: "0.001",
            SANDBOX_REFUND_DELAY: "20 millis"
          })
        )
      ),
      Layer.orDie
    )
  )
)

const PeerLayer = Layer.effect(
  Peer,
  Effect.gen(function* () {
    const { url } = yield* Sandbox
    const folder = yield* Folder
    const { address } = yield* HttpServer.HttpServer
    const http = yield* HttpClient.HttpClient
    const call = (method: "GET" | "POST" | "DELETE", path: string, body?: unknown) =>
      HttpClientRequest.make(method)(`${url}/control${path}`).pipe(
        (request) => (body === undefined ? request : HttpClientRequest.bodyJsonUnsafe(request, body)),
        http.execute,
        Effect.orDie
      )
    const control: Peer["Service"]["control"] = (method, path, body) =>
      call(method, path, body).pipe(
        Effect.flatMap((response) => response.text),
        Effect.flatMap((text) => (text === "" ? Effect.succeed(null) : Schema.decodeEffect(Json)(text))),
        Effect.orDie
      )
    return Peer.of({
      url,
      folder,
      callbackUrl: `${HttpServer.formatAddress(address)}/callbacks/wechatpay`,
      pay: (attempt) => Effect.map(call("POST", `/wechatpay/orders/${toHexId(attempt)}/pay`), ({ status }) => status),
      control,
      fault: (operation, fault, times = 1) =>
        Effect.flatMap(call("POST", "/faults", { operation, fault, times }), ({ status }) =>
          status < 300 ? Effect.void : Effect.die(new Error(`The sandbox does not know this fault: ${status}`))
        ),
      reset: Effect.asVoid(control("DELETE", "/faults"))
    })
  })
)

const CallbackRoute = HttpRouter.use((router) =>
  Effect.flatMap(Callbacks, (callbacks) =>
    Effect.andThen(
      router.add("POST", "/callbacks/:channel", (request) =>
        Effect.flatMap(HttpRouter.params, ({ channel = "" }) => receiveCallback(callbacks, { channel }, request))
      ),
      router.add("POST", "/callbacks/:channel/:account", (request) =>
        Effect.flatMap(HttpRouter.params, ({ account = "", channel = "" }) =>
          receiveCallback(callbacks, { channel, account }, request)
        )
      )
    )
  )
)

const OwnServer = NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })

const servicesWith = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
  const { callbackUrl, folder, url } = yield* Peer
  return PaymentServices.layer.pipe(
    Layer.provide(CircuitBreaker.layerStoreMemory()),
    Layer.provide(
      ConfigProvider.layer(
        ConfigProvider.fromUnknown({
          MALL_DATA_DIR: folder,
          PUBLIC_URL: new URL(callbackUrl).origin,
          WECHATPAY_BASE_URL: `${url}/wechatpay/`,
          WECHATPAY_TIMEOUT: "2 seconds",
          WECHATPAY_V2_BASE_URL: `${url}/wechatpay_v2/`,
          ALIPAY_GATEWAY: `${url}/alipay/gateway.do`,
          STRIPE_BASE_URL: `${url}/stripe/`,
          ROUTING_EXPLORATION: "0",
          ROUTING_MIN_ATTEMPTS: "4",
          // a fault of one call is to be seen, not repeated away
          DOWNSTREAM_WECHATPAY_MAX_ATTEMPTS: "1",
          DOWNSTREAM_WECHATPAY_BREAKER_FAILURES: "1000",
          ...settings
        })
      )
    ),
    Layer.orDie
  )
})

/** The sandbox, and an address of our own that nobody serves yet. */
export const TestPeer = PeerLayer.pipe(
  Layer.provideMerge(Layer.mergeAll(SandboxServer, OwnServer)),
  Layer.provideMerge(Layer.mergeAll(Folder.layer, FetchHttpClient.layer, NodeServices.layer)),
  // what is refused on purpose would fill the report
  Layer.provideMerge(Logger.layer([]))
)

/** `TestPayments` with other settings, which may come from what the sandbox made. */
export const testPaymentsWith = (settings: Effect.Effect<Readonly<Record<string, string>>, never, Peer>) =>
  HttpRouter.serve(CallbackRoute, { disableListenLog: true, disableLogger: true }).pipe(
    Layer.provideMerge(Layer.unwrap(Effect.flatMap(settings, servicesWith))),
    Layer.provideMerge(
      Layer.mergeAll(JournalMemory.layer, MerchantsStand, NoTerms, RiskAllows, Outbox.layer, Notifications.layer)
    ),
    Layer.provideMerge(TestDatabase),
    Layer.provideMerge(TestPeer)
  )

/** Payments on a database of its own, with its callback address on a real socket, and the sandbox as its channel. */
export const TestPayments = testPaymentsWith(Effect.succeed({}))

export const cny = (amount: number) => Money.of(amount, "CNY")

/** A payment that the mall asked `payer` for. */
export const aPayment = Effect.fnUntraced(function* (payer: Principal, amount = 1999) {
  const gateway = yield* PaymentGateway
  const id = yield* newPaymentId
  return yield* gateway.create({
    id,
    payerId: payer.userId,
    amount: cny(amount),
    reference: `checkout-${id}`,
    description: "Two shirts 两件衬衫",
    expiresAt: DateTime.toDateUtc(DateTime.add(yield* DateTime.now, { minutes: 30 }))
  })
})

/** Waits until the payment has come to `status`, which a notice brings about. */
export const awaitStatus = Effect.fnUntraced(function* (id: PaymentId, status: PaymentStatus) {
  const gateway = yield* PaymentGateway
  return yield* gateway.find([id]).pipe(
    Effect.map((found) => found.get(id)?.status),
    Effect.repeat({ until: (now) => now === status, schedule: Schedule.spaced("10 millis") }),
    Effect.timeoutOrElse({
      duration: "10 seconds",
      orElse: () =>
        Effect.flatMap(gateway.find([id]), (found) =>
          Effect.die(new Error(`The payment is ${found.get(id)?.status}, not ${status}`))
        )
    })
  )
})

/** How many messages of each topic wait about this payment. */
export const told = Effect.fnUntraced(function* (topic: string, paymentId: PaymentId) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    SELECT id FROM outbox WHERE queue_name LIKE ${`${topic}.%`} AND element::text LIKE ${`%${paymentId}%`}`
  return rows.length
})
