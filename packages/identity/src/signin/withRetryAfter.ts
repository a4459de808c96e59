import type { Overloaded, RateLimited } from "@mall/domain/kernel/EdgeError"
import { Effect } from "effect"
import { HttpEffect, HttpServerResponse } from "effect/http"

type Refusal = RateLimited | Overloaded

const isRefusal = (error: { readonly _tag: string }): error is Refusal =>
  error._tag === "RateLimited" || error._tag === "Overloaded"

/** Says in `Retry-After` too when a refused caller may come again. */
export const withRetryAfter = <A, E extends { readonly _tag: string }, R>(handler: Effect.Effect<A, E, R>) =>
  Effect.tapError(handler, (error) =>
    isRefusal(error)
      ? HttpEffect.appendPreResponseHandler((_request, response) =>
          Effect.succeed(HttpServerResponse.setHeader(response, "retry-after", String(error.retryAfterSeconds)))
        )
      : Effect.void
  )
