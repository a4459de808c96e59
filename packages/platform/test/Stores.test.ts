import * as Stores from "@mall/platform/Stores"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { skipReason, TestRedis } from "@mall/testing/TestRedis"
import { assert, describe, layer } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer, Metric, Redacted, Schedule, Schema } from "effect"
import { CircuitBreaker, PersistedCache, Persistable, RateLimiter } from "effect/persistence"

const configured = (settings: Record<string, string>) =>
  Layer.fresh(Stores.layer).pipe(
    Layer.provide(ConfigProvider.layerAdd(ConfigProvider.fromUnknown(settings), { asPrimary: true }))
  )

const take = (limiter: RateLimiter.RateLimiter, key: string) =>
  limiter.consume({ algorithm: "fixed-window", key, limit: 3, window: "1 hour" }).pipe(
    Effect.map(({ remaining }) => remaining),
    Effect.catchTag("RateLimiterError", ({ reason }) => Effect.succeed(reason._tag))
  )

class Square extends Persistable.Class<{ payload: { n: number } }>()("Square", {
  primaryKey: ({ n }) => `${n}`,
  success: Schema.Int
}) {}

const squares = Effect.gen(function* () {
  const calls: Array<number> = []
  const cache = yield* PersistedCache.make(
    ({ n }: Square) =>
      Effect.sync(() => {
        calls.push(n)
        return n * n
      }),
    { storeId: "squares", timeToLive: () => "1 hour", inMemoryCapacity: 1, inMemoryTTL: () => 0 }
  )
  return { calls, square: (n: number) => cache.get(new Square({ n })) }
})

const fallbacks = (store: string) =>
  Effect.map(Metric.snapshot, (all) => {
    const found = all.find((each) => each.id === "redis_fallbacks_total" && each.attributes?.["store"] === store)
    return found?.type === "Counter" ? Number(found.state.count) : 0
  })

describe("Stores", () => {
  layer(TestDatabase, { excludeTestServices: true })("without Redis", (it) => {
    it.effect("limits in the process, guards calls, and caches in the database", () =>
      Effect.gen(function* () {
        const context = yield* Layer.build(configured({}))
        const limiter = Context.get(context, RateLimiter.RateLimiter)
        const taken = yield* Effect.forEach([1, 2, 3, 4], () => take(limiter, "a"))
        assert.deepStrictEqual(taken, [2, 1, 0, "RateLimitExceeded"])
        yield* Effect.gen(function* () {
          const { calls, square } = yield* squares
          assert.deepStrictEqual([yield* square(3), yield* square(3)], [9, 9])
          assert.deepStrictEqual(calls, [3])
          const breaker = yield* CircuitBreaker.make({
            tripPolicy: CircuitBreaker.consecutive(1),
            openDuration: "1 hour"
          })
          yield* Effect.flip(breaker.execute(Effect.fail("down"), { key: "k" }))
          assert.strictEqual((yield* breaker.state("k"))._tag, "Open")
        }).pipe(Effect.provideContext(context))
      })
    )
  })

  describe.skipIf(skipReason !== undefined)(
    `on Redis${skipReason === undefined ? "" : ` (skipped: ${skipReason})`}`,
    () => {
      layer(Layer.mergeAll(TestDatabase, TestRedis.layer), { excludeTestServices: true })((it) => {
        it.effect("shares limits, breakers and caches between processes", () =>
          Effect.gen(function* () {
            const { url } = yield* TestRedis
            const process = Layer.build(configured({ REDIS_URL: Redacted.value(url) }))
            const [first, second] = [yield* process, yield* process]
            const taken = yield* Effect.forEach([first, second, first, second], (context) =>
              take(Context.get(context, RateLimiter.RateLimiter), "shared")
            )
            assert.deepStrictEqual(taken, [2, 1, 0, "RateLimitExceeded"])

            const makeBreaker = CircuitBreaker.make({
              tripPolicy: CircuitBreaker.consecutive(1),
              openDuration: "1 hour"
            })
            const [one, other] = yield* Effect.all([
              Effect.provideContext(makeBreaker, first),
              Effect.provideContext(makeBreaker, second)
            ])
            yield* Effect.flip(one.execute(Effect.fail("down"), { key: "shared" }))
            assert.strictEqual((yield* other.state("shared"))._tag, "Open")

            const here = yield* Effect.provideContext(squares, first)
            const there = yield* Effect.provideContext(squares, second)
            assert.deepStrictEqual([yield* here.square(4), yield* there.square(4)], [16, 16])
            assert.deepStrictEqual([here.calls, there.calls], [[4], []])
          })
        )

        it.effect("serves on while Redis is dead, and shares again when it is back", () =>
          Effect.gen(function* () {
            const redis = yield* TestRedis
            const context = yield* Layer.build(configured({ REDIS_URL: Redacted.value(redis.url) }))
            const limiter = Context.get(context, RateLimiter.RateLimiter)
            assert.strictEqual(yield* take(limiter, "killed"), 2)
            const before = yield* fallbacks("rate_limiter")
            yield* redis.kill

            const alone = yield* Effect.forEach([1, 2, 3, 4], () => take(limiter, "killed"))
            assert.deepStrictEqual(alone, [2, 1, 0, "RateLimitExceeded"])
            assert.strictEqual((yield* fallbacks("rate_limiter")) - before, 4)
            yield* Effect.gen(function* () {
              const { calls, square } = yield* squares
              assert.deepStrictEqual([yield* square(5), yield* square(5)], [25, 25])
              assert.deepStrictEqual(calls, [5, 5])
              const breaker = yield* CircuitBreaker.make({
                tripPolicy: CircuitBreaker.consecutive(1),
                openDuration: "1 hour"
              })
              assert.strictEqual(yield* breaker.execute(Effect.succeed("through"), { key: "k" }), "through")
            }).pipe(Effect.provideContext(context))

            yield* redis.start
            const back = yield* Effect.gen(function* () {
              const counted = yield* fallbacks("rate_limiter")
              const remaining = yield* take(limiter, "back")
              return (yield* fallbacks("rate_limiter")) === counted ? remaining : undefined
            }).pipe(
              Effect.repeat({ until: (remaining) => remaining !== undefined, schedule: Schedule.spaced("20 millis") }),
              Effect.timeout("10 seconds")
            )
            assert.strictEqual(back, 2)
          })
        )

        it.effect("starts although Redis is down, and does not hang on one that does not answer", () =>
          Effect.gen(function* () {
            const redis = yield* TestRedis
            const settings = { REDIS_URL: Redacted.value(redis.url), REDIS_COMMAND_TIMEOUT: "50 millis" }
            const frozen = Context.get(yield* Layer.build(configured(settings)), RateLimiter.RateLimiter)
            yield* redis.freeze
            const taken = yield* Effect.forEach([1, 2, 3, 4], () => take(frozen, "frozen"))
            assert.deepStrictEqual(taken, [2, 1, 0, "RateLimitExceeded"])
            yield* redis.resume

            yield* redis.kill
            const absent = Context.get(yield* Layer.build(configured(settings)), RateLimiter.RateLimiter)
            assert.strictEqual(yield* take(absent, "absent"), 2)
            yield* redis.start
          })
        )
      })
    }
  )
})
