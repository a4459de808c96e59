import type { Effect, Option } from "effect"
import type { Channel } from "./Channel.ts"
import type { Making, MakingError } from "./Making.ts"
import type { OwnAccounts } from "./OwnAccounts.ts"

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
