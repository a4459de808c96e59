import { Duration, Effect, Exit, Option, Scope, Semaphore } from "effect"

/** Adapters that are kept; each holds connections of its own. */
const capacity = 500
/** Longer than anybody goes on holding one that was put away, and than its last call takes. */
const grace = Duration.minutes(5)

interface Entry<A> {
  readonly adapter: A
  readonly scope: Scope.Closeable
}

/**
 * Adapters by the version of the credentials, which never changes, each made once. Above the capacity, the one that was not asked
 * for longest is put away, and closed a while later, when its last call is over.
 */
export const makeAdapterPool = Effect.fnUntraced(function* <K, A>() {
  const parent = yield* Effect.scope
  const making = yield* Semaphore.make(1)
  const entries = new Map<K, Entry<A>>()

  const putAwayOldest = Effect.suspend(() => {
    const [oldest] = entries
    if (oldest === undefined || entries.size <= capacity) return Effect.void
    const [key, { scope }] = oldest
    entries.delete(key)
    return Scope.close(scope, Exit.void).pipe(Effect.delay(grace), Effect.forkIn(parent), Effect.asVoid)
  })

  const touch = (key: K) => {
    const entry = entries.get(key)
    if (entry === undefined) return undefined
    entries.delete(key)
    entries.set(key, entry)
    return entry.adapter
  }

  /** What is none, or fails, is not kept. */
  const get = <E>(key: K, make: Effect.Effect<Option.Option<A>, E, Scope.Scope>): Effect.Effect<Option.Option<A>, E> =>
    making.withPermit(
      Effect.uninterruptible(
        Effect.gen(function* () {
          const known = touch(key)
          if (known !== undefined) return Option.some(known)
          const scope = yield* Scope.fork(parent)
          const made = yield* Scope.provide(make, scope).pipe(
            Effect.onExit((exit) =>
              Exit.isSuccess(exit) && Option.isSome(exit.value) ? Effect.void : Scope.close(scope, Exit.void)
            )
          )
          if (Option.isNone(made)) return made
          entries.set(key, { adapter: made.value, scope })
          yield* putAwayOldest
          return made
        })
      )
    )

  return { get }
})
