import { Authorization } from "@mall/domain/identity/Authorization"
import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { UsersApiGroup } from "@mall/domain/identity/UsersApi"
import { Problem } from "@mall/domain/kernel/Problem"
import { Problems } from "@mall/domain/kernel/Problems"
import { RateLimit } from "@mall/domain/kernel/RateLimit"
import { RequiredPermission } from "@mall/domain/identity/Permission"
import * as TestAuthorization from "@mall/testing/TestAuthorization"
import { ConfigProvider, Context, Deferred, Effect, Layer, Metric, Schema, Stream } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import * as net from "node:net"
import * as Callers from "../../src/http/Callers.ts"
import { CallerCounts } from "../../src/alerts/CallerCounts.ts"
import * as Edge from "../../src/http/Edge.ts"
import { Load } from "../../src/http/Load.ts"
import * as NodeServer from "../../src/http/NodeServer.ts"
import { Readiness } from "../../src/http/Readiness.ts"
import { ReadyAnswers } from "../../src/http/ReadyAnswers.ts"
import * as SystemRoutes from "../../src/http/SystemRoutes.ts"
import * as ApiGroup from "../../src/http/apiGroup.ts"
import { CurrentRequest } from "../../src/http/RequestInfo.ts"
import { ProblemsLayer } from "../../src/ProblemsLayer.ts"
import * as JsonLogger from "../../src/telemetry/JsonLogger.ts"
import { LineWriter } from "../../src/telemetry/LineWriter.ts"
import * as TracingLayer from "../../src/telemetry/TracingLayer.ts"
import { principalOf } from "./principal.ts"

class ThingMissing extends Problem<ThingMissing>()("ThingMissing", {
  status: 404,
  title: "There is no such thing",
  fields: { id: Schema.String }
}) {}

const Thing = Schema.Struct({ name: Schema.String, password: Schema.String.check(Schema.isMinLength(8)) })

class Things extends HttpApiGroup.make("things")
  .add(
    HttpApiEndpoint.get("find", "/things/:id", {
      params: { id: Schema.String.check(Schema.isUUID(7)) },
      query: { limit: Schema.optionalKey(Schema.FiniteFromString) },
      success: Schema.Struct({ id: Schema.String, requestId: Schema.String }),
      error: ThingMissing
    }),
    HttpApiEndpoint.post("make", "/things", { payload: Thing, success: Schema.Struct({ name: Schema.String }) }),
    HttpApiEndpoint.get("boom", "/boom", { success: Schema.String }),
    HttpApiEndpoint.get("misshapen", "/misshapen", { success: Schema.NonEmptyString }),
    HttpApiEndpoint.get("slow", "/slow", { success: Schema.String }),
    HttpApiEndpoint.post("refresh", "/auth/refresh", { success: Schema.String }),
    HttpApiEndpoint.get("word", "/words/:word", { params: { word: Schema.String }, success: Schema.String }),
    HttpApiEndpoint.get("rare", "/rare", { success: Schema.String }).annotate(RateLimit, {
      name: "rare",
      by: "ip",
      algorithm: "token-bucket",
      limit: 2,
      window: "1 hour"
    }),
    HttpApiEndpoint.post("register", "/register", { success: Schema.String }).annotate(
      RateLimit,
      Context.get(UsersApiGroup.endpoints.register.annotations, RateLimit)
    )
  )
  .prefix("/api/v1") {}

class Mine extends HttpApiGroup.make("mine")
  .add(
    HttpApiEndpoint.get("me", "/me", { success: Schema.String }).annotate(RequiredPermission, "account"),
    HttpApiEndpoint.get("seldom", "/seldom", { success: Schema.String })
      .annotate(RequiredPermission, "account")
      .annotate(RateLimit, { name: "seldom", by: "user", algorithm: "fixed-window", limit: 1, window: "1 hour" })
  )
  .middleware(Authorization)
  .prefix("/api/v1") {}

export class TestApi extends HttpApi.make("test").add(Things).add(Mine).middleware(Problems) {}

