import { Config, Duration, Effect, Layer } from "effect"
import { PersistedQueue } from "effect/persistence"
import { SqlClient } from "effect/sql"
import { locksAsParameters } from "./locksAsParameters.ts"
import * as OutboxTable from "./OutboxTable.ts"
import { Pools } from "./Sql.ts"

const StoreConfig = Config.all({
  pollInterval: Config.Duration("QUEUE_POLL_INTERVAL").pipe(Config.withDefault(Duration.millis(200))),
  lockExpiration: Config.Duration("QUEUE_LOCK_EXPIRATION").pipe(Config.withDefault(Duration.seconds(30))),
  maxConnections: Config.Int("QUEUE_MAX_CONNECTIONS").pipe(Config.withDefault(4))
})

/** More than `alongKeys` says: each plan is made once in a connection, and takes the messages in their order. */
const plannedOnce = {
  plan_cache_mode: "force_generic_plan",
  ...{ enable_bitmapscan: "off", enable_sort: "off", enable_material: "off" }
}

/**
 * The outbox's table as `PersistedQueue`'s store, one per process. `QUEUE_POLL_INTERVAL` (200 ms) bounds how late a delayed
 * message and one whose ring was lost are taken; `QUEUE_LOCK_EXPIRATION` (30 s) is how long after a crash what the
 * process was handling is given to another (a handler may run longer: its lock is refreshed meanwhile);
 * `QUEUE_MAX_CONNECTIONS` (4) is the size of its own pool.
 */
const layerStore = Layer.effect(
  PersistedQueue.PersistedQueueStore,
  Effect.gen(function* () {
    const { lockExpiration, maxConnections, pollInterval } = yield* StoreConfig
    // Connections for taking and settling alone, whose commits do not wait for the disk: after a crash of the database a lost
    // settlement is one more delivery, which a subscriber must bear anyway. Publishing and handling use the ordinary pool.
    const { makePlatform } = yield* Pools
    const client = yield* makePlatform("queues", {
      applicationName: "mall queues",
      maxConnections,
      adapt: locksAsParameters,
      startupParameters: { synchronous_commit: "off", ...plannedOnce }
    })
    return yield* PersistedQueue.makeStoreSql({
      tableName: OutboxTable.name,
      pollInterval,
      lockExpiration,
      lockRefreshInterval: Duration.divideUnsafe(lockExpiration, 3)
    }).pipe(Effect.provideService(SqlClient.SqlClient, client))
  })
)

/** The store and the factory of queues on it. */
export const layer = PersistedQueue.layer.pipe(Layer.provideMerge(layerStore))
