import type { Config, FileSystem, Path, PlatformError, Schema, Scope } from "effect"
import type { CircuitBreaker } from "effect/persistence"
import type { SqlClient } from "effect/sql"
import type { ChannelLog } from "../log/ChannelLog.ts"

/** What it takes to make an adapter. */
export type Making =
  | ChannelLog
  | CircuitBreaker.CircuitBreakerStore
  | FileSystem.FileSystem
  | Path.Path
  | Scope.Scope
  | SqlClient.SqlClient

/** Why none can be made: the configuration is wrong. */
export type MakingError = Config.ConfigError | PlatformError.PlatformError | Schema.SchemaError
