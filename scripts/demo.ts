import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { AccessToken } from "@mall/client/AccessToken"
import { AdminRpc } from "@mall/client/MallRpc"
import { MallHttp } from "@mall/client/MallHttp"
import { Config, Console, Effect, Layer, Schedule } from "effect"
import { CliConfig, CliError, Command, Flag, GlobalFlag } from "effect/cli"
import { FetchHttpClient, HttpClient } from "effect/http"
import { spawn } from "node:child_process"
import path from "node:path"
import process from "node:process"
import { merchantJourney } from "./demo/merchant.ts"
import { everyChannel, shoppingJourney } from "./demo/shopping.ts"
import { DemoFailed } from "./demo/support.ts"

const Ports = Config.all({
  api: Config.Port("PORT").pipe(Config.withDefault(8080)),
  sandbox: Config.Port("SANDBOX_PORT").pipe(Config.withDefault(8090))
})

const isReady = (api: string) =>
  HttpClient.get(`${api}/readyz`).pipe(
    Effect.map(({ status }) => status === 200),
    Effect.catchTag("HttpClientError", () => Effect.succeed(false))
  )

/** What else waits a day or a minute, so that nobody has to watch it. */
const atOnce = { PAYOUT_COOLING_OFF: "0 seconds", MERCHANT_TERMS_LEAD: "0 seconds" }

/** A server of our own until the scope closes. */
const startServer = (api: string) =>
  Effect.gen(function* () {
    const ended = { status: undefined as number | undefined }
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const main = path.join(import.meta.dirname, "../apps/server/src/main.ts")
        const child = spawn(process.execPath, [main], {
          env: { ...process.env, ACCESS_LOG: "false", LOG_LEVEL: "Error", ...atOnce },
          stdio: ["ignore", "ignore", "inherit"]
        })
        child.once("exit", (code) => {
          ended.status = code ?? 1
        })
        return child
      }),
      (child) =>
        Effect.callback<void>((resume) => {
          if (ended.status !== undefined) return resume(Effect.void)
          child.once("exit", () => resume(Effect.void))
          child.kill("SIGTERM")
        })
    )
    yield* isReady(api).pipe(
      Effect.filterOrFail(
        (ready) => ready,
        () => new DemoFailed({ reason: "The server did not become ready" })
      ),
      Effect.retry({
        schedule: Schedule.spaced("200 millis"),
        times: 300,
        while: () => ended.status === undefined
      })
    )
  })

const demo = Command.make(
  "demo",
  {
    channel: Flag.Literals("channel", ["all", ...everyChannel.map(({ id }) => id)]).pipe(
      Flag.withDefault("alipay"),
      Flag.withDescription(
        "Through which channel the buyer also pays and is given back, after one payment through WeChat Pay"
      )
    ),
    merchant: Flag.Boolean("merchant").pipe(
      Flag.withDefault(false),
      Flag.withDescription("Follows a merchant from the application to the bank and the books, instead of a buyer")
    )
  },
  Effect.fnUntraced(function* ({ channel, merchant }) {
    const channels = everyChannel.filter(({ id }) => channel === "all" || channel === id)
    const ports = yield* Ports
    const api = `http://127.0.0.1:${ports.api}`
    const sandbox = `http://127.0.0.1:${ports.sandbox}`
    if (yield* isReady(api)) yield* Console.log(`Using the server at ${api}`)
    else {
      yield* Console.log("No server runs: starting one")
      yield* startServer(api)
    }
    yield* merchant
      ? merchantJourney(sandbox).pipe(Effect.provide([MallHttp.layer(api), AdminRpc.layer(api)]))
      : shoppingJourney(sandbox, channels).pipe(Effect.provide(MallHttp.layer(api)))
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Drives a journey through the typed clients, against the server on PORT, or one of its own where none runs."
  )
)

Command.runWith(demo, { version: "0.1.0" })(process.argv.slice(2)).pipe(
  Effect.provide(
    Layer.mergeAll(
      AccessToken.layer,
      FetchHttpClient.layer,
      NodeServices.layer,
      CliConfig.layer({ builtIns: [GlobalFlag.Help] })
    )
  ),
  // how it is called wrongly has been told with its help
  Effect.tapError((error) =>
    CliError.isCliError(error) ? Effect.void : Console.error(`The demo failed: ${error.message}`)
  ),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
