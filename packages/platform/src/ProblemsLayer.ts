import { InternalError } from "@mall/domain/kernel/EdgeError"
import { Problems } from "@mall/domain/kernel/Problems"
import { RateLimit } from "@mall/domain/kernel/RateLimit"
import type { RateLimitPolicy } from "@mall/domain/kernel/RateLimit"
import { Cause, Context, Effect, Layer, Option, Predicate } from "effect"
import { HttpEffect, HttpServerResponse } from "effect/http"
import { HttpApiError } from "effect/http-api"
import type { HttpApiEndpoint } from "effect/http-api"
import { EdgeConfig } from "./http/EdgeConfig.ts"
import { readCause, toResponse } from "./http/problems.ts"
import { RateLimits } from "./http/RateLimits.ts"
import { refuse } from "./http/refuse.ts"
import { CurrentRequest } from "./http/RequestInfo.ts"
import { makeTraceId } from "./telemetry/traceContext.ts"

/** The errors an endpoint declares are its own business; what is left is a shape error or a defect. */
const isDeclared = (cause: Cause.Cause<unknown>) =>
  cause.reasons.some(
    (reason) =>
      Cause.isFailReason(reason) &&
      !HttpApiError.HttpApiSchemaError.is(reason.error) &&
      !HttpApiError.HttpApiPayloadTooLarge.is(reason.error)
  )

/** An error that says when to try again says so in `Retry-After` too. */
const tellWhen = (error: unknown) =>
  Predicate.hasProperty(error, "retryAfterSeconds") && Predicate.isNumber(error.retryAfterSeconds)
    ? HttpEffect.appendPreResponseHandler((_, response) =>
        Effect.succeed(HttpServerResponse.setHeader(response, "retry-after", String(error.retryAfterSeconds)))
      )
    : Effect.void

/**
 * `Problems`, and the rate limit of endpoints that have one per client (`RateLimit`; for signing in,
 * `RATE_LIMIT_AUTH_PER_MINUTE` holds without an annotation, and `RATE_LIMIT_REGISTER_PER_MINUTE` and
 * `RATE_LIMIT_EMAIL_CODE_PER_MINUTE` go before the annotations of `register` and `email_code`). Limits per user are taken by `Callers`.
 */
export const ProblemsLayer = Layer.effect(
  Problems,
  Effect.gen(function* () {
    const limits = yield* RateLimits
    const { maxBody, rateLimit } = yield* EdgeConfig

    const signIn: RateLimitPolicy = {
      name: "auth",
      by: "ip",
      algorithm: "fixed-window",
      limit: rateLimit.authPerMinute,
      window: "1 minute"
    }

    const configured = new Map([
      ["register", rateLimit.registerPerMinute],
      ["email_code", rateLimit.emailCodePerMinute]
    ])

    const declaredOf = (endpoint: HttpApiEndpoint.Top) => {
      const policy = Context.get(endpoint.annotations, RateLimit)
      if (policy === undefined) return undefined
      return { ...policy, limit: Option.getOrElse(configured.get(policy.name) ?? Option.none(), () => policy.limit) }
    }

    // A token is verified for every page that is shown, and without I/O: the general limits are enough for that.
    const policyOf = (endpoint: HttpApiEndpoint.Top) =>
      declaredOf(endpoint) ??
      (endpoint.path.startsWith("/api/v1/auth/") && !endpoint.path.endsWith("/verify") ? signIn : undefined)

    return Problems.of((httpEffect, { endpoint }) => {
      const answer = Effect.fnUntraced(function* (cause: Cause.Cause<unknown>) {
        const reading = readCause(cause, maxBody)
        if (reading.kind === "problem") return yield* toResponse(reading.problem)
        const traceId = (yield* CurrentRequest)?.traceId ?? makeTraceId()
        yield* Effect.logError(`Defect in ${endpoint.method} ${endpoint.path}`, cause).pipe(
          Effect.annotateLogs({ traceId })
        )
        return yield* toResponse(new InternalError({ traceId }))
      })

      const guarded = Effect.catchCauseIf(
        Effect.tapError(httpEffect, tellWhen),
        (cause) => !isDeclared(cause) && readCause(cause, maxBody).kind !== "none",
        answer
      )

      const policy = policyOf(endpoint)
      if (policy?.by !== "ip") return guarded
      return Effect.flatMap(CurrentRequest, (request) =>
        request === undefined
          ? guarded
          : Effect.flatMap(limits.take(policy, request.limitKey), (allowance) =>
              allowance.allowed ? guarded : refuse(allowance)
            )
      )
    })
  })
)
