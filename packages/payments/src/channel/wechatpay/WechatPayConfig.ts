import { Config, Duration, Effect, Option, Record, Redacted, Schema } from "effect"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { notifyUrl, ownNotifyUrl, sandboxMerchant, sandboxUrl, unescapePem } from "../channelConfig.ts"
import { code, PrivateKeyPem, PublicKeyPem, secret } from "../credentialFields.ts"

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
  /** How long no answer may come that the former certificates vouch for, before one is taken like the first. */
  readonly certificateTrust: Duration.Duration
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
  certificateTrust: Config.Duration("WECHATPAY_CERTIFICATE_TRUST").pipe(Config.withDefault(Duration.hours(1))),
  callbackWindow: Config.Duration("WECHATPAY_CALLBACK_WINDOW").pipe(Config.withDefault(Duration.minutes(5)))
})

const BaseUrl = Config.String("WECHATPAY_BASE_URL").pipe(Config.withDefault("https://api.mch.weixin.qq.com/"))

const Merchant = Config.all({
  baseUrl: BaseUrl,
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

/** The platform's account at WeChat Pay: of the environment where `WECHATPAY_MCHID` is set, else of the sandbox, else none. */
export const wechatPayConfig = Effect.gen(function* () {
  const common = yield* Common
  const given = yield* Config.option(Config.String("WECHATPAY_MCHID"))
  const merchant = Option.isSome(given) ? Option.some(yield* Merchant) : yield* fromSandbox
  return Option.map(merchant, (settings): WechatPaySettings => ({ ...common, ...settings }))
})

/** What a merchant gives us of an account of their own. */
export const WechatPayCredentials = Schema.Struct({
  appid: code(32),
  mchid: code(32),
  merchantSerial: code(64),
  merchantPrivateKey: secret(PrivateKeyPem),
  platformKeys: Schema.Record(Schema.String, PublicKeyPem).check(Schema.isMinProperties(1), Schema.isMaxProperties(8)),
  apiV3Key: secret(code().check(Schema.isPattern(/^.{32}$/)))
})

/** A merchant's own account, at the address that the platform's is at. */
export const ownWechatPaySettings = Effect.fnUntraced(function* (
  { merchantPrivateKey, platformKeys, ...credentials }: typeof WechatPayCredentials.Type,
  merchantId: MerchantId
) {
  const platform = yield* wechatPayConfig
  const settings: WechatPaySettings = {
    ...(yield* Common),
    ...credentials,
    baseUrl: Option.isSome(platform) ? platform.value.baseUrl : yield* BaseUrl,
    notifyUrl: yield* ownNotifyUrl("wechatpay", merchantId),
    merchantPrivateKey: Redacted.make(unescapePem(Redacted.value(merchantPrivateKey))),
    platformKeys: Record.map(platformKeys, unescapePem)
  }
  return settings
})
