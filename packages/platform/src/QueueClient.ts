import { Config, Context, Duration, Effect, Layer } from "effect"
import type { SqlClient } from "effect/sql"
import { locksAsParameters } from "./locksAsParameters.ts"
import { Pools } from "./Sql.ts"

/**
 * `QUEUE_LOCK_EXPIRATION` (30 s): how long after a crash what the process was handling is given to another. A handler may run
 * longer: its lock is refreshed meanwhile.
 */
export const lockExpiration = Config.Duration("QUEUE_LOCK_EXPIRATION").pipe(Config.withDefault(Duration.seconds(30)))

/** More than `alongKeys` says: each plan is made once in a connection, and takes the messages in their order. */
const plannedOnce = {
  plan_cache_mode: "force_generic_plan",
  ...{ enable_bitmapscan: "off", enable_sort: "off", enable_material: "off" }
}

/**
 * Connections for taking and settling messages alone, `QUEUE_MAX_CONNECTIONS` (4) of them. Their commits do not wait for the disk:
 * after a crash of the database a lost settlement is one more delivery, which a subscriber must bear anyway. Publishing
 * and handling use the ordinary pool.
 */
export class QueueClient extends Context.Service<QueueClient, SqlClient.SqlClient>()("@mall/platform/QueueClient") {
  static readonly layer = Layer.effect(
    QueueClient,
    Effect.gen(function* () {
      const { makePlatform } = yield* Pools
      return yield* makePlatform("queues", {
        applicationName: "mall queues",
        maxConnections: yield* Config.Int("QUEUE_MAX_CONNECTIONS").pipe(Config.withDefault(4)),
        adapt: locksAsParameters,
        startupParameters: { synchronous_commit: "off", ...plannedOnce }
      })
    })
  )
}
