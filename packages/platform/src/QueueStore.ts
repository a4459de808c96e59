import { Duration, Effect, Layer } from "effect"
import { PersistedQueue } from "effect/persistence"
import { SqlClient } from "effect/sql"
import * as OutboxTable from "./OutboxTable.ts"
import { lockExpiration, QueueClient } from "./QueueClient.ts"

/**
 * The outbox's table as `PersistedQueue`'s store, one per process. It looks for messages where it is woken (`Doorbell`,
 * `DueMessages`), and by itself only as often as locks expire: that is a statement for each queue.
 */
const layerStore = Layer.effect(
  PersistedQueue.PersistedQueueStore,
  Effect.gen(function* () {
    const expiration = yield* lockExpiration
    return yield* PersistedQueue.makeStoreSql({
      tableName: OutboxTable.name,
      pollInterval: expiration,
      lockExpiration: expiration,
      lockRefreshInterval: Duration.divideUnsafe(expiration, 3)
    }).pipe(Effect.provideServiceEffect(SqlClient.SqlClient, QueueClient))
  })
).pipe(Layer.provide(QueueClient.layer))

/** The store and the factory of queues on it. */
export const layer = PersistedQueue.layer.pipe(Layer.provideMerge(layerStore))
