import type { ServiceName } from "@mall/domain/identity/ServiceName"
import { Clock, Context, DateTime, Effect, Layer, Option, Semaphore } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { timingSafeEqual } from "node:crypto"
import { hashOf, isServiceToken } from "./serviceTokenText.ts"
import { ServiceTokenRepo } from "./ServiceTokenRepo.ts"
import type { ServiceTokenRow } from "./ServiceTokenRepo.ts"

/** Lookups under way at the same time, while nothing is heard of: tokens that somebody makes up ask for no more at once. */
const maxLookups = 4

/**
 * The service tokens that are good, in memory: they are few. `IdentityListener` keeps them current; while that is not
 * connected each call asks the database.
 */
export class ServiceTokenMemory extends Context.Service<
  ServiceTokenMemory,
  {
    /** The service that may call `calledService` with `token`; none where it may not, whatever the reason. */
    callerOf(token: string, calledService: ServiceName): Effect.Effect<Option.Option<ServiceName>>
    /** Reads all tokens anew. */
    readonly reload: Effect.Effect<void, SqlError>
    /** Whether every change is being heard of. */
    setConnected(connected: boolean): void
  }
>()("@mall/identity/services/ServiceTokenMemory") {
  static readonly layerNoDeps = Layer.effect(
    ServiceTokenMemory,
    Effect.gen(function* () {
      const repo = yield* ServiceTokenRepo
      const clock = yield* Clock.Clock
      const lookups = Semaphore.makeUnsafe(maxLookups)
      // one after the other, so that what was read later is what stays
      const reloads = Semaphore.makeUnsafe(1)
      let connected = false
      let known: ReadonlyArray<ServiceTokenRow> = []

      const read = Effect.flatMap(DateTime.nowAsDate, repo.active)

      const callerOf = Effect.fnUntraced(function* (token: string, calledService: ServiceName) {
        if (!isServiceToken(token)) return Option.none<ServiceName>()
        const rows = connected ? known : yield* lookups.withPermit(Effect.catchTag(read, "SqlError", Effect.die))
        return findCaller(rows, hashOf(token), calledService, clock.currentTimeMillisUnsafe())
      })

      return ServiceTokenMemory.of({
        callerOf,
        reload: reloads.withPermit(
          Effect.map(read, (rows) => {
            known = rows
          })
        ),
        setConnected: (value) => {
          connected = value
        }
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(ServiceTokenRepo.layer))
}

/** Looks at every token, whatever it finds: the time tells nothing of which is right, or how nearly. */
const findCaller = (rows: ReadonlyArray<ServiceTokenRow>, hash: Uint8Array, called: ServiceName, now: number) => {
  let caller = Option.none<ServiceName>()
  for (const row of rows) {
    const isEqual = timingSafeEqual(row.hash, hash)
    if (isEqual && row.calledService === called && row.expiresAt.getTime() > now) {
      caller = Option.some(row.callingService)
    }
  }
  return caller
}
