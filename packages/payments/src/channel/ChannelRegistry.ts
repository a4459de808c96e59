import { Array, Effect, Layer } from "effect"
import type { ChannelDefinition } from "./ChannelDefinition.ts"
import { Channels } from "./Channels.ts"
import { alipay } from "./alipay/Alipay.ts"
import { crypto } from "./crypto/Crypto.ts"
import { paypal } from "./paypal/Paypal.ts"
import { stripe } from "./stripe/Stripe.ts"
import { wechatPayV2 } from "./wechatpay_v2/WechatPayV2.ts"
import { wechatPay } from "./wechatpay/WechatPay.ts"

/** Every channel there is, a line each, in the order in which buyers are offered them. */
const registry: ReadonlyArray<ChannelDefinition> = [wechatPay, alipay, stripe, paypal, wechatPayV2, crypto]

/**
 * The channels whose merchant account is configured. A process without one serves what needs no channel. Needs a
 * `CircuitBreakerStore`: what one process learns of a channel may be shared with the others; and `SqlClient` for the books of a channel that has none of its own.
 */
export const layer = Layer.effect(
  Channels,
  Effect.gen(function* () {
    const channels = Array.getSomes(yield* Effect.forEach(registry, ({ make }) => make))
    if (channels.length === 0) {
      const settings = registry.map(({ setting }) => setting).join(", ")
      yield* Effect.logWarning(`no payment channel has a merchant account: set one of ${settings}, or run the sandbox`)
    }
    return Channels.fromIterable(channels)
  })
)
