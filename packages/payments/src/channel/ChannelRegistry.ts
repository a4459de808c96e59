import { Effect, Layer } from "effect"
import { CredentialKeys } from "../credentials/CredentialKeys.ts"
import { CredentialRepo } from "../credentials/CredentialRepo.ts"
import { OwnAccountCache } from "../credentials/OwnAccountCache.ts"
import type { ChannelDefinition } from "./ChannelDefinition.ts"
import { Channels } from "./Channels.ts"
import { PlatformChannels } from "./PlatformChannels.ts"
import { alipay } from "./alipay/Alipay.ts"
import { crypto } from "./crypto/Crypto.ts"
import { paypal } from "./paypal/Paypal.ts"
import { stripe } from "./stripe/Stripe.ts"
import { wechatPayV2 } from "./wechatpay_v2/WechatPayV2.ts"
import { wechatPay } from "./wechatpay/WechatPay.ts"

/** Every channel there is, a line each, in the order in which buyers are offered them. */
const registry: ReadonlyArray<ChannelDefinition> = [wechatPay, alipay, stripe, paypal, wechatPayV2, crypto]

const channels = Layer.effect(
  Channels,
  Effect.gen(function* () {
    const { set } = yield* PlatformChannels
    return Channels.make(set, yield* OwnAccountCache)
  })
)

/**
 * The channels, by the platform's accounts that are configured and by the accounts that merchants have of their own. A process
 * without any serves what needs no channel. Needs a `CircuitBreakerStore`: what one process learns of a channel may be shared
 * with the others; `SqlClient`; and `Notifications`, by which all processes hear of a change of credentials.
 */
export const layer = channels.pipe(
  Layer.provideMerge(OwnAccountCache.layerNoDeps),
  Layer.provideMerge(Layer.mergeAll(PlatformChannels.layer(registry), CredentialRepo.layer, CredentialKeys.layer))
)
