import { Array as Arr, Clock, Config, Duration, Effect, Layer, Metric, Option } from "effect"
import { CircuitBreaker, Persistence, RateLimiter } from "effect/persistence"
import { SqlClient } from "effect/sql"
import { Pools } from "./Sql.ts"

const fallbacks = (store: string) =>
  Metric.counter("redis_fallbacks_total", { incremental: true, attributes: { store } })

/** Effect's memory store forgets no key, so it is made anew this often: each limit then starts again. */
const memoryLifeMillis = Duration.toMillis("1 hour")

/** Rate limits of this process alone, in a bounded time's worth of keys. */
const layerRateLimiterMemory = Layer.effect(
  RateLimiter.RateLimiterStore,
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const make = RateLimiter.RateLimiterStore.pipe(Effect.provide(Layer.fresh(RateLimiter.layerStoreMemory)))
    let store = yield* make
    let madeAt = clock.currentTimeMillisUnsafe()
    const current = Effect.suspend(() => {
      if (clock.currentTimeMillisUnsafe() - madeAt < memoryLifeMillis) return Effect.succeed(store)
      madeAt = clock.currentTimeMillisUnsafe()
      return Effect.tap(make, (fresh) => Effect.sync(() => (store = fresh)))
    })
    return RateLimiter.RateLimiterStore.of({
      fixedWindow: (options) => Effect.flatMap(current, (self) => self.fixedWindow(options)),
      tokenBucket: (options) => Effect.flatMap(current, (self) => self.tokenBucket(options)),
      adaptiveConsume: (options) => Effect.flatMap(current, (self) => self.adaptiveConsume(options)),
      adaptiveFeedback: (options) => Effect.flatMap(current, (self) => self.adaptiveFeedback(options))
    })
  })
)

/** Limits that all processes share; while Redis cannot be reached each process counts for itself. */
const layerRateLimiterRedis = Layer.effect(
  RateLimiter.RateLimiterStore,
  Effect.gen(function* () {
    const shared = yield* RateLimiter.RateLimiterStore.pipe(Effect.provide(RateLimiter.layerStoreRedis()))
    const own = yield* RateLimiter.RateLimiterStore.pipe(Effect.provide(Layer.fresh(layerRateLimiterMemory)))
    const orElse = <A>(
      first: Effect.Effect<A, RateLimiter.RateLimiterError>,
      second: Effect.Effect<A, RateLimiter.RateLimiterError>
    ) =>
      Effect.catchReason(first, "RateLimiterError", "RateLimitStoreError", () =>
        Effect.andThen(Metric.update(fallbacks("rate_limiter"), 1), second)
      )
    return RateLimiter.RateLimiterStore.of({
      fixedWindow: (options) => orElse(shared.fixedWindow(options), own.fixedWindow(options)),
      tokenBucket: (options) => orElse(shared.tokenBucket(options), own.tokenBucket(options)),
      adaptiveConsume: (options) => orElse(shared.adaptiveConsume(options), own.adaptiveConsume(options)),
      adaptiveFeedback: (options) => orElse(shared.adaptiveFeedback(options), own.adaptiveFeedback(options))
    })
  })
)

/** A cache in Redis: while it cannot be reached nothing is found and nothing kept. Removing fails, for it must be known. */
const layerCacheRedis = Layer.effect(
  Persistence.BackingPersistence,
  Effect.gen(function* () {
    const shared = yield* Persistence.BackingPersistence.pipe(Effect.provide(Persistence.layerBackingRedis))
    const orElse = <A>(effect: Effect.Effect<A, Persistence.PersistenceError>, value: A) =>
      Effect.catchTag(effect, "PersistenceError", () => Effect.as(Metric.update(fallbacks("cache"), 1), value))
    return Persistence.BackingPersistence.of({
      make: (storeId) =>
        Effect.map(shared.make(storeId), (store) => ({
          ...store,
          get: (key) => orElse(store.get(key), undefined),
          getMany: (keys) =>
            Effect.catchTag(store.getMany(keys), "PersistenceError", () =>
              Effect.as(
                Metric.update(fallbacks("cache"), 1),
                Arr.map(keys, () => undefined)
              )
            ),
          set: (key, value, timeToLive) => orElse(store.set(key, value, timeToLive), undefined),
          setMany: (entries) => orElse(store.setMany(entries), undefined)
        }))
    })
  })
)

/** Caches make their tables themselves, on connections of their own that may. */
const layerCacheSql = Persistence.layerSql.pipe(
  Layer.provide(
    Layer.effect(
      SqlClient.SqlClient,
      Pools.use(({ makePlatform }) => makePlatform("caches", { applicationName: "mall caches", maxConnections: 2 }))
    )
  ),
  Layer.orDie
)

const layerMemory = Layer.mergeAll(
  RateLimiter.layer.pipe(Layer.provide(layerRateLimiterMemory)),
  CircuitBreaker.layerStoreMemory(),
  layerCacheSql
)

/** The breakers' own rule for a store that fails is to let the call through, unrecorded. */
const layerRedis = Layer.mergeAll(
  RateLimiter.layer.pipe(Layer.provide(layerRateLimiterRedis)),
  CircuitBreaker.layerStoreRedis(),
  Persistence.layer.pipe(Layer.provide(layerCacheRedis))
)

/**
 * Where rate limits, circuit breakers and caches are kept: in Redis, shared by all processes, where `REDIS_URL` is set; else
 * in this process, and caches in the database. A Redis that is down at the start or later costs precision, never service.
 */
export const layer = Layer.unwrap(
  Effect.map(
    Config.option(Config.Redacted("REDIS_URL")),
    Option.match({
      onNone: () => layerMemory,
      onSome: (url) =>
        // loaded where it is used: most starts have no Redis
        Layer.unwrap(
          Effect.map(
            Effect.promise(() => import("./Redis.ts")),
            ({ layer }) => Layer.provide(layerRedis, layer(url))
          )
        )
    })
  )
)
