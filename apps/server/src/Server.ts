import * as AnonymousRoutesLayer from "@mall/identity/tokens/AnonymousRoutesLayer"
import { SignalCounts } from "@mall/platform/alerts/SignalCounts"
import { Readiness } from "@mall/platform/http/Readiness"
import * as Edge from "@mall/platform/http/Edge"
import * as NodeServer from "@mall/platform/http/NodeServer"
import * as SystemRoutes from "@mall/platform/http/SystemRoutes"
import { TlsConfig } from "@mall/platform/http/Tls"
import { DefaultSmtpUrl } from "@mall/platform/mail/smtpUrl"
import { migrate } from "@mall/platform/Migrations"
import { describeUrl } from "@mall/platform/Sql"
import * as JsonLogger from "@mall/platform/telemetry/JsonLogger"
import { LineWriter } from "@mall/platform/telemetry/LineWriter"
import * as ProcessMetrics from "@mall/platform/telemetry/ProcessMetrics"
import * as TracingLayer from "@mall/platform/telemetry/TracingLayer"
import { Sweeps } from "@mall/platform/Sweeps"
import { Sandbox } from "@mall/sandbox/Sandbox"
import { DefaultRatesUrl } from "@mall/treasury/exchange/ExchangeConfig"
import { ConfigProvider, Console, Effect, Layer, Option, Redacted } from "effect"
import { migrations } from "../../../migrations/index.ts"
import * as Contexts from "./Contexts.ts"
import { Database } from "./Database.ts"
import * as HttpApp from "./HttpApp.ts"
import * as RemotePay from "./RemotePay.ts"
import { assertDeclared, declarations } from "./Permissions.ts"
import * as Screen from "./Screen.ts"
import { seedDemo } from "./Seed.ts"
import * as Settings from "./Settings.ts"
import * as Worker from "./Worker.ts"

const Telemetry = Layer.mergeAll(JsonLogger.layer, TracingLayer.layer, ProcessMetrics.layer).pipe(
  Layer.provideMerge(LineWriter.layer)
)

/** The database, migrated: whatever comes after finds its tables. */
const Migrated = Database.storePool.pipe(
  Layer.provideMerge(
    Layer.effectDiscard(migrate(migrations).pipe(Screen.step("Migrations"), Effect.provide(Database.pool)))
  )
)

const Seeded = Layer.effectDiscard(
  Effect.gen(function* () {
    const { isEmbedded } = yield* Database
    if ((yield* Settings.seed(isEmbedded)) === "none") return
    const report = (done: number, total: number) =>
      done === total ? Console.log(`    ${total} products`) : Effect.void
    yield* seedDemo(report).pipe(Screen.step("Demo shop"))
  })
)

/**
 * Where the sandbox runs and nothing else is configured, mails are delivered to nobody and read on its page, and rates of exchange
 * are those of its file.
 */
const SandboxDefaults = Layer.mergeAll(
  Layer.effect(
    DefaultSmtpUrl,
    Effect.map(Sandbox, ({ smtpUrl }) => Option.some(Redacted.make(smtpUrl)))
  ),
  Layer.effect(
    DefaultRatesUrl,
    Effect.map(Sandbox, ({ url }) => Option.some(`${url}/ecb/stats/eurofxref/eurofxref-daily.xml`))
  )
).pipe(Layer.provideMerge(Sandbox.layer))

/** Answers requests. `http` is behind the edge, beside what reports to it. */
const answering = <A, E, R>(http: Layer.Layer<A, E, R>) =>
  Layer.mergeAll(http, Readiness.layerDatabase, SignalCounts.layerFlushing).pipe(
    Layer.provide(Edge.layer),
    Layer.provide(NodeServer.layer),
    Layer.provide(AnonymousRoutesLayer.layerOf(declarations))
  )

/**
 * Tells probes and Prometheus of a process that answers nothing else, where `WORKER_PORT` is set: queues, sweeps and what is always
 * true are measured by those who work.
 */
