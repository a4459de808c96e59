import type { RateLimitPolicy } from "@mall/domain/kernel/RateLimit"
import { Context, Duration, Effect, Layer, Option } from "effect"
import { RateLimiter } from "effect/persistence"
import { performance } from "node:perf_hooks"
import { EdgeConfig } from "./EdgeConfig.ts"
import { FixedWindows } from "./FixedWindows.ts"
import { TokenBuckets } from "./TokenBuckets.ts"

/** What a caller is told of a limit. Seconds are whole and rounded up. */
export interface Allowance {
  readonly allowed: boolean
  readonly limit: number
  readonly remaining: number
  readonly resetSeconds: number
  readonly retryAfterSeconds: number
}

/** So many clients are remembered per limit; a client not seen for so many others starts afresh. */
const capacity = 100_000

const seconds = (millis: number) => Math.max(1, Math.ceil(millis / 1000))

const ofWindow = (limit: number, remaining: number, resetMillis: number): Allowance => ({
  allowed: remaining >= 0,
  limit,
  remaining: Math.max(0, remaining),
  resetSeconds: seconds(resetMillis),
  retryAfterSeconds: seconds(resetMillis)
})

/**
 * Every limit of this process. Buckets are kept here; a fixed window is kept in the `RateLimiter` store where one is
 * provided (all processes then share it), and here while that store cannot be reached.
 */
export class RateLimits extends Context.Service<
  RateLimits,
  {
    readonly ip: TokenBuckets
    readonly user: TokenBuckets
    /** Takes one call of `policy` for the client or user `key`. Costs no I/O without a shared store. */
    take(policy: RateLimitPolicy, key: string): Effect.Effect<Allowance>
  }
>()("@mall/platform/http/RateLimits") {
  static readonly layer = Layer.effect(
    RateLimits,
    Effect.gen(function* () {
      const { rateLimit } = yield* EdgeConfig
      const shared = yield* Effect.serviceOption(RateLimiter.RateLimiter)
      const local = new Map<string, (key: string) => Allowance>()

      const localTake = (policy: RateLimitPolicy) => {
        const known = local.get(policy.name)
        if (known !== undefined) return known
        const made = makeLocal(policy)
        local.set(policy.name, made)
        return made
      }

      const takeShared = (limiter: RateLimiter.RateLimiter, policy: RateLimitPolicy, key: string) =>
        limiter
          .consume({
            algorithm: "fixed-window",
            key: `edge:${policy.name}:${key}`,
            limit: policy.limit,
            window: policy.window
          })
          .pipe(
            Effect.map(({ remaining, resetAfter }) => ofWindow(policy.limit, remaining, Duration.toMillis(resetAfter))),
            Effect.catchTag("RateLimiterError", ({ reason }) =>
              reason._tag === "RateLimitExceeded"
                ? Effect.succeed(ofWindow(policy.limit, -1, Duration.toMillis(reason.retryAfter)))
                : Effect.logWarning("The shared rate limits cannot be reached; this process counts alone", reason).pipe(
                    Effect.andThen(Effect.sync(() => localTake(policy)(key)))
                  )
            )
          )

      return RateLimits.of({
        ip: new TokenBuckets(rateLimit.ipPerSecond, rateLimit.ipBurst, capacity),
        user: new TokenBuckets(rateLimit.userPerSecond, rateLimit.userBurst, capacity),
        take: (policy, key) =>
          Option.isSome(shared) && policy.algorithm === "fixed-window"
            ? takeShared(shared.value, policy, key)
            : Effect.sync(() => localTake(policy)(key))
      })
    })
  )
}

const makeLocal = (policy: RateLimitPolicy): ((key: string) => Allowance) => {
  const millis = Duration.toMillis(Duration.fromInputUnsafe(policy.window))
  if (policy.algorithm === "fixed-window") {
    const windows = new FixedWindows(policy.limit, millis, capacity)
    return (key) => {
      const { remaining, resetMillis } = windows.take(key, performance.now())
      return ofWindow(policy.limit, remaining, resetMillis)
    }
  }
  const buckets = new TokenBuckets((policy.limit / millis) * 1000, policy.limit, capacity)
  return (key) => {
    const bucket = buckets.take(key, performance.now())
    return {
      allowed: bucket.allowed,
      limit: policy.limit,
      remaining: Math.floor(bucket.tokens),
      resetSeconds: buckets.resetSeconds(bucket),
      retryAfterSeconds: buckets.retryAfterSeconds(bucket)
    }
  }
}
