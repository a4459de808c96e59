import { Authorization, OptionalAuthorization, RpcAuthorization } from "@mall/domain/identity/Authorization"
import { CurrentUser, CurrentVisitor, Principal } from "@mall/domain/identity/CurrentUser"
import { isGranted, RequiredPermission } from "@mall/domain/identity/Permission"
import { RpcStepUp, StepUp } from "@mall/domain/identity/StepUp"
import { Forbidden, Unauthorized } from "@mall/domain/kernel/EdgeError"
import { Context, Effect, Layer, Option, Redacted, Schema } from "effect"
import { Base64Url } from "effect/encoding"
import { HttpClientRequest, HttpServerRequest } from "effect/http"
import { HttpApiMiddleware } from "effect/http-api"

const PrincipalJson = Schema.fromJsonString(Schema.toCodecJson(Principal))

/** An access token that only `layer` below understands: for tests of a context that is not about tokens. */
export const tokenOf = (principal: Principal) => Base64Url.encode(Schema.encodeSync(PrincipalJson)(principal))

const principalOf = (token: string) =>
  Effect.fromResult(Base64Url.decodeString(token)).pipe(
    Effect.flatMap(Schema.decodeEffect(PrincipalJson)),
    Effect.mapError(() => new Unauthorized({}))
  )

const permit = (principal: Principal, annotations: Context.Context<never>) => {
  const permission = Context.get(annotations, RequiredPermission)
  return permission !== undefined && isGranted(principal.roles, permission)
    ? Effect.succeed(principal)
    : Effect.fail(new Forbidden({ permission: permission ?? "undeclared" }))
}

const bearerOf = (header: string | undefined) => header?.replace(/^bearer /i, "")

/**
 * The authorization middlewares, believing any token made by `tokenOf` and checking permissions as the real ones do; each
 * caller counts as having proved just now to be the owner.
 */
export const layer = Layer.mergeAll(
  Layer.succeed(StepUp, (httpEffect) => httpEffect),
  Layer.succeed(RpcStepUp, (effect) => effect),
  Layer.succeed(
    Authorization,
    Authorization.of({
      bearer: Effect.fnUntraced(function* (httpEffect, { credential, endpoint }) {
        const principal = yield* principalOf(Redacted.value(credential))
        yield* permit(principal, endpoint.annotations)
        return yield* Effect.provideService(httpEffect, CurrentUser, principal)
      })
    })
  ),
  Layer.succeed(
    OptionalAuthorization,
    Effect.fnUntraced(function* (httpEffect) {
      const request = yield* HttpServerRequest.HttpServerRequest
      const token = bearerOf(request.headers["authorization"])
      const visitor = token === undefined ? Option.none() : Option.some(yield* principalOf(token))
      return yield* Effect.provideService(httpEffect, CurrentVisitor, visitor)
    })
  ),
  Layer.succeed(
    RpcAuthorization,
    Effect.fnUntraced(function* (effect, { headers, rpc }) {
      const token = bearerOf(headers["authorization"])
      if (token === undefined) return yield* new Unauthorized({})
      const principal = yield* principalOf(token)
      yield* permit(principal, rpc.annotations)
      return yield* Effect.provideService(effect, CurrentUser, principal)
    })
  )
)

/** Makes a typed HTTP client call as `principal`. */
export const clientOf = (principal: Principal) => {
  const token = tokenOf(principal)
  return Layer.mergeAll(
    HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
      next(HttpClientRequest.bearerToken(request, token))
    ),
    HttpApiMiddleware.layerClient(OptionalAuthorization, ({ next, request }) =>
      next(HttpClientRequest.bearerToken(request, token))
    )
  )
}
