import { Config, Duration, Effect, Option, Redacted, Schema } from "effect"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { notifyUrl, ownNotifyUrl, sandboxMerchant, sandboxUrl, unescapePem } from "../channelConfig.ts"
import { CertificatePem, code, PrivateKeyPem, secret } from "../credentialFields.ts"

export const SignType = Schema.Literals(["MD5", "HMAC-SHA256"])
export type SignType = typeof SignType.Type

/** What the platform gave the merchant. `merchant.json` of the sandbox has the numbers and the key of it. */
export interface WechatPayV2Settings {
  readonly baseUrl: string
  /** Where the channel sends its notices: our public address of `/callbacks/wechatpay_v2`. */
  readonly notifyUrl: string
  readonly appid: string
  readonly mchid: string
  /** 32 characters, by which both sides sign. */
  readonly apiKey: Redacted.Redacted
  /** How we sign. Notices are taken with either. */
  readonly signType: SignType
  /** The client certificate without which the real platform takes no refund (PEM). */
  readonly certificate: Option.Option<{ readonly cert: string; readonly key: Redacted.Redacted }>
  readonly timeout: Duration.Duration
}

const MerchantFile = Schema.Struct({ appid: Schema.String, mchid: Schema.String, apiKey: Schema.String })

const Common = Config.all({
  notifyUrl: notifyUrl("wechatpay_v2"),
  signType: Config.schema(SignType, "WECHATPAY_V2_SIGN_TYPE").pipe(Config.withDefault("HMAC-SHA256")),
  timeout: Config.Duration("WECHATPAY_V2_TIMEOUT").pipe(Config.withDefault(Duration.seconds(5))),
  certificate: Config.all({
    cert: Config.String("WECHATPAY_V2_CLIENT_CERTIFICATE").pipe(Config.map(unescapePem)),
    key: Config.Redacted("WECHATPAY_V2_CLIENT_KEY").pipe(
      Config.map((pem) => Redacted.make(unescapePem(Redacted.value(pem))))
    )
  }).pipe(Config.option)
})

const BaseUrl = Config.String("WECHATPAY_V2_BASE_URL").pipe(Config.withDefault("https://api.mch.weixin.qq.com/"))

const Merchant = Config.all({
  baseUrl: BaseUrl,
  appid: Config.String("WECHATPAY_V2_APPID"),
  mchid: Config.String("WECHATPAY_V2_MCHID"),
  apiKey: Config.schema(Schema.String.check(Schema.isPattern(/^.{32}$/)), "WECHATPAY_V2_API_KEY").pipe(
    Config.map((key) => Redacted.make(key))
  )
})

const fromSandbox = Effect.gen(function* () {
  const merchant = yield* sandboxMerchant("wechatpay_v2", MerchantFile)
  if (Option.isNone(merchant)) return Option.none()
  const { apiKey, appid, mchid } = merchant.value
  return Option.some({
    baseUrl: yield* Config.String("WECHATPAY_V2_BASE_URL").pipe(Config.orElse(() => sandboxUrl("wechatpay_v2"))),
    appid,
    mchid,
    apiKey: Redacted.make(apiKey)
  })
})

/** The platform's account at WeChat Pay v2: of the environment where `WECHATPAY_V2_MCHID` is set, else of the sandbox, else none. */
export const wechatPayV2Config = Effect.gen(function* () {
  const common = yield* Common
  const given = yield* Config.option(Config.String("WECHATPAY_V2_MCHID"))
  const merchant = Option.isSome(given) ? Option.some(yield* Merchant) : yield* fromSandbox
  return Option.map(merchant, (settings): WechatPayV2Settings => ({ ...common, ...settings }))
})

/** What a merchant gives us of an account of their own; refunds at the real platform need the certificate and its key. */
export const WechatPayV2Credentials = Schema.Struct({
  appid: code(32),
  mchid: code(32),
  apiKey: secret(code().check(Schema.isPattern(/^.{32}$/))),
  certificate: Schema.optionalKey(CertificatePem),
  certificateKey: Schema.optionalKey(secret(PrivateKeyPem))
})

/** A merchant's own account, at the address that the platform's is at; the platform's certificate is never used for it. */
export const ownWechatPayV2Settings = Effect.fnUntraced(function* (
  { certificate, certificateKey, ...credentials }: typeof WechatPayV2Credentials.Type,
  merchantId: MerchantId
) {
  const platform = yield* wechatPayV2Config
  const settings: WechatPayV2Settings = {
    ...(yield* Common),
    ...credentials,
    baseUrl: Option.isSome(platform) ? platform.value.baseUrl : yield* BaseUrl,
    notifyUrl: yield* ownNotifyUrl("wechatpay_v2", merchantId),
    certificate:
      certificate === undefined || certificateKey === undefined
        ? Option.none()
        : Option.some({
            cert: unescapePem(certificate),
            key: Redacted.make(unescapePem(Redacted.value(certificateKey)))
          })
  }
  return settings
})
