import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeServices from "@effect/platform-node/NodeServices"
import type { AttemptId } from "@mall/domain/payments/Payment"
import { Currency } from "@mall/domain/kernel/Currency"
import { Notifications } from "@mall/platform/Notifications"
import { Outbox } from "@mall/platform/Outbox"
import * as Sql from "@mall/platform/Sql"
import { Sandbox } from "@mall/sandbox/Sandbox"
import { mallFolder } from "@mall/testing/mallFolder"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { Clock, ConfigProvider, Context, Effect, Layer, Logger, Option, Schema } from "effect"
import type { Redacted } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpRouter, HttpServer } from "effect/http"
import { CircuitBreaker } from "effect/persistence"
import { createServer } from "node:http"
import type { RawCallback } from "../../src/channel/Channel.ts"
import { toHexId } from "../../src/channel/hexId.ts"
import { JournalMemory } from "../JournalMemory.ts"
import { NoTerms } from "../NoTerms.ts"
import { MerchantsStand } from "../MerchantsStand.ts"
import { RiskAllows } from "../RiskAllows.ts"
import * as PaymentServices from "../../src/PaymentServices.ts"
import { chainOrders } from "./chainOrders.ts"
import type { ChannelProfile } from "./ChannelProfile.ts"
import { CallbackRoutes, NoticeTap } from "./NoticeTap.ts"
import * as ShiftableClock from "./ShiftableClock.ts"

const Json = Schema.fromJsonString(Schema.Json)

/** An order as the channel's stand-in keeps it. */
const Order = Schema.Struct({
  amount: Schema.Int,
  refunded: Schema.Int,
  currency: Currency,
  state: Schema.String
})
export type Order = typeof Order.Type
const decodeOrder = Schema.decodeUnknownEffect(Order)

/** What the sandbox and payments are built upon, and both share. */
class Ground extends Context.Service<
  Ground,
  {
    readonly folder: string
    readonly database: Redacted.Redacted
    readonly ours: ShiftableClock.ShiftableClock
    readonly theirs: ShiftableClock.ShiftableClock
  }
>()("@mall/payments/test/Ground") {
  static readonly layer = Layer.effect(
    Ground,
    Effect.gen(function* () {
      return Ground.of({
        folder: yield* mallFolder,
        database: yield* acquireDatabase,
        ours: yield* ShiftableClock.make,
        theirs: yield* ShiftableClock.make
      })
    })
  ).pipe(Layer.orDie)
}

/** The channel under test and its stand-in, as the cases steer them. */
export class Bench extends Context.Service<
  Bench,
  {
    readonly profile: ChannelProfile
    /** What a process of payments has to be told to work on the same database, sandbox and channel. */
    readonly settings: Readonly<Record<string, string>>
    readonly database: Redacted.Redacted
    readonly callbackUrl: string
    readonly ours: ShiftableClock.ShiftableClock
    readonly theirs: ShiftableClock.ShiftableClock
    control(
      method: "GET" | "POST" | "DELETE",
      path: string,
      body?: unknown
    ): Effect.Effect<{ readonly status: number; readonly body: Schema.Json }>
    /** The payer's hand; answers with the status. */
    act(attempt: AttemptId, action: "pay" | "fail" | "cancel"): Effect.Effect<number>
    order(attempt: AttemptId): Effect.Effect<Option.Option<Order>>
    /** What the channel, or the buyer where it knows no orders, was told by the newest creation. */
    readonly lastCreation: Effect.Effect<string>
    /** The stand-in's own address of the channel. */
    readonly channelUrl: string
    /** The next `times` calls of `operation` go wrong this way; a call that a library repeats by itself is one. */
    fault(operation: string, fault: Readonly<Record<string, unknown>>, times?: number): Effect.Effect<void>
    /** How many faults have not struck yet. */
    readonly faultsLeft: Effect.Effect<number>
    /** A notice as it is, byte by byte, to our callback address. */
    post(raw: RawCallback): Effect.Effect<{ readonly status: number; readonly body: string }>
  }
>()("@mall/payments/test/Bench") {}

const Requests = Schema.Struct({
  data: Schema.Array(Schema.Struct({ request: Schema.String, target: Schema.String }))
})
const FaultList = Schema.Struct({ data: Schema.Array(Schema.Unknown) })

