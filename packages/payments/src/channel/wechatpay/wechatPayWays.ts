import type { PaymentAction } from "@mall/domain/payments/Payment"
import { Clock, Effect, Redacted, Schema } from "effect"
import { Formatter, Rsa } from "wechatpay-axios-plugin"
import type { ChannelAttempt } from "../Channel.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure } from "../channelFailure.ts"
import type { WechatPayClient } from "./WechatPayClient.ts"
import type { WechatPaySettings } from "./WechatPayConfig.ts"

const Text = (maxLength: number) => Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxLength))
const Native = Schema.Struct({ code_url: Text(512) })
const Jsapi = Schema.Struct({ prepay_id: Text(128) })
const H5 = Schema.Struct({ h5_url: Schema.String.check(Schema.isPattern(/^https?:\/\/\S{1,1024}$/)) })

/** Where nobody told the address of the buyer's phone. */
const unknownAddress = "127.0.0.1"

type Order = Readonly<Record<string, unknown>>
type Way = (order: Order, attempt: ChannelAttempt) => Effect.Effect<PaymentAction, ChannelError>

/**
 * The ways to pay of API v3 and what each has the buyer do: `native` scans a QR code, `jsapi` pays within WeChat and needs
 * `payer.openid`, `h5` goes there from a phone's browser, whose address is `payer.ip`.
 */
export const waysOf = (
  { appid, merchantPrivateKey }: WechatPaySettings,
  call: WechatPayClient["call"]
): Readonly<Record<string, Way>> => {
  const create = <A>(way: string, body: Order, answer: Schema.Codec<A, unknown>) =>
    call({ operation: "create", method: "post", path: `pay/transactions/${way}`, body, answer })

  return {
    native: (order) =>
      Effect.map(create("native", order, Native), ({ code_url }) => ({ type: "qr", content: code_url })),
    jsapi: Effect.fnUntraced(function* (order, { payer: { openid } }) {
      if (openid === undefined) return yield* channelFailure("declined", "OPENID_NEEDED")
      const { prepay_id } = yield* create("jsapi", { ...order, payer: { openid } }, Jsapi)
      const params = {
        appId: appid,
        timeStamp: String(Math.floor((yield* Clock.currentTimeMillis) / 1000)),
        nonceStr: Formatter.nonce(),
        package: `prepay_id=${prepay_id}`
      }
      // WeChat's script believes an order that we signed, so that nobody else chooses it
      const message = Formatter.joinedByLineFeed(params.appId, params.timeStamp, params.nonceStr, params.package)
      const paySign = Rsa.sign(message, Redacted.value(merchantPrivateKey))
      const action: PaymentAction = { type: "params", params: { ...params, signType: "RSA", paySign } }
      return action
    }),
    h5: (order, { payer }) =>
      Effect.map(
        create(
          "h5",
          { ...order, scene_info: { payer_client_ip: payer["ip"] ?? unknownAddress, h5_info: { type: "Wap" } } },
          H5
        ),
        ({ h5_url }) => ({ type: "redirect", url: h5_url })
      )
  }
}
