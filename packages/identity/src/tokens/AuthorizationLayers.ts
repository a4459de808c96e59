import { Authorization, OptionalAuthorization, RpcAuthorization } from "@mall/domain/identity/Authorization"
import { CurrentUser, CurrentVisitor } from "@mall/domain/identity/CurrentUser"
import { RequiredPermission } from "@mall/domain/identity/Permission"
import { Forbidden } from "@mall/domain/kernel/EdgeError"
import type { Types } from "effect"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import type { Headers, HttpServerResponse } from "effect/http"
import { HttpServerRequest } from "effect/http"
import { AccessTokens } from "./AccessTokens.ts"
import type { VerifiedToken } from "./AccessTokens.ts"
import { MachineCredentials } from "../machines/MachineCredentials.ts"

/** An endpoint that declares no permission is nobody's; the server does not start with one, so this is the second lock. */
export const permit = (verified: VerifiedToken, annotations: Context.Context<never>) => {
  const permission = Context.get(annotations, RequiredPermission)
  return permission !== undefined && verified.permissions.has(permission)
    ? undefined
    : new Forbidden({ permission: permission ?? "undeclared" })
}

const bearer = /^bearer +([^ ]+) *$/i
export const tokenOf = (header: string | undefined) =>
  header === undefined ? undefined : (bearer.exec(header)?.[1] ?? "")

export const AuthorizationLayer = Layer.effect(
  Authorization,
  Effect.gen(function* () {
    const tokens = yield* AccessTokens
    const machines = yield* MachineCredentials
    const ofMachine = Effect.flatMap(HttpServerRequest.HttpServerRequest, machines.ofRequest)
    return Authorization.of({
      bearer: (httpEffect, { credential, endpoint }) => {
        const token = Redacted.value(credential)
        return Effect.flatMap(
          token === "" ? ofMachine : tokens.verify(token),
          (verified): Effect.Effect<HttpServerResponse.HttpServerResponse, Forbidden | Types.unhandled> =>
            permit(verified, endpoint.annotations) ?? Effect.provideService(httpEffect, CurrentUser, verified.principal)
        )
      }
    })
  })
)

export const OptionalAuthorizationLayer = Layer.effect(
  OptionalAuthorization,
  Effect.map(AccessTokens, (tokens) =>
    Effect.fnUntraced(function* (httpEffect) {
      const request = yield* HttpServerRequest.HttpServerRequest
      const token = tokenOf(request.headers["authorization"])
      const visitor = token === undefined ? Option.none() : Option.some((yield* tokens.verify(token)).principal)
      return yield* Effect.provideService(httpEffect, CurrentVisitor, visitor)
    })
  )
)

export const RpcAuthorizationLayer = Layer.effect(
  RpcAuthorization,
  Effect.gen(function* () {
    const tokens = yield* AccessTokens
    const machines = yield* MachineCredentials
    const ofMachine = (headers: Headers.Headers) =>
      Effect.flatMap(
        Effect.serviceOption(HttpServerRequest.HttpServerRequest),
        Option.match({
          onNone: () => machines.ofHeaders(headers),
          onSome: (request) => machines.ofCall(request, headers)
        })
      )
    return Effect.fnUntraced(function* (effect, { headers, rpc }) {
      const token = tokenOf(headers["authorization"])
      const verified = yield* token === undefined ? ofMachine(headers) : tokens.verify(token)
      const forbidden = permit(verified, rpc.annotations)
      if (forbidden !== undefined) return yield* forbidden
      return yield* Effect.provideService(effect, CurrentUser, verified.principal)
    })
  })
)
