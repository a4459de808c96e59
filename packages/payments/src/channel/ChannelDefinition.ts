import type { Config, Effect, FileSystem, Option, Path, PlatformError, Schema, Scope } from "effect"
import type { CircuitBreaker } from "effect/persistence"
import type { SqlClient } from "effect/sql"
import type { ChannelLog } from "../log/ChannelLog.ts"
import type { Channel } from "./Channel.ts"
import type { OwnAccounts } from "./OwnAccounts.ts"

/** What it takes to make an adapter. */
export type Making =
  | ChannelLog
  | CircuitBreaker.CircuitBreakerStore
  | FileSystem.FileSystem
  | Path.Path
  | Scope.Scope
  | SqlClient.SqlClient

export type MakingError = Config.ConfigError | PlatformError.PlatformError | Schema.SchemaError

/** How a channel comes into being; one line of the registry. */
export interface ChannelDefinition {
  /** By which it is found before it is made. */
  readonly id: string
  /** The variable that, when set, says the platform has an account there. */
  readonly setting: string
  /** The platform's account. None where it has none at the channel. Half an account fails the start. */
  readonly make: Effect.Effect<Option.Option<Channel>, MakingError, Making>
  /** Accounts of merchants of their own, where the channel knows such. */
  readonly own?: OwnAccounts
}
