import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { quietPaths } from "./beginExchange.ts"
import { Readiness } from "./Readiness.ts"

const noStore = { headers: { "cache-control": "no-store" } }

const Live = HttpRouter.add("GET", quietPaths.live, HttpServerResponse.jsonUnsafe({ status: "ok" }, noStore))

const Ready = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const readiness = yield* Readiness
    yield* router.add(
      "GET",
      quietPaths.ready,
      Effect.map(readiness.state, (state) =>
        HttpServerResponse.jsonUnsafe(state, { ...noStore, status: state.ready ? 200 : 503 })
      )
    )
  })
)

/** `GET /healthz`: the event loop turns. `GET /readyz`: each dependency's state, 503 where one is missed. `GET /metrics`. */
export const layer = Layer.mergeAll(Live, Ready, PrometheusMetrics.layerHttp({ path: quietPaths.metrics }))
