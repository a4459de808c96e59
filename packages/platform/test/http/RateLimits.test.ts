import type { RateLimitPolicy } from "@mall/domain/kernel/RateLimit"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer } from "effect"
import { RateLimiter } from "effect/persistence"
import { RateLimits } from "../../src/http/RateLimits.ts"

const policy: RateLimitPolicy = { name: "login", by: "ip", algorithm: "fixed-window", limit: 2, window: "1 minute" }

const build = <R>(layer: Layer.Layer<RateLimits, unknown, R>) =>
  Effect.map(Layer.build(Layer.fresh(layer)), (services) => Context.get(services, RateLimits))

const configured = RateLimits.layer.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({}))))

describe("RateLimits", () => {
  it.live("shares fixed windows between processes through the store", () =>
    Effect.gen(function* () {
      const store = yield* Layer.build(RateLimiter.layer.pipe(Layer.provide(RateLimiter.layerStoreMemory)))
      const shared = configured.pipe(Layer.provide(Layer.succeedContext(store)))
      const [one, other] = [yield* build(shared), yield* build(shared)]
      const answers = [yield* one.take(policy, "a"), yield* other.take(policy, "a"), yield* one.take(policy, "a")]
      assert.deepStrictEqual(
        answers.map(({ allowed, remaining }) => [allowed, remaining]),
        [
          [true, 1],
          [true, 0],
          [false, 0]
        ]
      )
      assert.isTrue((yield* other.take(policy, "b")).allowed)
    }).pipe(Effect.scoped)
  )

  it.live("counts alone while the store cannot be reached", () =>
    Effect.gen(function* () {
      const unreachable = new RateLimiter.RateLimiterError({
        reason: new RateLimiter.RateLimitStoreError({ message: "connection refused" })
      })
      const working = yield* RateLimiter.make.pipe(Effect.provide(RateLimiter.layerStoreMemory))
      const broken = Layer.succeed(RateLimiter.RateLimiter, { ...working, consume: () => Effect.fail(unreachable) })
      const limits = yield* build(configured.pipe(Layer.provide(broken)))
      const take = limits.take(policy, "a")
      assert.deepStrictEqual([(yield* take).allowed, (yield* take).allowed, (yield* take).allowed], [true, true, false])
    }).pipe(Effect.scoped)
  )
})
