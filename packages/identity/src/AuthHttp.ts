import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { MallApi } from "@mall/domain/MallApi"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { ReadyAnswers } from "@mall/platform/http/ReadyAnswers"
import { AccessTokens } from "./tokens/AccessTokens.ts"
import { permit, tokenOf } from "./tokens/AuthorizationLayers.ts"
import { EmailCodes } from "./signin/EmailCodes.ts"
import { Keys } from "./tokens/Keys.ts"
import { Logins } from "./signin/Logins.ts"
import { originOf } from "./signin/originOf.ts"
import { PasswordResets } from "./signin/PasswordResets.ts"
import { Sessions } from "./tokens/Sessions.ts"
import { StepUps } from "./signin/StepUps.ts"
import { verificationResponse } from "./tokens/verificationResponse.ts"
import { withRetryAfter } from "./signin/withRetryAfter.ts"

const verify = () => Effect.map(CurrentUser, verificationResponse)

/** A token that is known and good needs no more than a look; whatever is wrong with one, the endpoint tells. */
const serveVerifications = Effect.gen(function* () {
  const ready = yield* ReadyAnswers
  const tokens = yield* AccessTokens
  const { verify, verifyAccessToken } = MallApi.groups.auth.endpoints
  for (const endpoint of [verify, verifyAccessToken]) {
    ready.add(endpoint, ({ headers }) =>
      Effect.matchEager(tokens.verify(tokenOf(headers.authorization) ?? ""), {
        onFailure: () => undefined,
        onSuccess: (verified) =>
          permit(verified, endpoint.annotations) === undefined
            ? { response: verificationResponse(verified.principal), userId: verified.principal.userId }
            : undefined
      })
    )
  }
})

export const AuthHttp = ApiGroup.group(
  MallApi,
  "auth",
  Effect.fn(function* (handlers) {
    const logins = yield* Logins
    const sessions = yield* Sessions
    const codes = yield* EmailCodes
    const resets = yield* PasswordResets
    const stepUps = yield* StepUps
    yield* serveVerifications
    return handlers.handleAll({
      login: ({ payload, request }) => withRetryAfter(logins.login(payload, originOf(request))),
      sendCode: ({ payload }) => codes.request(payload),
      resetPassword: ({ payload, request }) => withRetryAfter(resets.reset(payload, originOf(request))),
      stepUp: ({ payload }) => withRetryAfter(Effect.flatMap(CurrentUser, (user) => stepUps.prove(user, payload))),
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