/** A server whose `/slow` says when it has begun and waits until it is let go. */
export const startEdge = Effect.fnUntraced(function* (config: Record<string, string> = {}) {
  const begun = yield* Deferred.make<void>()
  const letGo = yield* Deferred.make<void>()
  const ended = yield* Deferred.make<"answered" | "interrupted">()
  const written: Array<string> = []

  const ThingHandlers = ApiGroup.group(TestApi, "things", (handlers) =>
    handlers.handleAll({
      find: ({ params }) =>
        Effect.flatMap(CurrentRequest, (request) =>
          params.id.endsWith("0")
            ? Effect.fail(new ThingMissing({ id: params.id }))
            : Effect.as(Effect.logInfo("found"), { id: params.id, requestId: request?.requestId ?? "" })
        ),
      make: ({ payload }) => Effect.succeed({ name: payload.name }),
      boom: () => Effect.die(new Error("the secret plan")),
      misshapen: () => Effect.succeed(""),
      slow: () =>
        Deferred.succeed(begun, undefined).pipe(
          Effect.andThen(Deferred.await(letGo)),
          Effect.as("at last"),
          Effect.tap(() => Deferred.succeed(ended, "answered")),
          Effect.onInterrupt(() => Deferred.succeed(ended, "interrupted"))
        ),
      refresh: () => Effect.succeed("refreshed"),
      word: ({ params }) => Effect.succeed(`asked for ${params.word}`),
      rare: () => Effect.succeed("rare"),
      register: () => Effect.succeed("registered")
    })
  )
  // Words are at hand where they begin with a capital, of late where they end with one, for a user where they are numbers.
  const Words = Layer.effectDiscard(
    Effect.map(ReadyAnswers, (ready) =>
      ready.add(TestApi.groups.things.endpoints.word, (_request, { last, query }) => {
        const answer = {
          response: HttpServerResponse.uint8Array(new TextEncoder().encode(`"at hand ${last}${query}"`), {
            contentType: "application/json"
          }),
          userId: /^\d$/.test(last) ? principalOf(Number(last)).userId : undefined
        }
        if (/[A-Z]$/.test(last)) return Effect.delay(Effect.succeed(answer), 1)
        if (last === "broken") return Effect.die(new Error("the secret plan"))
        return Effect.succeed(/^[A-Z\d]/.test(last) ? answer : undefined)
      })
    )
  )
  const MineHandlers = ApiGroup.group(TestApi, "mine", (handlers) =>
    handlers.handleAll({
      me: () => Effect.map(CurrentUser, (user) => user.userId),
      seldom: () => Effect.map(CurrentUser, (user) => user.userId)
    })
  )
  const Routes = Layer.mergeAll(
    HttpApiBuilder.layer(TestApi).pipe(
      Layer.provide([ThingHandlers, MineHandlers]),
      Layer.provide(ProblemsLayer),
      Layer.provide(Callers.layer),
      Layer.provide(TestAuthorization.layer)
    ),
    SystemRoutes.layer,
    Words,
    HttpRouter.add("GET", "/page", HttpServerResponse.text("<p>hello</p>", { contentType: "text/html" })),
    HttpRouter.add(
      "GET",
      "/every-byte",
      HttpServerResponse.uint8Array(Uint8Array.from({ length: 256 }, (_, byte) => byte))
    ),
    HttpRouter.add("POST", "/bytes-then-text", (request) =>
      Effect.gen(function* () {
        const { byteLength } = yield* request.arrayBuffer
        return HttpServerResponse.text(`${byteLength} ${yield* request.text}`)
      })
    ),
    HttpRouter.add(
      "GET",
      "/who",
      Effect.map(CurrentRequest, (request) => HttpServerResponse.text(request?.certificate?.service ?? "nobody"))
    ),
    HttpRouter.add("GET", "/raw-defect", Effect.die(new Error("the secret plan"))),
    HttpRouter.add(
      "GET",
      "/stream",
      HttpServerResponse.stream(Stream.make("a", "b", "c").pipe(Stream.encodeText), { contentType: "text/plain" })
    )
  )

  const services = yield* Layer.build(
    Edge.serve(Routes).pipe(
      Layer.provideMerge(Edge.layer),
      Layer.provideMerge(NodeServer.layer),
      Layer.provide(TracingLayer.layer),
      Layer.provide(JsonLogger.layer),
      Layer.provideMerge(LineWriter.layerTo((lines) => written.push(lines))),
      Layer.provide(Layer.succeed(Metric.MetricRegistry, new Map())),
      Layer.provide(
        ConfigProvider.layer(
          ConfigProvider.fromUnknown({ PORT: "0", HOST: "127.0.0.1", HTTP_KEEP_ALIVE_TIMEOUT: "1 minute", ...config })
        )
      ),
      Layer.fresh
    )
  )
  const server = yield* Effect.provideContext(HttpServer.HttpServer, services)
  const address = server.address
  if (!("port" in address)) return yield* Effect.die("not listening on TCP")
  const port = address.port
  const writer = yield* Effect.provideContext(LineWriter, services)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    begun: Deferred.await(begun),
    ended: Deferred.await(ended),
    letGo: Deferred.succeed(letGo, undefined),
    load: yield* Effect.provideContext(Load, services),
    callers: yield* Effect.provideContext(CallerCounts, services),
    readiness: yield* Effect.provideContext(Readiness, services),
    /** What was logged up to now. */
    log: Effect.map(writer.flush, () => written.join(""))
  }
})

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** A request by `fetch`, with nothing decoded. */
export const call = (url: string, init?: RequestInit): Effect.Effect<Answer> =>
  Effect.promise(async (signal) => {
    const response = await fetch(url, { signal, ...init })
    return { status: response.status, headers: response.headers, text: await response.text() }
  })

/** Sends bytes as they are, a character each; answers with all that comes back until the server ends the connection or `until` matches. */
export const exchangeBytes = (port: number, bytes: string, until?: RegExp): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write(bytes, "latin1"))
    let received = ""
    const done = () => {
      socket.destroy()
      resume(Effect.succeed(received))
    }
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1")
      if (until?.test(received)) done()
    })
    socket.on("error", done)
    socket.on("close", done)
    return Effect.sync(() => socket.destroy())
  })
