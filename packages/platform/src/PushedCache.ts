import { Clock, Deferred, Duration, Effect, Exit, Metric, Option, Schema } from "effect"
import type { Scope } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { randomUUID } from "node:crypto"
import { maxPayloadBytes, Notifications } from "./Notifications.ts"

/**
 * Rows kept in the process, dropped in every process as soon as a change of them commits.
 *
 * What is read is at most as old as the last commit that was announced, plus the flight of a notification (milliseconds).
 * While the listening connection is down nothing is announced: the cache is emptied when that is noticed and again when
 * the connection is re-made, and `timeToLive` bounds how old a value can be in between.
 */
export interface PushedCache<K extends string, V, E> {
  /** The value of `key`, loaded if it is not here; none where there is no such row, which is remembered too. */
  get(key: K): Effect.Effect<Option.Option<V>, E>
  /** The values of those keys that have one. */
  getMany(keys: Iterable<K>): Effect.Effect<ReadonlyMap<K, V>, E>
  /** What is here now, for paths that cannot wait: undefined also where nobody knows. */
  peek(key: K): V | undefined
  /**
   * Drops `keys` everywhere once the ambient transaction commits, at once if there is none. To be called in the transaction
   * of every change, also of an insert, since absence is remembered. It costs that transaction a notification.
   */
  invalidate(keys: ReadonlyArray<K>): Effect.Effect<void, SqlError>
}

export interface Options<K extends string, V, E, R> {
  /** The name under which processes tell each other, and of the metrics. */
  readonly channel: string
  /** Above it, what was not used for longest leaves. */
  readonly capacity: number
  readonly timeToLive: Duration.Input
  /** Loads many at once, outside any transaction of the caller; keys that have no row are left out of the answer. */
  readonly lookup: (keys: ReadonlyArray<K>) => Effect.Effect<ReadonlyMap<K, V>, E, R>
}

interface Entry<V> {
  readonly value: Option.Option<V>
  readonly expiresAt: number
}

type Pending<V, E> = Deferred.Deferred<Option.Option<V>, E>

const maxLoadSize = 500

/** Lookups under way at the same time; further misses gather for the next one. */
const maxLookups = 4

/** A change of more keys than this empties the caches instead of naming them. */
const maxAnnouncedKeys = 2_000

/** A payload also names the announcement that it is of. */
const maxKeyBytes = maxPayloadBytes - 60

/** Announcements of its own that a cache knows again; of an older one it drops the keys once more. */
const maxOwn = 1_000

/** The payload that names no key, and so means all of them. */
const everything = "*"

const Keys = Schema.fromJsonString(Schema.Array(Schema.String))
const encodeKeys = Schema.encodeSync(Keys)
const decodeKeys = Schema.decodeUnknownOption(Keys)

/** Payloads that name all of `keys`, each of a size that PostgreSQL takes. */
const payloadsOf = (keys: ReadonlyArray<string>) => {
  if (keys.length > maxAnnouncedKeys) return [everything]
  const payloads: Array<string> = []
  let chunk: Array<string> = []
  let bytes = 2
  for (const key of keys) {
    const size = Buffer.byteLength(encodeKeys([key]))
    if (chunk.length > 0 && bytes + size > maxKeyBytes) {
      payloads.push(encodeKeys(chunk))
      chunk = []
      bytes = 2
    }
    chunk.push(key)
    bytes += size
  }
  return chunk.length === 0 ? payloads : [...payloads, encodeKeys(chunk)]
}

