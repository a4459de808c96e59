import type { Duration } from "effect"
import { Context } from "effect"

/**
 * How often one caller may use an endpoint. Endpoints that name the same policy share one budget. `fixed-window` allows
 * `limit` calls in each `window`, and is shared by all processes where a shared store is configured. `token-bucket` allows
 * `limit` calls at once and refills evenly over `window`, in each process on its own.
 */
export interface RateLimitPolicy {
  readonly name: string
  readonly by: "ip" | "user"
  readonly algorithm: "fixed-window" | "token-bucket"
  readonly limit: number
  readonly window: Duration.Input
}

/**
 * The policy of an endpoint, beside the limits that hold for everything. `by: "user"` needs a signed-in caller and
 * does nothing where there is none.
 */
export const RateLimit = Context.Reference<RateLimitPolicy | undefined>("@mall/domain/kernel/RateLimit", {
  defaultValue: () => undefined
})
