import { Authorization, OptionalAuthorization } from "@mall/domain/identity/Authorization"
import { MallApi } from "@mall/domain/MallApi"
import { Context, Effect, Layer, Option, Ref } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { AccessToken } from "./AccessToken.ts"
import { IdempotencyKey } from "./IdempotencyKey.ts"

const withToken = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.gen(function* () {
    const token = yield* Ref.get(yield* AccessToken)
    return Option.match(token, {
      onNone: () => request,
      onSome: (value) => HttpClientRequest.bearerToken(request, value)
    })
  })

const Bearer = Layer.mergeAll(
  HttpApiMiddleware.layerClient(Authorization, ({ next, request }) => Effect.flatMap(withToken(request), next)),
  HttpApiMiddleware.layerClient(OptionalAuthorization, ({ next, request }) => Effect.flatMap(withToken(request), next))
)

/**
 * The typed client of the HTTP API: a method per endpoint, typed answers, typed errors. It runs in a browser and in Node.
 *
 * @example
 * const mall = yield* MallHttp
 * const page = yield* mall.products.list({ query: { limit: 20 } })
 */
export class MallHttp extends Context.Service<MallHttp, HttpApiClient.ForApi<typeof MallApi>>()(
  "@mall/client/MallHttp"
) {
  /** `baseUrl` without a slash at its end. Needs an `HttpClient` and the `AccessToken` that it sends. */
  static readonly layer = (baseUrl: string) =>
    Layer.effect(
      MallHttp,
      HttpApiClient.make(MallApi, {
        transformClient: (client) =>
          client.pipe(
            HttpClient.mapRequest(HttpClientRequest.prependUrl(baseUrl)),
            HttpClient.mapRequestEffect((request) =>
              Effect.map(IdempotencyKey, (key) =>
                key === undefined ? request : HttpClientRequest.setHeader(request, "idempotency-key", key)
              )
            )
          )
      })
    ).pipe(Layer.provide(Bearer))
}
