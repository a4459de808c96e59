import { Config, Duration, Effect, Layer } from "effect"
import { PersistedQueue } from "effect/persistence"
import * as OutboxTable from "./OutboxTable.ts"

const StoreConfig = Config.all({
  pollInterval: Config.Duration("QUEUE_POLL_INTERVAL").pipe(Config.withDefault(Duration.millis(200))),
  lockExpiration: Config.Duration("QUEUE_LOCK_EXPIRATION").pipe(Config.withDefault(Duration.seconds(30)))
})

/**
 * The outbox's table as `PersistedQueue`'s store, one per process. `QUEUE_POLL_INTERVAL` (200 ms) bounds how late a delayed
 * message and one whose ring was lost are taken; `QUEUE_LOCK_EXPIRATION` (30 s) is how long after a crash what the
 * process was handling is given to another. A handler may run longer: its lock is refreshed meanwhile.
 */
const layerStore = Layer.effect(
  PersistedQueue.PersistedQueueStore,
  Effect.gen(function* () {
    const { lockExpiration, pollInterval } = yield* StoreConfig
    return yield* PersistedQueue.makeStoreSql({
      tableName: OutboxTable.name,
      pollInterval,
      lockExpiration,
      lockRefreshInterval: Duration.divideUnsafe(lockExpiration, 3)
    })
  })
)

/** The store and the factory of queues on it. */
export const layer = PersistedQueue.layer.pipe(Layer.provideMerge(layerStore))
