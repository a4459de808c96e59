import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { Config, Duration, Effect, Layer, Option } from "effect"
import {
  ClusterWorkflowEngine,
  RunnerAddress,
  RunnerHealth,
  Runners,
  Sharding,
  ShardingConfig,
  SqlRunnerStorage
} from "effect/cluster"
import { SqlClient } from "effect/sql"
import { Pools } from "./Sql.ts"
import * as WorkflowStorage from "./workflowStorage.ts"

const WorkflowConfig = Config.all({
  host: Config.option(Config.NonEmptyString("CLUSTER_HOST")),
  port: Config.Port("CLUSTER_PORT").pipe(Config.withDefault(34_431)),
  pollInterval: Config.Duration("CLUSTER_POLL_INTERVAL").pipe(Config.withDefault(Duration.seconds(5))),
  lockExpiration: Config.Duration("CLUSTER_LOCK_EXPIRATION").pipe(Config.withDefault(Duration.seconds(35)))
})

/** Workflows are spread over so many locks; every process must count the same. */
const shards = 32

/**
 * How long a workflow is waited for that has to leave this process, as when the connection with its lock was lost. It cannot come to
 * its end here: its next step is begun by who has the lock. A step that has begun is always awaited.
 */
const leavesWithin = Duration.seconds(1)

/** Connections of its own: one holds the locks of the shards, by which others see that the process lives. */
const layerClient = Layer.effect(
  SqlClient.SqlClient,
  Pools.use(({ makePlatform }) =>
    makePlatform("workflows", {
      applicationName: "mall workflows",
      maxConnections: 3,
      startupParameters: { search_path: "workflows" },
      // the ids of the engine are beyond 2^53
      types: PgTypes.makeRegistry()
    })
  )
)

const layerStorage = Layer.mergeAll(WorkflowStorage.layer, SqlRunnerStorage.layerStorage({})).pipe(
  Layer.provide(NodeCrypto.layerDigest),
  Layer.provide(layerClient)
)

type Settings = Partial<ShardingConfig.ShardingConfig["Service"]>

/** Of any number of such processes the one with the locks works; when it ends, another has them. */
const layerSingle = (settings: Settings) =>
  Sharding.layer.pipe(
    Layer.provide([Runners.layerNoop, RunnerHealth.layerNoop]),
    Layer.provideMerge(layerStorage),
    Layer.provide(ShardingConfig.layer(settings))
  )

/** The processes share the work, and tell each other of it at their addresses. Its code is loaded where it is asked for. */
const layerMany = (settings: Settings) =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("@effect/platform-node/NodeClusterSocket")),
      (socket) =>
        socket
          .layer({ storage: "byo", shardingConfig: settings })
          .pipe(Layer.provideMerge(layerStorage), Layer.provide(ShardingConfig.layer(settings)))
    )
  )

/**
 * The engine of durable workflows, on tables of the database. Any number of processes may have it. Without `CLUSTER_HOST` one of
 * them does all the work and the others stand by; with it, which is the address at which the others reach this one, they share
 * it. `CLUSTER_POLL_INTERVAL` (5 s) is how late what another process asked for may be found, `CLUSTER_LOCK_EXPIRATION` (35 s) how long a
 * process may say nothing until it is taken for dead and another goes on with what it had.
 */
export const layer = Layer.unwrap(
  Effect.map(WorkflowConfig, ({ host, lockExpiration, pollInterval, port }) => {
    const settings = {
      shardsPerGroup: shards,
      entityMessagePollInterval: pollInterval,
      shardLockExpiration: lockExpiration,
      entityTerminationTimeout: leavesWithin
    }
    const cluster = Option.match(host, {
      onNone: () => layerSingle(settings),
      onSome: (host) =>
        layerMany({ ...settings, runnerAddress: Option.some(RunnerAddress.RunnerAddress.make({ host, port })) })
    })
    return ClusterWorkflowEngine.layer.pipe(Layer.provide(cluster))
  })
)
