import { RpcProblems } from "@mall/domain/kernel/Problems"
import { Problem } from "@mall/domain/kernel/Problem"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Exit, Layer, Metric, Schema, Scope } from "effect"
import { FetchHttpClient, HttpClient, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { Rpc, RpcClient, RpcGroup, RpcSerialization, RpcServer } from "effect/rpc"
import * as Edge from "../../src/http/Edge.ts"
import * as NodeServer from "../../src/http/NodeServer.ts"
import { CurrentRequest } from "../../src/http/RequestInfo.ts"
import * as SystemRoutes from "../../src/http/SystemRoutes.ts"
import { RpcProblemsLayer } from "../../src/RpcProblemsLayer.ts"
import * as JsonLogger from "../../src/telemetry/JsonLogger.ts"
import { LineWriter } from "../../src/telemetry/LineWriter.ts"
import * as TracingLayer from "../../src/telemetry/TracingLayer.ts"
import { call } from "../http/edgeServer.ts"
import { startSink } from "@mall/testing/otlpSink"

class Refused extends Problem<Refused>()("Refused", { status: 409, title: "No" }) {}

class Calls extends RpcGroup.make(
  Rpc.make("calls.trace", { success: Schema.String }),
  Rpc.make("calls.refuse", { error: Refused }),
  Rpc.make("calls.boom")
).middleware(RpcProblems) {}

/** `/echo` shows the headers it got; `/relay` calls `next`; `/fail` has a defect. */
const start = Effect.fnUntraced(function* (config: Record<string, string>, next = "http://127.0.0.1:1") {
  const written: Array<string> = []
  const CallHandlers = Calls.toLayer({
    "calls.trace": () =>
      Effect.flatMap(CurrentRequest, (request) =>
        Effect.as(Effect.logInfo("in a call"), request?.traceId ?? "none").pipe(Effect.withSpan("inside"))
      ),
    "calls.refuse": () => Effect.fail(new Refused({})),
    "calls.boom": () => Effect.die(new Error("the secret plan"))
  })
  const Relay = HttpRouter.use((router) =>
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      yield* router.add(
        "GET",
        "/relay/:id",
        client.get(`${next}/echo`).pipe(
          Effect.flatMap((response) => response.text),
          Effect.withSpan("Relay.call"),
          Effect.orDie,
          Effect.map((text) => HttpServerResponse.text(text))
        )
      )
    })
  )
  const Routes = Layer.mergeAll(
    Relay,
    HttpRouter.add("GET", "/echo", (request) =>
      Effect.succeed(HttpServerResponse.text(request.headers["traceparent"] ?? "none"))
    ),
    HttpRouter.add("GET", "/fail", Effect.die(new Error("broken"))),
    RpcServer.layerHttp({ group: Calls, path: "/rpc", protocol: "http" }).pipe(
      Layer.provide(CallHandlers),
      Layer.provide(RpcProblemsLayer),
      Layer.provide(RpcSerialization.layerNdjson)
    ),
    SystemRoutes.layer
  )
  const services = yield* Layer.build(
    Edge.serve(Routes).pipe(
      Layer.provide(Edge.layer),
      Layer.provideMerge(NodeServer.layer),
      Layer.provide(FetchHttpClient.layer),
      Layer.provide(TracingLayer.layer),
      Layer.provide(JsonLogger.layer),
      Layer.provideMerge(LineWriter.layerTo((lines) => written.push(lines))),
      Layer.provide(Layer.succeed(Metric.MetricRegistry, new Map())),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ PORT: "0", HOST: "127.0.0.1", ...config }))),
      Layer.fresh
    )
  )
  const { address } = Context.get(services, HttpServer.HttpServer)
  const port = "port" in address ? address.port : 0
  const log = Effect.map(Context.get(services, LineWriter).flush, () => written.join(""))
  return { url: `http://127.0.0.1:${port}`, log }
})

const traceId = "0af7651916cd43dd8448eb211c80319c"
const parentId = "b7ad6b7169203331"
const from = (flags: string) => ({ headers: { traceparent: `00-${traceId}-${parentId}-${flags}` } })