const Probes = Layer.unwrap(
  Effect.map(Settings.workerPort, (port) =>
    Option.isNone(port)
      ? Layer.empty
      : answering(Edge.serve(SystemRoutes.layer)).pipe(
          Layer.provide(
            ConfigProvider.layerAdd(ConfigProvider.fromUnknown({ PORT: String(port.value) }), { asPrimary: true })
          )
        )
  )
)

/** What is on the screen once the layers below are up. */
const ready = ({ has, product, remotePay }: Settings.Running) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const port = yield* Settings.apiPort
      const sandboxPort = yield* Settings.sandboxPort
      const { certFile } = yield* TlsConfig
      const { isEmbedded, url } = yield* Database
      yield* Console.log(
        Screen.render({
          api: has("api") ? `${Option.isSome(certFile) ? "https" : "http"}://127.0.0.1:${port}` : undefined,
          sandbox: has("sandbox") ? `http://127.0.0.1:${sandboxPort}` : undefined,
          isWorker: has("worker"),
          database: isEmbedded ? `embedded PostgreSQL, ${describeUrl(url)}` : describeUrl(url),
          isDemo: product !== "pay" && (yield* Settings.seed(isEmbedded)) === "demo",
          payments: product === "all" ? undefined : (remotePay?.baseUrl ?? "this process, and nothing else")
        })
      )
    })
  )

/** The parts of a process that its roles choose, over contexts that are below. */
const chosen = <A1, E1, R1, A2, E2, R2, A3, E3, R3>(
  running: Settings.Running,
  http: Layer.Layer<A1, E1, R1>,
  subscriptions: Layer.Layer<A2, E2, R2>,
  sweeps: Layer.Layer<A3, E3, R3>
) =>
  ready(running).pipe(
    Layer.provide(running.has("api") ? http : Layer.empty),
    Layer.provide(running.has("worker") && !running.has("api") ? Probes : Layer.empty),
    Layer.provide(running.has("worker") ? subscriptions : Layer.empty),
    Layer.provide(sweeps),
    Layer.provide(running.has("worker") ? Sweeps.layerScheduled : Sweeps.layer)
  )

/** What contexts stand on. The sandbox comes first: it makes the merchant account that the channels read. */
const grounded =
  ({ has }: Settings.Running) =>
  <A, E, R>(contexts: Layer.Layer<A, E, R>) =>
    contexts.pipe(
      Layer.provide(has("sandbox") ? SandboxDefaults : Layer.empty),
      Layer.provide(Migrated),
      Layer.provide(Layer.effectDiscard(assertDeclared)),
      Layer.provide(Telemetry)
    )

const AllHttp = answering(HttpApp.layer)
const StoreHttp = answering(Layer.merge(HttpApp.layerStore, RemotePay.layerReadiness))
const PayHttp = answering(HttpApp.layerPay)

const all = (running: Settings.Running) =>
  chosen(running, AllHttp, Worker.subscriptions, Worker.sweeps).pipe(
    Layer.provide(Seeded),
    Layer.provide(Contexts.layer),
    grounded(running)
  )

const store = (running: Settings.Running) =>
  chosen(running, StoreHttp, Worker.storeSubscriptions, Worker.storeSweeps).pipe(
    Layer.provide(Seeded),
    Layer.provide(Contexts.layerStore),
    grounded(running)
  )

const pay = (running: Settings.Running) =>
  chosen(running, PayHttp, Worker.paySubscriptions, Worker.paySweeps).pipe(
    Layer.provide(Contexts.layerPay),
    grounded(running)
  )

const products = { all, store, pay }
type Product = ReturnType<(typeof products)[keyof typeof products]>

/** Everything that `MALL_ROLES` asks of this process, on the database that is given; it is up when the layer is built. */
export const layer = Layer.unwrap(
  Effect.map(Settings.running, (running): Layer.Layer<never, Layer.Error<Product>, Layer.Services<Product>> =>
    products[running.product](running)
  )
)
