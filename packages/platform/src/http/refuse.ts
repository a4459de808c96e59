import { RateLimited } from "@mall/domain/kernel/EdgeError"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { toResponse } from "./problems.ts"
import type { Allowance } from "./RateLimits.ts"

/** The answer to a call too many: 429 with when to come again. */
export const refuse = (allowance: Allowance) =>
  Effect.map(
    toResponse(new RateLimited({ retryAfterSeconds: allowance.retryAfterSeconds })),
    HttpServerResponse.setHeaders({
      "retry-after": String(allowance.retryAfterSeconds),
      "ratelimit-limit": String(allowance.limit),
      "ratelimit-remaining": String(allowance.remaining),
      "ratelimit-reset": String(allowance.resetSeconds)
    })
  )
