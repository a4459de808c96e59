import * as AnonymousRoutesLayer from "@mall/identity/tokens/AnonymousRoutesLayer"
import { SignalCounts } from "@mall/platform/alerts/SignalCounts"
import { Readiness } from "@mall/platform/http/Readiness"
import * as Edge from "@mall/platform/http/Edge"
import * as NodeServer from "@mall/platform/http/NodeServer"
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
import { Console, Effect, Layer, Option, Redacted } from "effect"
import { migrations } from "../../../migrations/index.ts"
import * as Contexts from "./Contexts.ts"
import { Database } from "./Database.ts"
import * as HttpApp from "./HttpApp.ts"
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

const Api = Layer.mergeAll(HttpApp.layer, Readiness.layerDatabase, SignalCounts.layerFlushing).pipe(
  Layer.provide(Edge.layer),
  Layer.provide(NodeServer.layer),
  Layer.provide(AnonymousRoutesLayer.layerOf(declarations))
)

/** Everything that `MALL_ROLES` asks of this process, on the database that is given; it is up when the layer is built. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const roles = yield* Settings.roles
    const port = yield* Settings.apiPort
    const sandboxPort = yield* Settings.sandboxPort
    const { certFile } = yield* TlsConfig
    const has = (role: Settings.ServerRole) => roles.includes(role)

    const Ready = Layer.effectDiscard(
      Effect.gen(function* () {
        const { isEmbedded, url } = yield* Database
        yield* Console.log(
          Screen.render({
            api: has("api") ? `${Option.isSome(certFile) ? "https" : "http"}://127.0.0.1:${port}` : undefined,
            sandbox: has("sandbox") ? `http://127.0.0.1:${sandboxPort}` : undefined,
            isWorker: has("worker"),
            database: isEmbedded ? `embedded PostgreSQL, ${describeUrl(url)}` : describeUrl(url),
            isDemo: (yield* Settings.seed(isEmbedded)) === "demo"
          })
        )
      })
    )

    return Ready.pipe(
      Layer.provide(has("api") ? Api : Layer.empty),
      Layer.provide(has("worker") ? Worker.subscriptions : Layer.empty),
      Layer.provide(Worker.sweeps),
      Layer.provide(has("worker") ? Sweeps.layerScheduled : Sweeps.layer),
      Layer.provide(Seeded),
      Layer.provide(Contexts.layer),
      // the sandbox first: it makes the merchant account that the channels read
      Layer.provide(has("sandbox") ? SandboxDefaults : Layer.empty),
      Layer.provide(Migrated),
      Layer.provide(Layer.effectDiscard(assertDeclared)),
      Layer.provide(Telemetry)
    )
  })
)
