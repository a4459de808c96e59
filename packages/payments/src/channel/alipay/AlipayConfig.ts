import { Config, Duration, Effect, Option, Redacted, Schema } from "effect"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { notifyUrl, ownNotifyUrl, sandboxMerchant, sandboxUrl, unescapePem } from "../channelConfig.ts"
import { code, PrivateKeyPem, PublicKeyPem, secret } from "../credentialFields.ts"

/** What Alipay gave the merchant. `merchant.json` of the sandbox has the same fields but the addresses and times. */
export interface AlipaySettings {
  /** `…/gateway.do` */
  readonly gateway: string
  /** The host that bills are fetched from, and no other: what names an address of one may be wrong. */
  readonly billOrigin: string
  /** Where the channel sends its notices: our public address of `/callbacks/alipay`. */
  readonly notifyUrl: string
  readonly appId: string
  /** The seller's user id (PID), which notices name. */
  readonly sellerId: string
  readonly privateKey: Redacted.Redacted
  readonly alipayPublicKey: string
  readonly timeout: Duration.Duration
  /** How far the time at which a notice was sent may be from our clock. Says nothing about when the payment was made. */
  readonly callbackWindow: Duration.Duration
}

const MerchantFile = Schema.Struct({
  appId: Schema.String,
  sellerId: Schema.String,
  privateKeyPem: Schema.String,
  alipayPublicKeyPem: Schema.String
})

const Common = Config.all({
  notifyUrl: notifyUrl("alipay"),
  timeout: Config.Duration("ALIPAY_TIMEOUT").pipe(Config.withDefault(Duration.seconds(5))),
  callbackWindow: Config.Duration("ALIPAY_CALLBACK_WINDOW").pipe(Config.withDefault(Duration.minutes(5)))
})

const Gateway = Config.String("ALIPAY_GATEWAY").pipe(Config.withDefault("https://openapi.alipay.com/gateway.do"))

const BillOrigin = Config.String("ALIPAY_BILL_ORIGIN")
const RealBillOrigin = BillOrigin.pipe(Config.withDefault("https://dwbillcenter.alipay.com"))

const Merchant = Config.all({
  gateway: Gateway,
  billOrigin: RealBillOrigin,
  appId: Config.String("ALIPAY_APP_ID"),
  sellerId: Config.String("ALIPAY_SELLER_ID"),
  privateKey: Config.Redacted("ALIPAY_PRIVATE_KEY").pipe(
    Config.map((pem) => Redacted.make(unescapePem(Redacted.value(pem))))
  ),
  alipayPublicKey: Config.String("ALIPAY_PUBLIC_KEY").pipe(Config.map(unescapePem))
})

const fromSandbox = Effect.gen(function* () {
  const merchant = yield* sandboxMerchant("alipay", MerchantFile)
  if (Option.isNone(merchant)) return Option.none()
  const { alipayPublicKeyPem, appId, privateKeyPem, sellerId } = merchant.value
  const gateway = yield* Config.String("ALIPAY_GATEWAY").pipe(
    Config.orElse(() => Config.map(sandboxUrl("alipay"), (url) => `${url}gateway.do`))
  )
  return Option.some({
    gateway,
    billOrigin: yield* BillOrigin.pipe(Config.withDefault(new URL(gateway).origin)),
    appId,
    sellerId,
    privateKey: Redacted.make(privateKeyPem),
    alipayPublicKey: alipayPublicKeyPem
  })
})

/** The platform's account at Alipay: of the environment where `ALIPAY_APP_ID` is set, else of the sandbox, else none. */
export const alipayConfig = Effect.gen(function* () {
  const common = yield* Common
  const given = yield* Config.option(Config.String("ALIPAY_APP_ID"))
  const merchant = Option.isSome(given) ? Option.some(yield* Merchant) : yield* fromSandbox
  return Option.map(merchant, (settings): AlipaySettings => ({ ...common, ...settings }))
})

/** What a merchant gives us of an account of their own. */
export const AlipayCredentials = Schema.Struct({
  appId: code(32),
  sellerId: code(32),
  privateKey: secret(PrivateKeyPem),
  alipayPublicKey: PublicKeyPem
})

/** A merchant's own account, at the address that the platform's is at. */
export const ownAlipaySettings = Effect.fnUntraced(function* (
  { alipayPublicKey, privateKey, ...credentials }: typeof AlipayCredentials.Type,
  merchantId: MerchantId
) {
  const platform = yield* alipayConfig
  const settings: AlipaySettings = {
    ...(yield* Common),
    ...credentials,
    gateway: Option.isSome(platform) ? platform.value.gateway : yield* Gateway,
    billOrigin: Option.isSome(platform) ? platform.value.billOrigin : yield* RealBillOrigin,
    notifyUrl: yield* ownNotifyUrl("alipay", merchantId),
    privateKey: Redacted.make(unescapePem(Redacted.value(privateKey))),
    alipayPublicKey: unescapePem(alipayPublicKey)
  }
  return settings
})