export const make = Effect.fnUntraced(function* <K extends string, V, E, R>(
  options: Options<K, V, E, R>
): Effect.fn.Return<PushedCache<K, V, E>, never, R | Scope.Scope | Notifications | SqlClient.SqlClient> {
  const { capacity, channel, lookup } = options
  const timeToLive = Duration.toMillis(Duration.fromInputUnsafe(options.timeToLive))
  const sql = yield* SqlClient.SqlClient
  const notifications = yield* Notifications
  const scope = yield* Effect.scope
  const context = yield* Effect.context<R>()
  const clock = yield* Clock.Clock
  const instance = randomUUID()
  const loaded = Metric.counter("cache_loads_total", { incremental: true, attributes: { cache: channel } })
  const dropped = Metric.counter("cache_invalidations_total", { incremental: true, attributes: { cache: channel } })

  // A Map keeps the order of insertion: the first entry is the one not used for longest.
  const entries = new Map<string, Entry<V>>()
  // What is being loaded. A key that is dropped leaves, so that what its load brings is given to those who waited and
  // not kept, and whoever asks from then on makes a new load.
  const pending = new Map<string, Pending<V, E>>()
  const wanted: Array<readonly [K, Pending<V, E>]> = []
  let lookups = 0
  // What was announced here and is known to be committed.
  const own = new Set<string>()
  let announced = 0

  const find = (key: K) => {
    const entry = entries.get(key)
    if (entry === undefined) return undefined
    entries.delete(key)
    if (entry.expiresAt <= clock.currentTimeMillisUnsafe()) return undefined
    entries.set(key, entry)
    return entry.value
  }

  const keep = (key: K, value: Option.Option<V>) => {
    entries.set(key, { value, expiresAt: clock.currentTimeMillisUnsafe() + timeToLive })
    if (entries.size <= capacity) return
    for (const oldest of entries.keys()) {
      entries.delete(oldest)
      return
    }
  }

  const drop = (keys: Iterable<string>) => {
    for (const key of keys) {
      entries.delete(key)
      pending.delete(key)
    }
  }

  const dropAll = () => {
    entries.clear()
    pending.clear()
  }

  const settle = (batch: ReadonlyArray<readonly [K, Pending<V, E>]>, exit: Exit.Exit<ReadonlyMap<K, V>, E>) => {
    for (const [key, waiting] of batch) {
      const value = Exit.map(exit, (rows) => Option.fromUndefinedOr(rows.get(key)))
      if (pending.get(key) === waiting) {
        pending.delete(key)
        if (Exit.isSuccess(value)) keep(key, value.value)
      }
      Deferred.doneUnsafe(waiting, value)
    }
  }

  const loadWanted = Effect.fnUntraced(function* () {
    // Misses of one tick go together.
    yield* Effect.yieldNow
    while (wanted.length > 0) {
      const batch = wanted.splice(0, maxLoadSize)
      const keys = new Set(batch.map(([key]) => key))
      yield* Metric.update(loaded, keys.size)
      yield* Effect.suspend(() => lookup([...keys])).pipe(
        Effect.withSpan("PushedCache.load", { root: true, attributes: { cache: channel, keys: keys.size } }),
        Effect.onExit((exit) => Effect.sync(() => settle(batch, exit))),
        Effect.exit
      )
    }
  })

  // In the cache's own scope and context: who asked first may leave, and its transaction must not be read from.
  const startLoading = Effect.suspend(() => {
    if (lookups >= maxLookups || wanted.length === 0) return Effect.void
    lookups++
    return loadWanted().pipe(
      Effect.ensuring(Effect.sync(() => lookups--)),
      Effect.updateContext<never, R>(() => context),
      Effect.forkIn(scope),
      Effect.asVoid
    )
  })

  const want = (key: K) => {
    const underWay = pending.get(key)
    if (underWay !== undefined) return underWay
    const waiting = Deferred.makeUnsafe<Option.Option<V>, E>()
    pending.set(key, waiting)
    wanted.push([key, waiting])
    return waiting
  }

  const get = (key: K) =>
    Effect.suspend(() => {
      const found = find(key)
      if (found !== undefined) return Effect.succeed(found)
      const waiting = want(key)
      return Effect.andThen(startLoading, Deferred.await(waiting))
    })

  const getMany = Effect.fnUntraced(function* (keys: Iterable<K>) {
    const result = new Map<K, V>()
    const missing: Array<readonly [K, Pending<V, E>]> = []
    for (const key of keys) {
      const found = find(key)
      if (found === undefined) missing.push([key, want(key)])
      else if (Option.isSome(found)) result.set(key, found.value)
    }
    if (missing.length === 0) return result
    yield* startLoading
    for (const [key, waiting] of missing) {
      const value = yield* Deferred.await(waiting)
      if (Option.isSome(value)) result.set(key, value.value)
    }
    return result
  })

  const invalidate = Effect.fnUntraced(function* (keys: ReadonlyArray<K>) {
    if (keys.length === 0) return
    const announcement = `${instance}.${++announced}`
    // This process drops them at once, so that who changed a row reads the change.
    yield* sql.afterCommit(
      Effect.sync(() => {
        drop(keys)
        own.add(announcement)
        for (const oldest of own.size > maxOwn ? own : []) {
          own.delete(oldest)
          break
        }
      })
    )
    yield* notifications.notify(
      channel,
      payloadsOf(keys).map((payload) => `${announcement} ${payload}`)
    )
    yield* Metric.update(dropped, keys.length)
  })

  yield* notifications.subscribe(channel, {
    onPayload: (payload) => {
      const separator = payload.indexOf(" ")
      // What this cache knows to be committed it has dropped already, and may have loaded anew since. Where the answer to a
      // `COMMIT` was lost it knows nothing, and hears of it here.
      if (own.has(payload.slice(0, separator))) return
      Option.match(decodeKeys(payload.slice(separator + 1)), { onNone: dropAll, onSome: drop })
    },
    onGap: dropAll
  })

  return { get, getMany, peek: (key) => Option.getOrUndefined(find(key) ?? Option.none()), invalidate }
})
