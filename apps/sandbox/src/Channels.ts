import { Array, Context, Effect, Layer, Option } from "effect"
import type { Cause } from "effect"
import type { Channel, OrderView } from "./Channel.ts"
import { makeAlipay } from "./alipay/Alipay.ts"
import { makeCrypto } from "./crypto/Crypto.ts"
import { makePaypal } from "./paypal/Paypal.ts"
import { makeStripe } from "./stripe/Stripe.ts"
import { makeWechatPayV2 } from "./wechatpay_v2/WechatPayV2.ts"
import { makeWechatPay } from "./wechatpay/WechatPay.ts"

/** Every stand-in there is. */
const registry = [makeWechatPay, makeAlipay, makeStripe, makePaypal, makeWechatPayV2] as const

/** Those that not every platform has. */
const optional = [makeCrypto] as const

/** The channels that the sandbox stands in for. */
export class Channels extends Context.Service<
  Channels,
  {
    readonly channels: ReadonlyArray<Channel>
    readonly find: (id: string) => Channel | undefined
    /** The order, of whichever channel, whose QR code holds `code`. */
    readonly scan: (code: string) => Effect.Effect<OrderView, Cause.NoSuchElementError>
  }
>()("@mall/sandbox/Channels") {
  static readonly layer = Layer.effect(
    Channels,
    Effect.map(Effect.all([Effect.all(registry), Effect.all(optional)]), ([always, sometimes]) => {
      const channels: ReadonlyArray<Channel> = [...always, ...Array.getSomes(sometimes)]
      return Channels.of({
        channels,
        find: (id) => channels.find((channel) => channel.id === id),
        scan: (code) =>
          Effect.flatMap(
            Effect.forEach(channels, (channel) => channel.scan(code)),
            (found) => Effect.fromOption(Option.firstSomeOf(found))
          )
      })
    })
  )
}
