import { Config, Duration, Effect, Option, Redacted, Schema } from "effect"
import { notifyUrl, sandboxMerchant, sandboxUrl, unescapePem } from "../channelConfig.ts"

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

const Merchant = Config.all({
  baseUrl: Config.String("WECHATPAY_V2_BASE_URL").pipe(Config.withDefault("https://api.mch.weixin.qq.com/")),
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

/** The merchant account at WeChat Pay v2: of the environment where `WECHATPAY_V2_MCHID` is set, else of the sandbox, else none. */
export const wechatPayV2Config = Effect.gen(function* () {
  const common = yield* Common
  const given = yield* Config.option(Config.String("WECHATPAY_V2_MCHID"))
  const merchant = Option.isSome(given) ? Option.some(yield* Merchant) : yield* fromSandbox
  return Option.map(merchant, (settings): WechatPayV2Settings => ({ ...common, ...settings }))
})
