import type { Config, Effect, FileSystem, Option, Path, PlatformError, Schema, Scope } from "effect"
import type { CircuitBreaker } from "effect/persistence"
import type { SqlClient } from "effect/sql"
import type { ChannelLog } from "../log/ChannelLog.ts"
import type { Channel } from "./Channel.ts"

/** How a channel comes into being from the configuration; one line of the registry. */
export interface ChannelDefinition {
  /** The variable that, when set, says the merchant has an account there. */
  readonly setting: string
  /** None where the merchant has no account at the channel. Half an account fails the start. */
  readonly make: Effect.Effect<
    Option.Option<Channel>,
    Config.ConfigError | PlatformError.PlatformError | Schema.SchemaError,
    | ChannelLog
    | CircuitBreaker.CircuitBreakerStore
    | FileSystem.FileSystem
    | Path.Path
    | Scope.Scope
    | SqlClient.SqlClient
  >
}