const makeBench = (profile: ChannelProfile) =>
  Effect.gen(function* () {
    const { database, folder, ours, theirs } = yield* Ground
    const { url } = yield* Sandbox
    const { address } = yield* HttpServer.HttpServer
    const http = yield* HttpClient.HttpClient
    const origin = HttpServer.formatAddress(address)
    const callbackUrl = `${origin}${profile.id === "wechatpay_v2" ? "/api/webhook/wechat/payment" : `/callbacks/${profile.id}`}`

    const control: Bench["Service"]["control"] = (method, path, body) =>
      HttpClientRequest.make(method)(`${url}/control${path}`).pipe(
        (request) => (body === undefined ? request : HttpClientRequest.bodyJsonUnsafe(request, body)),
        http.execute,
        Effect.flatMap((response) => Effect.map(response.text, (text) => ({ status: response.status, text }))),
        Effect.flatMap(({ status, text }) =>
          Effect.map(text === "" ? Effect.succeed(null) : Schema.decodeEffect(Json)(text), (json) => ({
            status,
            body: json
          }))
        ),
        Effect.orDie
      )
    const pathOf = (reference: string) => `/${profile.id}/orders/${reference}`
    const slowness = profile.slowness ?? 1
    const slowed = (fault: Readonly<Record<string, unknown>>) =>
      fault["kind"] === "delay" ? { ...fault, milliseconds: Number(fault["milliseconds"]) * slowness } : fault
    const chain = profile.chain === undefined ? undefined : yield* chainOrders
    // who pays at a chain scans the code first
    const orderPath = (attempt: AttemptId): Effect.Effect<string> =>
      chain === undefined
        ? Effect.succeed(pathOf(toHexId(attempt)))
        : Effect.flatMap(
            chain.find(attempt),
            Option.match({
              onNone: () => Effect.succeed(pathOf("none")),
              onSome: ({ address, code }) =>
                Effect.as(control("GET", `/scan?code=${encodeURIComponent(code)}`), pathOf(address))
            })
          )

    return Bench.of({
      profile,
      database,
      callbackUrl,
      ours,
      theirs,
      settings: {
        MALL_DATA_DIR: folder,
        PUBLIC_URL: origin,
        SANDBOX_PORT: new URL(url).port,
        DOWNSTREAM_TIMEOUT: `${400 * slowness} millis`,
        // a fault of one call is to be seen, not repeated away
        DOWNSTREAM_MAX_ATTEMPTS: "1",
        DOWNSTREAM_BREAKER_FAILURES: "1000000",
        ...(profile.chain === undefined
          ? {}
          : { [profile.chain.witness.setting]: `${url}/${profile.id}${profile.chain.witness.path}` }),
        ...profile.environment
      },
      control,
      channelUrl: `${url}/${profile.id}`,
      act: (attempt, action) =>
        Effect.flatMap(orderPath(attempt), (path) =>
          Effect.map(control("POST", `${path}/${action}`), ({ status }) => status)
        ),
      order: (attempt) =>
        Effect.flatMap(orderPath(attempt), (path) =>
          Effect.flatMap(control("GET", path), ({ body, status }) =>
            status === 404 ? Effect.succeedNone : Effect.asSome(Effect.orDie(decodeOrder(body)))
          )
        ),
      lastCreation:
        chain?.lastTold ??
        control("GET", `/requests?channel=${profile.id}&operation=create&limit=1`).pipe(
          Effect.flatMap(({ body }) => Schema.decodeUnknownEffect(Requests)(body)),
          Effect.map(({ data }) => data.map(({ request, target }) => `${target} ${request}`).join("")),
          Effect.orDie
        ),
      fault: (operation, fault, times = 1) =>
        Effect.flatMap(
          control("POST", "/faults", {
            channel: profile.id,
            operation: profile.faultsAt?.[operation] ?? operation,
            fault: slowed(fault),
            times: fault["kind"] === "drop" && operation !== "callback" ? times * (1 + (profile.resends ?? 0)) : times
          }),
          ({ body, status }) =>
            status < 300
              ? Effect.void
              : Effect.die(new Error(`The sandbox does not know this fault: ${JSON.stringify(body)}`))
        ),
      faultsLeft: control("GET", "/faults").pipe(
        Effect.flatMap(({ body }) => Schema.decodeUnknownEffect(FaultList)(body)),
        Effect.map(({ data }) => data.length),
        Effect.orDie
      ),
      post: ({ body, headers }) =>
        HttpClientRequest.post(callbackUrl).pipe(
          HttpClientRequest.setHeaders(headers),
          HttpClientRequest.bodyUint8Array(body, headers["content-type"] ?? "application/octet-stream"),
          http.execute,
          Effect.flatMap((response) => Effect.map(response.text, (text) => ({ status: response.status, body: text }))),
          Effect.orDie
        )
    })
  })

const configured = (settings: Readonly<Record<string, string>>) =>
  ConfigProvider.layer(ConfigProvider.fromUnknown(settings))

const SandboxServer = (profile: ChannelProfile) =>
  Layer.unwrap(
    Effect.map(Ground, ({ folder, theirs }) =>
      Sandbox.layer.pipe(
        Layer.provide(Layer.succeed(Clock.Clock, theirs.clock)),
        Layer.provide(
          configured({
            SANDBOX_PORT: "0",
            MALL_DATA_DIR: folder,
            SANDBOX_RETRY_SCALE: "0.001",
            SANDBOX_REFUND_DELAY: "10 millis",
            ...profile.environment
          })
        ),
        Layer.orDie
      )
    )
  )

const Database = Layer.unwrap(Effect.map(Ground, ({ database }) => Sql.layerUrl(database)))

const Services = Layer.unwrap(
  Effect.gen(function* () {
    const { settings } = yield* Bench
    const { ours } = yield* Ground
    return HttpRouter.serve(CallbackRoutes, { disableListenLog: true, disableLogger: true }).pipe(
      Layer.provideMerge(NoticeTap.layer),
      Layer.provideMerge(PaymentServices.layer),
      Layer.provideMerge(
        Layer.mergeAll(JournalMemory.layer, MerchantsStand, NoTerms, RiskAllows, Outbox.layer, Notifications.layer)
      ),
      Layer.provide(CircuitBreaker.layerStoreMemory()),
      Layer.provide(Layer.succeed(Clock.Clock, ours.clock)),
      Layer.provide(configured(settings)),
      Layer.orDie
    )
  })
)

const OwnServer = NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })

/** Payments as they run, on a database of their own, with the callback address and the sandbox on real sockets. */
export const layerOf = (profile: ChannelProfile) =>
  Services.pipe(
    Layer.provideMerge(Layer.effect(Bench, makeBench(profile))),
    Layer.provideMerge(Layer.mergeAll(SandboxServer(profile), OwnServer, Layer.orDie(Database))),
    Layer.provideMerge(Ground.layer),
    Layer.provideMerge(Layer.mergeAll(FetchHttpClient.layer, NodeServices.layer)),
    // what is refused on purpose would fill the report
    Layer.provideMerge(Logger.layer([]))
  )