describe("Tracing", () => {
  it.live("joins a trace across two servers, and sends it when the process ends", () =>
    Effect.gen(function* () {
      const sink = yield* startSink()
      const scope = yield* Scope.make()
      const config = { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_SERVICE_NAME: "mall-test" }
      const second = yield* Scope.provide(start(config), scope)
      const first = yield* Scope.provide(start(config, second.url), scope)
      const answer = yield* call(`${first.url}/relay/7`, from("01"))
      assert.strictEqual(answer.headers.get("x-trace-id"), traceId)
      yield* call(`${first.url}/fail`, from("01"))
      yield* call(`${first.url}/nothing`, from("01"))
      yield* call(`${first.url}/healthz`, from("01"))
      yield* Scope.close(scope, Exit.void)

      assert.isTrue(sink.paths.every((path) => path === "/v1/traces"))
      assert.isTrue(sink.spans.every((span) => span.traceId === traceId))
      const named = (name: string) => sink.spans.find((span) => span.name === name)
      const [relay, inner, echo] = ["GET /relay/:id", "Relay.call", "GET /echo"].map(named)
      const outgoing = sink.spans.find((span) => span.kind === 3)
      assert.strictEqual(relay?.parentSpanId, parentId)
      assert.strictEqual(relay?.kind, 2)
      assert.strictEqual(inner?.parentSpanId, relay?.spanId)
      assert.strictEqual(outgoing?.parentSpanId, inner?.spanId)
      assert.strictEqual(echo?.parentSpanId, outgoing?.spanId)
      assert.strictEqual(answer.text, `00-${traceId}-${outgoing?.spanId}-01`)
      const attribute = (key: string) => relay?.attributes.find((attribute) => attribute.key === key)?.value
      assert.deepStrictEqual(attribute("http.route"), { stringValue: "/relay/:id" })
      assert.strictEqual(Number(attribute("http.response.status_code")?.intValue), 200)
      assert.strictEqual(named("GET /fail")?.status.code, 2)
      assert.notStrictEqual(named("GET unmatched")?.status.code, 2)
      assert.isUndefined(named("GET /healthz"))
    }).pipe(Effect.scoped)
  )

  it.live("records nothing of what the caller did not sample, and tells those it calls", () =>
    Effect.gen(function* () {
      const sink = yield* startSink()
      const scope = yield* Scope.make()
      const second = yield* Scope.provide(start({ OTEL_EXPORTER_OTLP_ENDPOINT: sink.url }), scope)
      const first = yield* Scope.provide(start({ OTEL_EXPORTER_OTLP_ENDPOINT: sink.url }, second.url), scope)
      const answer = yield* call(`${first.url}/relay/7`, from("00"))
      assert.match(answer.text, new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`))
      assert.notInclude(answer.text, parentId)
      assert.include(yield* second.log, `"traceId":"${traceId}"`)
      yield* Scope.close(scope, Exit.void)
      assert.lengthOf(sink.spans, 0)
    }).pipe(Effect.scoped)
  )

  it.live("sends no card number and no secret, wherever in a span it stands", () =>
    Effect.gen(function* () {
      const sink = yield* startSink()
      const card = "4111 1111 1111 1111"
      const work = Effect.die(new Error(`no money on ${card}`)).pipe(
        Effect.withSpan("charge", {
          attributes: {
            note: `card ${card}`,
            number: 4111111111111111,
            list: [card, "fine"],
            "buyer.email": "ann@example.com",
            authorization: "Bearer abc",
            "server.address": "db.internal",
            amount: 1999
          }
        }),
        Effect.withSpan("outer"),
        Effect.exit
      )
      const tracing = TracingLayer.layer.pipe(
        Layer.provide(
          ConfigProvider.layer(
            ConfigProvider.fromUnknown({ OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_TRACES_SAMPLER: "always_on" })
          )
        ),
        Layer.fresh
      )
      yield* Effect.provide(work, tracing)
      const span = sink.spans.find(({ name }) => name === "charge")
      const told = sink.bodies.join("\n")
      assert.isDefined(span)
      for (const secret of [card, "4111111111111111", "ann@example.com", "Bearer abc"]) assert.notInclude(told, secret)
      const attribute = (key: string) => span?.attributes.find((attribute) => attribute.key === key)?.value
      assert.deepStrictEqual(attribute("note"), { stringValue: "card <card *1111>" })
      assert.deepStrictEqual(attribute("server.address"), { stringValue: "db.internal" })
      assert.strictEqual(Number(attribute("amount")?.intValue), 1999)
      assert.include(told, "no money on <card *1111>")
    }).pipe(Effect.scoped)
  )

  it.live("samples by OTEL_TRACES_SAMPLER, under the trace id that the caller is told", () =>
    Effect.gen(function* () {
      const sink = yield* startSink()
      const scope = yield* Scope.make()
      const all = yield* Scope.provide(
        start({ OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_TRACES_SAMPLER: "always_on" }),
        scope
      )
      const told = (yield* call(`${all.url}/echo`)).headers.get("x-trace-id")
      const never = yield* Scope.provide(
        start({ OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_TRACES_SAMPLER_ARG: "0" }),
        scope
      )
      yield* call(`${never.url}/echo`)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(
        sink.spans.map((span) => [span.name, span.traceId, span.parentSpanId]),
        [["GET /echo", told, undefined]]
      )
    }).pipe(Effect.scoped)
  )

  it.live("serves on while the collector fails, and passes traces on where there is none", () =>
    Effect.gen(function* () {
      const sink = yield* startSink(500)
      const scope = yield* Scope.make()
      const broken = yield* Scope.provide(
        start({
          OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
          OTEL_TRACES_SAMPLER: "always_on",
          OTEL_BSP_SCHEDULE_DELAY: "10 millis"
        }),
        scope
      )
      for (let i = 0; i < 5; i++) assert.strictEqual((yield* call(`${broken.url}/echo`)).status, 200)
      const off = yield* Scope.provide(start({}, broken.url), scope)
      assert.match((yield* call(`${off.url}/relay/7`, from("01"))).text, new RegExp(`^00-${traceId}-`))
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.scoped)
  )

  it.live("counts calls by method and code, and logs within them by the request's ids", () =>
    Effect.gen(function* () {
      const { log, url } = yield* start({ OTEL_SERVICE_NAME: "pay" })
      const client = yield* RpcClient.make(Calls).pipe(
        Effect.provide(
          RpcClient.layerProtocolHttp({ url: `${url}/rpc` }).pipe(
            Layer.provide([RpcSerialization.layerNdjson, FetchHttpClient.layer])
          )
        )
      )
      const inCall = yield* client["calls.trace"]()
      assert.match(inCall, /^[0-9a-f]{32}$/)
      assert.strictEqual((yield* Effect.flip(client["calls.refuse"]()))._tag, "Refused")
      const defect = yield* Effect.flip(client["calls.boom"]())
      assert.strictEqual(defect._tag, "InternalError")
      const text = yield* log
      const line = text.split("\n").find((line) => line.includes("in a call"))
      assert.include(line, `"traceId":"${inCall}"`)
      assert.include(text, "the secret plan")
      const metrics = (yield* call(`${url}/metrics`)).text
      assert.include(metrics, 'rpc_server_requests_code_total{app="pay",method="calls.trace",code="OK"} 1\n')
      assert.include(metrics, 'rpc_server_requests_code_total{app="pay",method="calls.refuse",code="Refused"} 1\n')
      assert.include(metrics, 'rpc_server_requests_code_total{app="pay",method="calls.boom",code="InternalError"} 1\n')
      assert.include(metrics, 'rpc_server_requests_duration_ms_count{app="pay",method="calls.trace"} 1\n')
      assert.include(metrics, 'path="/rpc",status="200"')
    }).pipe(Effect.scoped)
  )
})
