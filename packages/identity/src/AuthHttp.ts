import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { MallApi } from "@mall/domain/MallApi"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Keys } from "./Keys.ts"
import { Logins } from "./Logins.ts"
import { originOf } from "./originOf.ts"
import { Sessions } from "./Sessions.ts"
import { verificationResponse } from "./verificationResponse.ts"
import { withRetryAfter } from "./withRetryAfter.ts"

const verify = () => Effect.map(CurrentUser, verificationResponse)

export const AuthHttp = ApiGroup.group(
  MallApi,
  "auth",
  Effect.fn(function* (handlers) {
    const logins = yield* Logins
    const sessions = yield* Sessions
    return handlers.handleAll({
      login: ({ payload, request }) => withRetryAfter(logins.login(payload, originOf(request))),
      refresh: ({ payload, request }) => sessions.refresh(payload.refreshToken, originOf(request)),
      logout: () => Effect.flatMap(CurrentUser, sessions.end),
      verify,
      verifyByPost: verify,
      verifyAccessToken: verify,
      verifyAccessTokenByPost: verify
    })
  })
)

/** Verifiers may keep the keys for five minutes; one that meets a new key before asks again. */
const cacheControl = { "cache-control": "public, max-age=300" }

export const JwksHttp = ApiGroup.group(
  MallApi,
  "jwks",
  Effect.fn(function* (handlers) {
    const keys = yield* Keys
    return handlers.handleAll({
      keys: () =>
        Effect.map(keys.published, (keys) => HttpServerResponse.jsonUnsafe({ keys }, { headers: cacheControl }))
    })
  })
)
