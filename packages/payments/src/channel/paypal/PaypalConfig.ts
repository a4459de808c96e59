import { Config, Duration, Effect, Option, Redacted, Schema } from "effect"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { notifyUrl, ownNotifyUrl, publicUrl, sandboxMerchant, sandboxUrl } from "../channelConfig.ts"
import { code, secret } from "../credentialFields.ts"

/** What PayPal gave the merchant. `merchant.json` of the sandbox has the keys of it. */
export interface PaypalSettings {
  readonly baseUrl: string
  /** Where events are sent: our public address of `/callbacks/paypal`. */
  readonly notifyUrl: string
  /** Whether we tell PayPal this address ourselves; the owner of a real account does so, and gets the webhook's id for it. */
  readonly registersWebhook: boolean
  /** Where a buyer comes back to whose payment names no page of its own. */
  readonly returnUrl: string
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted
  readonly merchantId: string
  readonly webhookId: string
  /** Certificates that events are signed with are believed from these origins only. */
  readonly certificateOrigins: ReadonlyArray<string>
  readonly timeout: Duration.Duration
  /** How far the time of an event's sending may be from our clock. Says nothing about when the payment was made. */
  readonly callbackWindow: Duration.Duration
}

const MerchantFile = Schema.Struct({
  clientId: Schema.String,
  clientSecret: Schema.String,
  merchantId: Schema.String,
  webhookId: Schema.String
})

const Common = Config.all({
  notifyUrl: notifyUrl("paypal"),
  returnUrl: publicUrl,
  timeout: Config.Duration("PAYPAL_TIMEOUT").pipe(Config.withDefault(Duration.seconds(10))),
  callbackWindow: Config.Duration("PAYPAL_CALLBACK_WINDOW").pipe(Config.withDefault(Duration.minutes(5)))
})

const BaseUrl = Config.String("PAYPAL_BASE_URL").pipe(Config.withDefault("https://api-m.paypal.com/"))

const Merchant = Config.all({
  baseUrl: BaseUrl,
  clientId: Config.String("PAYPAL_CLIENT_ID"),
  clientSecret: Config.Redacted("PAYPAL_CLIENT_SECRET"),
  merchantId: Config.String("PAYPAL_MERCHANT_ID"),
  webhookId: Config.String("PAYPAL_WEBHOOK_ID")
})

const paypalOrigins = ["https://api.paypal.com", "https://api-m.paypal.com", "https://api.sandbox.paypal.com"]

const fromSandbox = Effect.gen(function* () {
  const merchant = yield* sandboxMerchant("paypal", MerchantFile)
  if (Option.isNone(merchant)) return Option.none()
  const { clientSecret, ...account } = merchant.value
  const baseUrl = yield* Config.String("PAYPAL_BASE_URL").pipe(Config.orElse(() => sandboxUrl("paypal")))
  return Option.some({ ...account, baseUrl, clientSecret: Redacted.make(clientSecret) })
})

/** The platform's account at PayPal: of the environment where `PAYPAL_CLIENT_ID` is set, else of the sandbox, else none. */
export const paypalConfig = Effect.gen(function* () {
  const common = yield* Common
  const given = yield* Config.option(Config.String("PAYPAL_CLIENT_ID"))
  const merchant = Option.isSome(given) ? Option.some(yield* Merchant) : yield* fromSandbox
  return Option.map(merchant, (settings): PaypalSettings => ({
    ...common,
    ...settings,
    registersWebhook: Option.isNone(given),
    certificateOrigins: Option.isNone(given) ? [new URL(settings.baseUrl).origin] : paypalOrigins
  }))
})

/** What a merchant gives us of an account of their own. */
export const PaypalCredentials = Schema.Struct({
  clientId: code(),
  clientSecret: secret(code()),
  merchantId: code(64),
  webhookId: code(64)
})

/** A merchant's own account, at the address that the platform's is at. Its owner tells PayPal where to send events. */
export const ownPaypalSettings = Effect.fnUntraced(function* (
  credentials: typeof PaypalCredentials.Type,
  merchantId: MerchantId
) {
  const platform = yield* paypalConfig
  const settings: PaypalSettings = {
    ...(yield* Common),
    ...credentials,
    baseUrl: Option.isSome(platform) ? platform.value.baseUrl : yield* BaseUrl,
    certificateOrigins: Option.isSome(platform) ? platform.value.certificateOrigins : paypalOrigins,
    notifyUrl: yield* ownNotifyUrl("paypal", merchantId),
    registersWebhook: false
  }
  return settings
})
