import * as PgClient from "@effect/sql-pg/PgClient"
import { Config, Duration, Effect, Layer, Redacted, Schema, String } from "effect"
import { Reactivity } from "effect/reactivity"
import type { SqlClient } from "effect/sql"
import { pgTypes } from "./pgTypes.ts"

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

const milliseconds = (duration: Duration.Duration) => `${Duration.toMillis(duration)}ms`

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
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, DatabaseUnavailable | Config.ConfigError> =>
  PgClient.layerFrom(
    Effect.gen(function* () {
      const pool = yield* PoolConfig
      const client = yield* PgClient.make({
        url,
        applicationName: "mall",
        maxConnections: pool.maxConnections,
        connectTimeout: pool.connectTimeout,
        startupParameters: {
          ...(role === undefined ? {} : { role }),
          timezone: "UTC",
          statement_timeout: milliseconds(pool.statementTimeout),
          lock_timeout: milliseconds(pool.lockTimeout),
          idle_in_transaction_session_timeout: milliseconds(pool.idleInTransactionTimeout)
        },
        transformQueryNames: String.camelToSnake,
        transformResultNames: String.snakeToCamel,
        transformJson: false,
        types: pgTypes
      })
      yield* client`SELECT 1`
      return client
    }).pipe(
      Effect.catchTag("SqlError", (error) =>
        Effect.fail(
          new DatabaseUnavailable({ reason: `Cannot use the database at ${describeUrl(url)}: ${error.message}.` })
        )
      )
    )
  )

/**
 * Another pool on the same database, for what the platform's own tables need: those belong to `mall_platform`. Where the
 * process has no role, neither has this.
 */
export const makePlatformClient = Effect.fnUntraced(function* (options: {
  readonly applicationName: string
  readonly maxConnections: number
  readonly startupParameters?: Readonly<Record<string, string>>
}) {
  const { config } = yield* PgClient.PgClient
  const role: DatabaseRole = "mall_platform"
  return yield* PgClient.make({
    ...config,
    ...options,
    startupParameters: {
      ...config.startupParameters,
      ...(config.startupParameters?.["role"] === undefined ? {} : { role }),
      ...options.startupParameters
    }
  })
}, Effect.provide(Reactivity.layer))
