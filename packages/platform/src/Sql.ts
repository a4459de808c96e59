import * as PgClient from "@effect/sql-pg/PgClient"
import { Config, Duration, Effect, Layer, Redacted, Schema, String } from "effect"
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

/**
 * The pool of one process on `url`: camelCase in code and snake_case in tables, `int8` as a safe integer, UTC, and
 * server-side timeouts, so that no statement and no forgotten transaction holds a lock for ever. It answers one query
 * before it is ready, so that a wrong address fails the start and not the first request.
 */
export const layerUrl = (
  url: Redacted.Redacted
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
