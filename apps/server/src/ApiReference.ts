import { Effect, Scope } from "effect"
import { HttpApiScalar } from "effect/http-api"
import type { HttpApi, HttpApiGroup } from "effect/http-api"
import { HttpRouter, HttpServerResponse } from "effect/http"

const path = "/docs"

/** Where the source documents have it. */
const sourcePath = "/swagger/index.html"

/**
 * `GET /docs`: the reference of the HTTP API `api`. Its script is read when somebody asks first, as it takes 15 MB and most
 * processes never show it. `GET /swagger/index.html` leads there.
 */
export const layer = <Id extends string, Groups extends HttpApiGroup.Constraint>(api: HttpApi.HttpApi<Id, Groups>) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const scope = yield* Effect.scope
      const page = yield* Effect.cached(
        HttpRouter.toHttpEffect(HttpApiScalar.layer(api, { path })).pipe(Scope.provide(scope), Effect.uninterruptible)
      )
      yield* router.add("GET", path, Effect.flatten(page))
      yield* router.add("GET", sourcePath, HttpServerResponse.redirect(path))
    })
  )
