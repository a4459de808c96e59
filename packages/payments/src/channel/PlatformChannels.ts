import { Array, Context, Effect, Layer } from "effect"
import type { ChannelDefinition } from "./ChannelDefinition.ts"
import { channelSet } from "./Channels.ts"
import type { ChannelSet } from "./Channels.ts"

/** The channels at which the platform has an account, made once from the configuration. */
export class PlatformChannels extends Context.Service<
  PlatformChannels,
  {
    readonly set: ChannelSet
    /** Every channel there is, in the order in which buyers are offered them. */
    readonly definitions: ReadonlyArray<ChannelDefinition>
  }
>()("@mall/payments/channel/PlatformChannels") {
  static readonly layer = (definitions: ReadonlyArray<ChannelDefinition>) =>
    Layer.effect(
      PlatformChannels,
      Effect.gen(function* () {
        const channels = Array.getSomes(yield* Effect.forEach(definitions, ({ make }) => make))
        if (channels.length === 0) {
          const settings = definitions.map(({ setting }) => setting).join(", ")
          yield* Effect.logWarning(
            `the platform has an account at no payment channel: set one of ${settings}, or run the sandbox`
          )
        }
        return PlatformChannels.of({ set: channelSet(channels), definitions })
      })
    )
}
