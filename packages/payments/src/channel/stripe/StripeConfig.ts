import { Config, Duration, Effect, Option, Redacted, Schema } from "effect"
import { notifyUrl, sandboxMerchant, sandboxUrl } from "../channelConfig.ts"

/** What Stripe gave the merchant. `merchant.json` of the sandbox has the keys of it. */
export interface StripeSettings {
  readonly baseUrl: string
  /** Where events are sent: our public address of `/callbacks/stripe`. */
  readonly notifyUrl: string
  /** Whether we tell Stripe this address ourselves; the owner of a real account does so, and gets the secret for it. */
  readonly registersWebhook: boolean
  readonly secretKey: Redacted.Redacted
  /** For the buyer's page. */
  readonly publishableKey: string
  readonly webhookSecret: Redacted.Redacted
  readonly isLive: boolean
  readonly timeout: Duration.Duration
  /** How far an event's timestamp may be from our clock. Says nothing about when the payment was made. */
  readonly callbackWindow: Duration.Duration
}

const MerchantFile = Schema.Struct({
  secretKey: Schema.String,
  publishableKey: Schema.String,
  webhookSecret: Schema.String
})

const Common = Config.all({
  notifyUrl: notifyUrl("stripe"),
  timeout: Config.Duration("STRIPE_TIMEOUT").pipe(Config.withDefault(Duration.seconds(10))),
  callbackWindow: Config.Duration("STRIPE_CALLBACK_WINDOW").pipe(Config.withDefault(Duration.minutes(5)))
})

const Merchant = Config.all({
  baseUrl: Config.String("STRIPE_BASE_URL").pipe(Config.withDefault("https://api.stripe.com/")),
  secretKey: Config.Redacted("STRIPE_SECRET_KEY"),
  publishableKey: Config.String("STRIPE_PUBLISHABLE_KEY"),
  webhookSecret: Config.Redacted("STRIPE_WEBHOOK_SECRET")
})

const fromSandbox = Effect.gen(function* () {
  const merchant = yield* sandboxMerchant("stripe", MerchantFile)
  if (Option.isNone(merchant)) return Option.none()
  const { publishableKey, secretKey, webhookSecret } = merchant.value
  return Option.some({
    baseUrl: yield* Config.String("STRIPE_BASE_URL").pipe(Config.orElse(() => sandboxUrl("stripe"))),
    secretKey: Redacted.make(secretKey),
    publishableKey,
    webhookSecret: Redacted.make(webhookSecret)
  })
})

/** The merchant account at Stripe: of the environment where `STRIPE_SECRET_KEY` is set, else of the sandbox, else none. */
export const stripeConfig = Effect.gen(function* () {
  const common = yield* Common
  const given = yield* Config.option(Config.Redacted("STRIPE_SECRET_KEY"))
  const merchant = Option.isSome(given) ? Option.some(yield* Merchant) : yield* fromSandbox
  return Option.map(merchant, (settings): StripeSettings => ({
    ...common,
    ...settings,
    registersWebhook: Option.isNone(given),
    isLive: Redacted.value(settings.secretKey).startsWith("sk_live_")
  }))
})
