import { Clock, Config, Context, Duration, Effect, Layer, Metric, References, Scope, Tracer } from "effect"
import { HttpIncomingMessage, HttpMiddleware, HttpRouter, HttpServer } from "effect/http"
import { CallerCounts } from "../alerts/CallerCounts.ts"
import { HttpMetrics } from "../telemetry/HttpMetrics.ts"
import { RpcMetrics } from "../telemetry/RpcMetrics.ts"
import { EdgeConfig } from "./EdgeConfig.ts"
import { Load } from "./Load.ts"
import { makePass } from "./pass.ts"
import { RateLimits } from "./RateLimits.ts"
import { Readiness } from "./Readiness.ts"
import { ReadyAnswers } from "./ReadyAnswers.ts"
import { makeServeReady } from "./serveReady.ts"
import { layerRecorded, RouteTable } from "./RouteTable.ts"

const DrainDelay = Config.Duration("DRAIN_DELAY").pipe(Config.withDefault(Duration.zero))

/**
 * What a request starts with. Handlers have their services from the layer that made them, and copying all services of the
 * process into each request is what a small answer would spend most of its time on.
 */
const requestContext = (
  context: Context.Context<HttpServer.HttpServer | Scope.Scope>,
  maxBody: EdgeConfig["maxBody"]
) => {
  const lean = Context.pick(
    HttpServer.HttpServer,
    Scope.Scope,
    Clock.Clock,
    Metric.MetricRegistry,
    References.CurrentLoggers,
    References.MinimumLogLevel,
    Tracer.Tracer
  )(context).pipe(
    // The edge makes the spans of requests.
    Context.add(HttpMiddleware.TracerDisabledWhen, () => true),
    Context.add(HttpIncomingMessage.MaxBodySize, maxBody)
  )
  return Context.makeUnsafe<HttpServer.HttpServer | Scope.Scope>(lean.mapUnsafe, { maxDepth: 16 })
}

type NeedsNothing<R> = [HttpRouter.Request.Only<"Requires" | "GlobalRequires", R>] extends [never]
  ? unknown
  : "A handler takes its services when it is made, not from the request"

/**
 * Serves `app`, any layer that adds routes, behind the edge. When its scope closes, readiness ends at once, requests are
 * answered for `DRAIN_DELAY` more (so that balancers notice), and only then the server stops to listen.
 */
export const serve = <A, E, R>(app: Layer.Layer<A, E, R> & NeedsNothing<R>) => {
  const routes = app as Layer.Layer<
    A,
    HttpRouter.Request.Without<E>,
    HttpRouter.HttpRouter | Exclude<HttpRouter.Request.Without<R>, HttpRouter.HttpRouter>
  >
  return Layer.effectDiscard(
    Effect.gen(function* () {
      const router = yield* HttpRouter.HttpRouter
      const load = yield* Load
      const pass = yield* makePass
      const serveReady = yield* makeServeReady
      const ready = yield* ReadyAnswers
      const { maxBody } = yield* EdgeConfig
      const drainDelay = yield* DrainDelay
      yield* HttpServer.serveEffect(pass(router.asHttpEffect())).pipe(
        Effect.updateContext((context: Context.Context<HttpServer.HttpServer | Scope.Scope>) =>
          requestContext(context, maxBody)
        )
      )
      ready.serve = serveReady(Context.pick(Clock.Clock, References.CurrentLoggers)(yield* Effect.context<never>()))
      yield* Effect.addFinalizer(() =>
        Effect.suspend(() => {
          load.draining = true
          return Effect.sleep(drainDelay)
        })
      )
    })
  ).pipe(
    Layer.provide(Layer.provide(routes, layerRecorded)),
    Layer.provide(RouteTable.layer),
    Layer.provide(HttpRouter.layer)
  )
}

/**
 * What the edge and those who take part in it (`ProblemsLayer`, `Callers`, `SystemRoutes`, readiness checks) share. Uses the
 * `RateLimiter` of `effect/persistence` where one is provided.
 */
export const layer = Layer.mergeAll(
  RateLimits.layer,
  HttpMetrics.layer,
  CallerCounts.layer,
  RpcMetrics.layer,
  Readiness.layer,
  ReadyAnswers.layer
).pipe(Layer.provideMerge(Load.layer))
