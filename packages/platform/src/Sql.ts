import * as PgClient from "@effect/sql-pg/PgClient"
import { Config, Context, Duration, Effect, Layer, Redacted, Schema, String } from "effect"
import type { Scope } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient } from "effect/sql"
import type { Statement } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { alongKeys } from "./planning.ts"
import { pgTypes } from "./pgTypes.ts"
import * as PooledClient from "./pooledClient.ts"
import * as PoolMetrics from "./telemetry/PoolMetrics.ts"

/** The database cannot be used; `reason` is one sentence for the operator and names no password. */
export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

const PoolConfig = Config.all({
  maxConnections: Config.Int("PG_MAX_CONNECTIONS").pipe(Config.withDefault(16)),
  connectTimeout: Config.Duration("PG_CONNECT_TIMEOUT").pipe(Config.withDefault(Duration.seconds(5))),
  statementTimeout: Config.Duration("PG_STATEMENT_TIMEOUT").pipe(Config.withDefault(Duration.seconds(30))),
  lockTimeout: Config.Duration("PG_LOCK_TIMEOUT").pipe(Config.withDefault(Duration.seconds(10))),
  idleInTransactionTimeout: Config.Duration("PG_IDLE_IN_TRANSACTION_TIMEOUT").pipe(
    Config.withDefault(Duration.seconds(60))
  )
})

/** `postgres://user:secret@host:5432/name` as `host:5432/name`: the part that may be shown. */
export const describeUrl = (url: Redacted.Redacted) => {
  const parsed = URL.parse(Redacted.value(url))
  return parsed === null ? "an address that is not a URL" : `${parsed.host}${parsed.pathname}`
}

/** Names of columns are few and come back with every row. */
const remembered = (rename: (name: string) => string) => {
  const names = new Map<string, string>()
  return (name: string) => {
    const known = names.get(name)
    if (known !== undefined) return known
    const renamed = rename(name)
    names.set(name, renamed)
    return renamed
  }
}

const toSnake = remembered(String.camelToSnake)
const toCamel = remembered(String.snakeToCamel)

/** A host that is gone says nothing: after so long of silence, and ten seconds more, its connection counts as lost. */
const keepAlive = Duration.seconds(10)

const milliseconds = (duration: Duration.Duration) => `${Duration.toMillis(duration)}ms`

interface PoolChanges extends Pick<
  PgClient.PgPoolConfig,
  "applicationName" | "maxConnections" | "startupParameters" | "types"
> {
  /** How the pool writes its statements, where it does so otherwise. */
  readonly adapt?: (compiler: Statement.Compiler) => Statement.Compiler
}

/** Makes pools of connections to the database of this process. Their figures are in `/metrics` by their names. */
export class Pools extends Context.Service<
  Pools,
  {
    /**
     * A pool for what the platform's own tables need, which belong to `mall_platform`: with that role where the process has one.
     * It differs from the usual pool as said; startup parameters are added to those that it has.
     */
    makePlatform(name: string, changes: PoolChanges): Effect.Effect<PgClient.PgClient, SqlError, Scope.Scope>
  }
>()("@mall/platform/Sql/Pools") {}

/** For whom a connection works. Which rights each has is written in the migration that makes them. */
export type DatabaseRole = "mall_platform" | "mall_store" | "mall_pay"

/**
 * The pool of one process on `url`: camelCase in code and snake_case in tables, `int8` as a safe integer, UTC, and
 * server-side timeouts, so that no statement and no forgotten transaction holds a lock for ever. It answers one query
 * before it is ready, so that a wrong address fails the start and not the first request. With `role` it has that role's rights alone,
 * and else those of the user in the address, who owns the tables.
 */
export const layerUrl = (
  url: Redacted.Redacted,
  { role }: { readonly role?: DatabaseRole } = {}
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient | Pools, DatabaseUnavailable | Config.ConfigError> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const config = yield* PoolConfig
      const reactivity = yield* Reactivity.Reactivity
      const address = URL.parse(Redacted.value(url))
      const isLocalSocket = address?.searchParams.get("host")?.startsWith("/") ?? false
      const enter = yield* PoolMetrics.make(isLocalSocket ? undefined : Number(address?.port || "5432"))
      const startupParameters = {
        timezone: "UTC",
        ...alongKeys,
        statement_timeout: milliseconds(config.statementTimeout),
        lock_timeout: milliseconds(config.lockTimeout),
        idle_in_transaction_session_timeout: milliseconds(config.idleInTransactionTimeout)
      }
      const make = (name: string, role: DatabaseRole | undefined, { adapt, ...changes }: PoolChanges) => {
        const options: PgClient.PgPoolConfig = {
          url,
          connectTimeout: config.connectTimeout,
          keepAlive,
          transformQueryNames: toSnake,
          transformResultNames: toCamel,
          transformJson: false,
          types: pgTypes,
          ...changes,
          startupParameters: {
            ...(role === undefined ? {} : { role }),
            ...startupParameters,
            ...changes.startupParameters
          }
        }
        const lease = enter(name, changes.maxConnections ?? config.maxConnections)
        return Effect.provideService(
          PooledClient.make(options, address, lease, adapt),
          Reactivity.Reactivity,
          reactivity
        )
      }
      const makePlatform: Pools["Service"]["makePlatform"] = (name, changes) =>
        make(name, role === undefined ? undefined : "mall_platform", changes)
      const client = yield* make(role ?? "main", role, {
        applicationName: "mall",
        maxConnections: config.maxConnections
      })
      yield* client`SELECT 1`
      return Context.make(PgClient.PgClient, client).pipe(
        Context.add(SqlClient.SqlClient, client),
        Context.add(Pools, Pools.of({ makePlatform }))
      )
    }).pipe(
      Effect.catchTag("SqlError", (error) =>
        Effect.fail(
          new DatabaseUnavailable({ reason: `Cannot use the database at ${describeUrl(url)}: ${error.message}.` })
        )
      )
    )
  ).pipe(Layer.provide(Reactivity.layer))
