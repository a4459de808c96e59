import { Config, Duration, Effect, Option, Redacted, Schema } from "effect"
import { notifyUrl, sandboxMerchant, sandboxUrl, unescapePem } from "../channelConfig.ts"

/** What the platform gave the merchant. `merchant.json` of the sandbox has the same fields, with one platform key. */
export interface WechatPaySettings {
  readonly baseUrl: string
  /** Where the channel sends its notices: our public address of `/callbacks/wechatpay`. */
  readonly notifyUrl: string
  readonly appid: string
  readonly mchid: string
  readonly merchantSerial: string
  readonly merchantPrivateKey: Redacted.Redacted
  /**
   * The platform's public keys or certificates (PEM), by serial. Several, so that the platform may change its key; none where
   * its certificates are to be fetched.
   */
  readonly platformKeys: Readonly<Record<string, string>>
  /** 32 bytes, decrypts what notices carry. */
  readonly apiV3Key: Redacted.Redacted
  readonly timeout: Duration.Duration
  /** How old fetched certificates may be before they are fetched again, and how long one waits between two fetches. */
  readonly certificateRefresh: Duration.Duration
  readonly certificatePause: Duration.Duration
  /** How far a notice's timestamp may be from our clock. Says nothing about when the payment was made. */
  readonly callbackWindow: Duration.Duration
}

const MerchantFile = Schema.Struct({
  appid: Schema.String,
  mchid: Schema.String,
  merchantSerial: Schema.String,
  merchantPrivateKeyPem: Schema.String,
  platformSerial: Schema.String,
  platformPublicKeyPem: Schema.String,
  apiV3Key: Schema.String
})

const Common = Config.all({
  notifyUrl: notifyUrl("wechatpay"),
  timeout: Config.Duration("WECHATPAY_TIMEOUT").pipe(Config.withDefault(Duration.seconds(5))),
  certificateRefresh: Config.Duration("WECHATPAY_CERTIFICATE_REFRESH").pipe(Config.withDefault(Duration.hours(12))),
  certificatePause: Config.Duration("WECHATPAY_CERTIFICATE_PAUSE").pipe(Config.withDefault(Duration.minutes(1))),
  callbackWindow: Config.Duration("WECHATPAY_CALLBACK_WINDOW").pipe(Config.withDefault(Duration.minutes(5)))
})

const Merchant = Config.all({
  baseUrl: Config.String("WECHATPAY_BASE_URL").pipe(Config.withDefault("https://api.mch.weixin.qq.com/")),
  appid: Config.String("WECHATPAY_APPID"),
  mchid: Config.String("WECHATPAY_MCHID"),
  merchantSerial: Config.String("WECHATPAY_MERCHANT_SERIAL"),
  merchantPrivateKey: Config.Redacted("WECHATPAY_MERCHANT_PRIVATE_KEY").pipe(
    Config.map((pem) => Redacted.make(unescapePem(Redacted.value(pem))))
  ),
  platformKeys: Config.schema(
    Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)),
    "WECHATPAY_PLATFORM_KEYS"
  ).pipe(Config.withDefault({})),
  apiV3Key: Config.Redacted("WECHATPAY_API_V3_KEY")
})

const fromSandbox = Effect.gen(function* () {
  const merchant = yield* sandboxMerchant("wechatpay", MerchantFile)
  if (Option.isNone(merchant)) return Option.none()
  const { appid, mchid, merchantSerial, ...keys } = merchant.value
  return Option.some({
    baseUrl: yield* Config.String("WECHATPAY_BASE_URL").pipe(Config.orElse(() => sandboxUrl("wechatpay"))),
    appid,
    mchid,
    merchantSerial,
    merchantPrivateKey: Redacted.make(keys.merchantPrivateKeyPem),
    platformKeys: { [keys.platformSerial]: keys.platformPublicKeyPem },
    apiV3Key: Redacted.make(keys.apiV3Key)
  })
})

/** The merchant account at WeChat Pay: of the environment where `WECHATPAY_MCHID` is set, else of the sandbox, else none. */
export const wechatPayConfig = Effect.gen(function* () {
  const common = yield* Common
  const given = yield* Config.option(Config.String("WECHATPAY_MCHID"))
  const merchant = Option.isSome(given) ? Option.some(yield* Merchant) : yield* fromSandbox
  return Option.map(merchant, (settings): WechatPaySettings => ({ ...common, ...settings }))
})
