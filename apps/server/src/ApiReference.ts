import { MallApi } from "@mall/domain/MallApi"
import { Effect, Scope } from "effect"
import { HttpApiScalar } from "effect/http-api"
import { HttpRouter } from "effect/http"

const path = "/docs"

/** `GET /docs`: the reference of the HTTP API. Its script is read when somebody asks first, as it takes 15 MB, and most processes never show it. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const scope = yield* Effect.scope
    const page = yield* Effect.cached(
      HttpRouter.toHttpEffect(HttpApiScalar.layer(MallApi, { path })).pipe(Scope.provide(scope), Effect.uninterruptible)
    )
    yield* router.add("GET", path, Effect.flatten(page))
  })
)
