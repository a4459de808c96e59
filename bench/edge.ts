/**
 * What the edge costs: a verified token's answer with everything on (authentication, limits, access log, metrics, a tenth of
 * the requests traced), beside a bare `node:http` server that answers the same bytes. Each server is a process of its own;
 * rounds take turns, so that a noisy machine is as noisy for both. `node bench/edge.ts [rounds]`
 */
import { Authorization } from "@mall/domain/identity/Authorization"
import { CurrentUser, Principal } from "@mall/domain/identity/CurrentUser"
import { Unauthorized } from "@mall/domain/kernel/EdgeError"
import { Problems } from "@mall/domain/kernel/Problems"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import * as Edge from "@mall/platform/http/Edge"
import * as NodeServer from "@mall/platform/http/NodeServer"
import * as SystemRoutes from "@mall/platform/http/SystemRoutes"
import { ProblemsLayer } from "@mall/platform/ProblemsLayer"
import * as JsonLogger from "@mall/platform/telemetry/JsonLogger"
import { LineWriter } from "@mall/platform/telemetry/LineWriter"
import * as ProcessMetrics from "@mall/platform/telemetry/ProcessMetrics"
import * as TracingLayer from "@mall/platform/telemetry/TracingLayer"
import autocannon from "autocannon"
import { ConfigProvider, Effect, Layer, Redacted, Schema } from "effect"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { fork } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { createServer } from "node:http"
import process from "node:process"

const path = "/api/v1/auth/verify"
const token = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIwMTkyIn0.c2lnbmF0dXJl"
const connections = 50
const roundSeconds = 1
/** Until the compiler has seen enough. */
const warmUpSeconds = 5

const answer = Schema.decodeSync(Schema.toCodecJson(Principal))({
  userId: "0192d3a4-2222-7222-8222-222222222222",
  sessionId: "0192d3a4-3333-7333-8333-333333333333",
  roles: ["customer"],
  merchantId: { _tag: "None" },
  expiresAt: "2096-10-02T07:06:40.000Z"
})
const Verified = Schema.toCodecJson(Principal)

class Tokens extends HttpApiGroup.make("tokens")
  .add(HttpApiEndpoint.get("verify", path, { success: Principal }))
  .middleware(Authorization) {}
class BenchApi extends HttpApi.make("bench").add(Tokens).middleware(Problems) {}

/** Stands for verification whose signature check is cached by token. */
const known = new Map([[token, answer]])
const Authenticated = Layer.succeed(
  Authorization,
  Authorization.of({
    bearer: (httpEffect, { credential }) => {
      const principal = known.get(Redacted.value(credential))
      return principal === undefined
        ? Effect.fail(new Unauthorized({}))
        : Effect.provideService(httpEffect, CurrentUser, principal)
    }
  })
)

const Routes = Layer.merge(
  HttpApiBuilder.layer(BenchApi).pipe(
    Layer.provide(ApiGroup.group(BenchApi, "tokens", (handlers) => handlers.handleAll({ verify: () => CurrentUser }))),
    Layer.provide([ProblemsLayer, Authenticated])
  ),
  SystemRoutes.layer
)

const serveEdge = (port: number, ready: Effect.Effect<unknown>) =>
  Layer.effectDiscard(ready).pipe(
    Layer.provide(Edge.serve(Routes)),
    Layer.provide(Edge.layer),
    Layer.provide(NodeServer.layer),
    Layer.provide(ProcessMetrics.layer),
    Layer.provide(TracingLayer.layer),
    Layer.provide(JsonLogger.layer),
    Layer.provide(LineWriter.layer),
    Layer.provide(
      ConfigProvider.layer(
        ConfigProvider.fromUnknown({
          PORT: String(port),
          HOST: "127.0.0.1",
          RATE_LIMIT_IP_PER_SECOND: "1000000",
          RATE_LIMIT_IP_BURST: "1000000",
          // Nobody listens there: spans are made, kept and put into requests, and their sending fails.
          OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
          OTEL_TRACES_SAMPLER_ARG: "0.1"
        })
      )
    ),
    Layer.launch
  )

const serveBare = (port: number) => {
  const body = JSON.stringify(Schema.encodeSync(Verified)(answer))
  createServer((_, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) })
    response.end(body)
  }).listen(port, "127.0.0.1")
}

interface Round {
  readonly perSecond: number
  readonly p99: number
  /** CPU time of the server for one request, in microseconds. */
  readonly cpu: number
}

const start = (kind: string, port: number) =>
  Effect.callback<ChildProcess>((resume) => {
    const child = fork(import.meta.filename, ["serve", kind, String(port)], {
      stdio: ["ignore", "ignore", "inherit", "ipc"]
    })
    child.once("message", () => resume(Effect.succeed(child)))
  })

const cpuOf = (child: ChildProcess) =>
  Effect.callback<number>((resume) => {
    child.once("message", (microseconds) => resume(Effect.succeed(Number(microseconds))))
    child.send("cpu")
  })

const round = Effect.fnUntraced(function* (child: ChildProcess, port: number, duration = roundSeconds) {
  const before = yield* cpuOf(child)
  const result = yield* Effect.promise(() =>
    autocannon({
      url: `http://127.0.0.1:${port}${path}`,
      connections,
      duration,
      headers: { authorization: `Bearer ${token}` }
    })
  )
  if (result.non2xx > 0 || result.errors > 0) {
    return yield* Effect.die(`${result.non2xx} answers were not 2xx, ${result.errors} requests failed`)
  }
  const cpu = ((yield* cpuOf(child)) - before) / result.requests.total
  return { perSecond: result.requests.total / result.duration, p99: result.latency.p99, cpu }
})

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

const summary = (name: string, rounds: ReadonlyArray<Round>) => {
  const of = (key: keyof Round) => median(rounds.map((round) => round[key]))
  return `${name.padEnd(10)} ${of("perSecond").toFixed(0).padStart(7)} req/s   p99 ${of("p99")} ms   ${of("cpu").toFixed(1)} µs CPU`
}

const compare = Effect.fnUntraced(function* (rounds: number) {
  const [bare, edge] = yield* Effect.all([start("bare", 41_871), start("edge", 41_872)], { concurrency: 2 })
  const bareRounds: Array<Round> = []
  const edgeRounds: Array<Round> = []
  yield* round(bare, 41_871, warmUpSeconds)
  yield* round(edge, 41_872, warmUpSeconds)
  for (let i = 0; i < rounds; i++) {
    bareRounds.push(yield* round(bare, 41_871))
    edgeRounds.push(yield* round(edge, 41_872))
  }
  bare.kill()
  edge.kill()
  const ratio = median(edgeRounds.map((round, i) => round.perSecond / (bareRounds[i]?.perSecond ?? 1)))
  process.stdout.write(
    [
      summary("node:http", bareRounds),
      summary("edge", edgeRounds),
      `ratio      ${ratio.toFixed(2)}  (to reach: 0.40)`,
      ""
    ].join("\n")
  )
})

const [first, kind, port] = process.argv.slice(2)
if (first === "serve") {
  process.on("message", () => {
    const { system, user } = process.cpuUsage()
    process.send?.(system + user)
  })
  process.once("disconnect", () => process.exit(0))
  const ready = Effect.sync(() => process.send?.("ready"))
  if (kind === "bare") {
    serveBare(Number(port))
    Effect.runFork(ready)
  } else {
    Effect.runFork(serveEdge(Number(port), ready))
  }
} else {
  await Effect.runPromise(compare(Number(first ?? 8)))
}
