import { Context, Effect, Layer } from "effect"
import type { Channel } from "./Channel.ts"
import { makeWechatPay } from "./wechatpay/WechatPay.ts"

/** Every stand-in there is. */
const registry = [makeWechatPay] as const

/** The channels that the sandbox stands in for. */
export class Channels extends Context.Service<
  Channels,
  {
    readonly channels: ReadonlyArray<Channel>
    readonly find: (id: string) => Channel | undefined
  }
>()("@mall/sandbox/Channels") {
  static readonly layer = Layer.effect(
    Channels,
    Effect.map(Effect.all(registry), (channels) =>
      Channels.of({ channels, find: (id) => channels.find((channel) => channel.id === id) })
    )
  )
}
