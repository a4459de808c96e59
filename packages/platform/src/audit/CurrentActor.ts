import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import type { AuditActor, AuditOrigin } from "@mall/domain/operations/Audit"
import { Context, Effect, Option } from "effect"
import { HttpServerRequest } from "effect/http"
import { currentTraceId } from "../currentTraceId.ts"
import { CurrentRequest } from "../http/RequestInfo.ts"

/**
 * Who acts, where it is not the signed-in user: set once around a whole command or request. With neither it is the mall
 * itself.
 */
export const CurrentActor = Context.Reference<AuditActor | undefined>("@mall/platform/audit/CurrentActor", {
  defaultValue: () => undefined
})

const system: AuditActor = { kind: "system", id: "system", roles: [] }

const longestUserAgent = 256

/** An address of IPv4 without its last part; of IPv6 the edge gives the network already. */
export const networkOf = (limitKey: string) => limitKey.replace(/^(\d+\.\d+\.\d+)\.\d+$/, "$1.0/24")

const userAgentOf = (request: HttpServerRequest.HttpServerRequest) =>
  request.headers["user-agent"]?.slice(0, longestUserAgent).replaceAll("\u0000", "").toWellFormed()

export interface Stamp {
  readonly actor: AuditActor
  readonly origin: AuditOrigin
}

/** Who acts in this fiber, and from where: taken before the work goes to a fiber that serves many. */
export const currentStamp: Effect.Effect<Stamp> = Effect.gen(function* () {
  const given = yield* CurrentActor
  const user = yield* Effect.serviceOption(CurrentUser)
  const request = yield* CurrentRequest
  const http = yield* Effect.serviceOption(HttpServerRequest.HttpServerRequest)
  const actor =
    given ??
    Option.match(user, {
      onNone: () => system,
      onSome: ({ roles, userId }): AuditActor => ({ kind: "user", id: userId, roles })
    })
  return {
    actor,
    origin: {
      network: request === undefined ? null : networkOf(request.limitKey),
      userAgent: Option.getOrNull(Option.flatMapNullishOr(http, userAgentOf)),
      requestId: request?.requestId ?? null,
      traceId: request?.traceId ?? (yield* currentTraceId)
    }
  }
})
