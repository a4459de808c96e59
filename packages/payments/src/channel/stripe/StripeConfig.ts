import { Config, Duration, Effect, Option, Redacted, Schema } from "effect"
import type { PageScript } from "../Channel.ts"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { notifyUrl, ownNotifyUrl, sandboxMerchant, sandboxUrl } from "../channelConfig.ts"
import { code, secret } from "../credentialFields.ts"

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
  /** Stripe.js, or what stands in for it. */
  readonly script: PageScript
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

const BaseUrl = Config.String("STRIPE_BASE_URL").pipe(Config.withDefault("https://api.stripe.com/"))

/** The origins that Stripe names for its script: it frames the fields, and what a bank asks the buyer. */
const ofStripe = {
  runs: ["https://js.stripe.com", "https://*.js.stripe.com"],
  calls: ["https://api.stripe.com"],
  frames: ["https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"]
}

/** A script from elsewhere may run, call and frame its own origin, and no other. */
const toScript = (url: URL): PageScript => {
  const { href, origin } = url
  return origin === "https://js.stripe.com"
    ? { url: href, ...ofStripe }
    : { url: href, runs: [origin], calls: [origin], frames: [origin] }
}

const givenScript = Config.URL("STRIPE_JS_URL")
const Script = givenScript.pipe(Config.withDefault(new URL("https://js.stripe.com/v3/")), Config.map(toScript))

const Merchant = Config.all({
  script: Script,
  baseUrl: BaseUrl,
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
    script: yield* givenScript.pipe(
      Config.orElse(() => Config.map(sandboxUrl("stripe"), (url) => new URL(`${url}js/v3/`))),
      Config.map(toScript)
    ),
    webhookSecret: Redacted.make(webhookSecret)
  })
})

/** Restricted keys are live as well: what an account of them is told of says so. */
const isLiveKey = (key: Redacted.Redacted) => /^(sk|rk)_live_/.test(Redacted.value(key))

/** The platform's account at Stripe: of the environment where `STRIPE_SECRET_KEY` is set, else of the sandbox, else none. */
export const stripeConfig = Effect.gen(function* () {
  const common = yield* Common
  const given = yield* Config.option(Config.Redacted("STRIPE_SECRET_KEY"))
  const merchant = Option.isSome(given) ? Option.some(yield* Merchant) : yield* fromSandbox
  return Option.map(merchant, (settings): StripeSettings => ({
    ...common,
    ...settings,
    registersWebhook: Option.isNone(given),
    isLive: isLiveKey(settings.secretKey)
  }))
})

/** What a merchant gives us of an account of their own. */
export const StripeCredentials = Schema.Struct({
  accountId: code(64).check(Schema.isPattern(/^acct_/)),
  secretKey: secret(code().check(Schema.isPattern(/^(sk|rk)_/))),
  publishableKey: code().check(Schema.isPattern(/^pk_/)),
  webhookSecret: secret(code().check(Schema.isPattern(/^whsec_/)))
})

/** A merchant's own account, at the address that the platform's is at. Its owner tells Stripe where to send events. */
export const ownStripeSettings = Effect.fnUntraced(function* (
  { publishableKey, secretKey, webhookSecret }: typeof StripeCredentials.Type,
  merchantId: MerchantId
) {
  const platform = yield* stripeConfig
  const settings: StripeSettings = {
    ...(yield* Common),
    baseUrl: Option.isSome(platform) ? platform.value.baseUrl : yield* BaseUrl,
    notifyUrl: yield* ownNotifyUrl("stripe", merchantId),
    registersWebhook: false,
    secretKey,
    publishableKey,
    script: Option.isSome(platform) ? platform.value.script : yield* Script,
    webhookSecret,
    isLive: isLiveKey(secretKey)
  }
  return settings
})
