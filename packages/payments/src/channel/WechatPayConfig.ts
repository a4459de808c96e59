import { Config, Context, Duration, Effect, FileSystem, Layer, Option, Path, Redacted, Schema } from "effect"

/** What the platform gave the merchant. `merchant.json` of the sandbox has the same fields, with one platform key. */
export interface WechatPaySettings {
  readonly baseUrl: string
  /** Where the channel sends its notices: our public address of `/callbacks/wechatpay`. */
  readonly notifyUrl: string
  readonly appid: string
  readonly mchid: string
  readonly merchantSerial: string
  readonly merchantPrivateKey: Redacted.Redacted
  /** The platform's public keys or certificates (PEM), by serial. Several, so that the platform may change its key. */
  readonly platformKeys: Readonly<Record<string, string>>
  /** 32 bytes, decrypts what notices carry. */
  readonly apiV3Key: Redacted.Redacted
  readonly timeout: Duration.Duration
  /** How far a notice's timestamp may be from our clock. Says nothing about when the payment was made. */
  readonly callbackWindow: Duration.Duration
}

const MerchantFile = Schema.fromJsonString(
  Schema.Struct({
    appid: Schema.String,
    mchid: Schema.String,
    merchantSerial: Schema.String,
    merchantPrivateKeyPem: Schema.String,
    platformSerial: Schema.String,
    platformPublicKeyPem: Schema.String,
    apiV3Key: Schema.String
  })
)

const Common = Config.all({
  publicUrl: Config.String("PUBLIC_URL").pipe(
    Config.orElse(() =>
      Config.Port("PORT").pipe(
        Config.withDefault(8080),
        Config.map((port) => `http://127.0.0.1:${port}`)
      )
    )
  ),
  timeout: Config.Duration("WECHATPAY_TIMEOUT").pipe(Config.withDefault(Duration.seconds(5))),
  callbackWindow: Config.Duration("WECHATPAY_CALLBACK_WINDOW").pipe(Config.withDefault(Duration.minutes(5)))
})

const Merchant = Config.all({
  baseUrl: Config.String("WECHATPAY_BASE_URL").pipe(Config.withDefault("https://api.mch.weixin.qq.com/")),
  appid: Config.String("WECHATPAY_APPID"),
  mchid: Config.String("WECHATPAY_MCHID"),
  merchantSerial: Config.String("WECHATPAY_MERCHANT_SERIAL"),
  // one line in an environment file writes its line ends as \\n
  merchantPrivateKey: Config.Redacted("WECHATPAY_MERCHANT_PRIVATE_KEY").pipe(
    Config.map((pem) => Redacted.make(Redacted.value(pem).replaceAll("\\n", "\n")))
  ),
  platformKeys: Config.schema(
    Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)),
    "WECHATPAY_PLATFORM_KEYS"
  ),
  apiV3Key: Config.Redacted("WECHATPAY_API_V3_KEY")
})

/** The merchant that the sandbox made for this shop at its first start; none where there is no sandbox. */
const fromSandbox = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* Config.String("MALL_DATA_DIR").pipe(Config.withDefault(".mall"))
  const port = yield* Config.Port("SANDBOX_PORT").pipe(Config.withDefault(8090))
  const file = path.join(folder, "sandbox", "wechatpay", "merchant.json")
  if (!(yield* fs.exists(file))) return Option.none()
  const merchant = yield* fs.readFileString(file).pipe(Effect.flatMap(Schema.decodeEffect(MerchantFile)))
  return Option.some({
    baseUrl: yield* Config.String("WECHATPAY_BASE_URL").pipe(Config.withDefault(`http://127.0.0.1:${port}/wechatpay/`)),
    appid: merchant.appid,
    mchid: merchant.mchid,
    merchantSerial: merchant.merchantSerial,
    merchantPrivateKey: Redacted.make(merchant.merchantPrivateKeyPem),
    platformKeys: { [merchant.platformSerial]: merchant.platformPublicKeyPem },
    apiV3Key: Redacted.make(merchant.apiV3Key)
  })
})

/** The merchant account at WeChat Pay: of the environment where `WECHATPAY_MCHID` is set, else of the sandbox, else none. */
export class WechatPayConfig extends Context.Service<WechatPayConfig, Option.Option<WechatPaySettings>>()(
  "@mall/payments/channel/WechatPayConfig"
) {
  static readonly layer = Layer.effect(
    WechatPayConfig,
    Effect.gen(function* () {
      const { publicUrl, ...common } = yield* Common
      const given = yield* Config.option(Config.String("WECHATPAY_MCHID"))
      const merchant = Option.isSome(given) ? Option.some(yield* Merchant) : yield* fromSandbox
      return Option.map(merchant, (settings) => ({
        ...common,
        ...settings,
        notifyUrl: `${publicUrl.replace(/\/$/, "")}/callbacks/wechatpay`
      }))
    })
  )
}
