import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { ChannelId } from "@mall/domain/payments/Payment"
import type { PaymentAction } from "@mall/domain/payments/Payment"
import { Clock, Effect, Option, Schema } from "effect"
import { Formatter } from "wechatpay-axios-plugin"
import { ChannelText } from "../Channel.ts"
import type {
  Channel,
  ChannelAttempt,
  ChannelOrder,
  ChannelPayment,
  ChannelRefund,
  ChannelRefundState
} from "../Channel.ts"
import type { ChannelDefinition } from "../ChannelDefinition.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure, contradiction, fromNetwork } from "../channelFailure.ts"
import { toHexId } from "../hexId.ts"
import { advice, isClosed, isMissing, isPaid } from "../wechatpay/wechatPayErrors.ts"
import * as WechatPayV2Callback from "./WechatPayV2Callback.ts"
import * as WechatPayV2Client from "./WechatPayV2Client.ts"
import { onOneLine } from "../onOneLine.ts"
import { ownAccounts } from "../OwnAccounts.ts"
import { ownWechatPayV2Settings, wechatPayV2Config, WechatPayV2Credentials } from "./WechatPayV2Config.ts"
import type { WechatPayV2Settings } from "./WechatPayV2Config.ts"
import { wechatPayV2Bill, wechatPayV2BillTerms } from "./wechatPayV2Bill.ts"
import { signatureOf } from "./wechatPayV2Signature.ts"
import { fromWechatTime, toWechatTime } from "./wechatTime.ts"

const encodeJson = Schema.encodeSync(Schema.fromJsonString(Schema.Json))
const Fen = Schema.FiniteFromString.pipe(Schema.decodeTo(MinorUnits))
const FeeType = Currency.pipe(Schema.withDecodingDefaultKey(Effect.succeed("CNY" as const)))
const Prepaid = Schema.Struct({
  prepay_id: ChannelText,
  code_url: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(512))),
  mweb_url: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1024)))
})

const Trade = Schema.Struct({
  appid: ChannelText,
  mch_id: ChannelText,
  out_trade_no: Schema.String,
  trade_state: Schema.String,
  transaction_id: Schema.optionalKey(ChannelText),
  total_fee: Schema.optionalKey(Fen),
  fee_type: FeeType,
  time_end: Schema.optionalKey(Schema.String)
})

const Refunding = Schema.Struct({ out_refund_no: Schema.String, refund_id: ChannelText })

/** A question about one refund is answered with a list of one. */
const FoundRefund = Schema.Struct({
  out_refund_no_0: Schema.String,
  refund_id_0: ChannelText,
  refund_fee_0: Fen,
  refund_status_0: Schema.Literals(["SUCCESS", "REFUNDCLOSE", "PROCESSING", "CHANGE"]),
  fee_type: FeeType
})

const tradeTypes: Readonly<Record<string, string>> = { native: "NATIVE", jsapi: "JSAPI", h5: "MWEB" }
const unreadable = fromNetwork("UNREADABLE_ANSWER")
const isRefundMissing = ({ reason }: ChannelError) => reason.code === "REFUNDNOTEXIST"
const unknownAddress = "127.0.0.1"

const toPayment = (trade: typeof Trade.Type): Effect.Effect<ChannelPayment, ChannelError> => {
  switch (trade.trade_state) {
    case "NOTPAY":
    case "USERPAYING":
    case "PAYERROR":
      return Effect.succeed({ _tag: "Open" })
    case "CLOSED":
    case "REVOKED":
      return Effect.succeed({ _tag: "Closed" })
    case "SUCCESS":
    case "REFUND": {
      const { appid, fee_type, mch_id, time_end = "", total_fee, transaction_id } = trade
      const paidAt = Option.getOrUndefined(fromWechatTime(time_end))
      return total_fee === undefined || transaction_id === undefined || paidAt === undefined
        ? Effect.fail(unreadable)
        : Effect.succeed({
            _tag: "Paid",
            amount: total_fee,
            currency: fee_type,
            account: { appid, mch_id },
            channelReference: transaction_id,
            paidAt
          })
    }
    default:
      return Effect.fail(unreadable)
  }
}

/** WeChat Pay, API v2: `native` shows a QR code, `jsapi` pays within WeChat and needs the buyer's `openid`, `h5` sends a phone's browser there. CNY. */
const make = Effect.fnUntraced(function* (settings: WechatPayV2Settings) {
  const client = yield* WechatPayV2Client.make(settings)
  const { call } = client
  const { apiKey, appid, mchid, notifyUrl, signType } = settings

  const { host, origin } = new URL(notifyUrl)
  /** Whose page sends a phone's browser to WeChat, without which it takes no such order. */
  const sceneInfo = encodeJson({ h5_info: { type: "Wap", wap_url: origin, wap_name: host } })

  /** What WeChat's script is handed; signed by us, so that nobody else chooses the order. */
  const forScript = (prepayId: string, at: number): PaymentAction => {
    const params = {
      appId: appid,
      timeStamp: String(Math.floor(at / 1000)),
      nonceStr: Formatter.nonce(),
      package: `prepay_id=${prepayId}`,
      signType
    }
    return { type: "params", params: { ...params, paySign: signatureOf(signType, params, apiKey) } }
  }

  const create = Effect.fnUntraced(function* (attempt: ChannelAttempt) {
    const { amount, description, expiresAt, id, method, payer } = attempt
    if (method === "jsapi" && payer["openid"] === undefined) return yield* channelFailure("declined", "OPENID_NEEDED")
    const prepaid = yield* call({
      operation: "create",
      path: "pay/unifiedorder",
      fields: {
        body: onOneLine(description),
        out_trade_no: toHexId(id),
        total_fee: String(amount.amount),
        fee_type: amount.currency,
        spbill_create_ip: payer["ip"] ?? unknownAddress,
        time_expire: toWechatTime(expiresAt),
        notify_url: notifyUrl,
        trade_type: tradeTypes[method] ?? "NATIVE",
        product_id: toHexId(id),
        ...(payer["openid"] === undefined ? {} : { openid: payer["openid"] }),
        ...(method === "h5" ? { scene_info: sceneInfo } : {})
      },
      answer: Prepaid
    })
    const action: PaymentAction | undefined =
      method === "jsapi"
        ? forScript(prepaid.prepay_id, yield* Clock.currentTimeMillis)
        : method === "h5"
          ? prepaid.mweb_url === undefined
            ? undefined
            : { type: "redirect", url: prepaid.mweb_url }
          : prepaid.code_url === undefined
            ? undefined
            : { type: "qr", content: prepaid.code_url }
    if (action === undefined) return yield* unreadable
    const order: ChannelOrder = { action, channelReference: null }
    return order
  })

  const query = ({ id }: ChannelAttempt): Effect.Effect<ChannelPayment, ChannelError> =>
    call({ operation: "query", path: "pay/orderquery", fields: { out_trade_no: toHexId(id) }, answer: Trade }).pipe(
      Effect.filterOrFail(
        ({ out_trade_no }) => out_trade_no === toHexId(id),
        () => contradiction
      ),
      Effect.flatMap(toPayment),
      Effect.catchIf(isMissing, () => Effect.succeed<ChannelPayment>({ _tag: "Missing" }))
    )

  const close = ({ id }: ChannelAttempt): Effect.Effect<"closed" | "paid", ChannelError> =>
    call({
      operation: "close",
      path: "pay/closeorder",
      fields: { out_trade_no: toHexId(id) },
      answer: Schema.Unknown
    }).pipe(
      Effect.as("closed" as const),
      Effect.catchIf(
        (error) => isMissing(error) || isClosed(error),
        () => Effect.succeed("closed" as const)
      ),
      Effect.catchIf(isPaid, () => Effect.succeed("paid" as const))
    )

  const refund = Effect.fnUntraced(function* (input: ChannelRefund) {
    const answer = yield* call({
      operation: "refund",
      path: "secapi/pay/refund",
      isSecured: true,
      fields: {
        out_trade_no: toHexId(input.attempt.id),
        out_refund_no: toHexId(input.id),
        total_fee: String(input.attempt.amount.amount),
        refund_fee: String(input.amount.amount),
        refund_fee_type: input.amount.currency,
        refund_desc: input.reason,
        notify_url: notifyUrl
      },
      answer: Refunding
    })
    if (answer.out_refund_no !== toHexId(input.id)) return yield* contradiction
    return { _tag: "Processing", channelReference: answer.refund_id } satisfies ChannelRefundState
  })

  const queryRefund = Effect.fnUntraced(
    function* (input: ChannelRefund): Effect.fn.Return<ChannelRefundState, ChannelError> {
      const found = yield* call({
        operation: "queryRefund",
        path: "pay/refundquery",
        fields: { out_refund_no: toHexId(input.id) },
        answer: FoundRefund
      })
      if (found.out_refund_no_0 !== toHexId(input.id)) return yield* contradiction
      switch (found.refund_status_0) {
        case "SUCCESS":
          return {
            _tag: "Refunded",
            amount: found.refund_fee_0,
            currency: found.fee_type,
            account: {},
            channelReference: found.refund_id_0
          }
        case "PROCESSING":
          return { _tag: "Processing", channelReference: found.refund_id_0 }
        case "REFUNDCLOSE":
        case "CHANGE":
          return { _tag: "Failed", code: found.refund_status_0 }
      }
    },
    Effect.catchIf(
      (error) => isRefundMissing(error) || isMissing(error),
      () => Effect.succeed<ChannelRefundState>({ _tag: "Missing" })
    )
  )

  const answerXml = (code: string, message: string) =>
    `<xml><return_code><![CDATA[${code}]]></return_code><return_msg><![CDATA[${message}]]></return_msg></xml>`

  const channel: Channel = {
    id: ChannelId.make("wechatpay_v2"),
    methods: ["native", "jsapi", "h5"],
    pageMethods: ["native"],
    currencies: new Set(["CNY"]),
    account: { appid, mch_id: mchid },
    advice,
    create,
    query,
    close,
    refund,
    queryRefund,
    parseCallback: WechatPayV2Callback.make(settings),
    acknowledgement: { status: 200, contentType: "text/xml", body: answerXml("SUCCESS", "OK") },
    refusal: (reason) => ({ status: 200, contentType: "text/xml", body: answerXml("FAIL", reason) }),
    bill: wechatPayV2Bill(settings, client)
  }
  return channel
})

export const wechatPayV2: ChannelDefinition = {
  id: "wechatpay_v2",
  setting: "WECHATPAY_V2_MCHID",
  make: Effect.flatMap(wechatPayV2Config, (settings) => Effect.transposeOption(Option.map(settings, make))),
  own: ownAccounts({
    bill: wechatPayV2BillTerms,
    credentials: WechatPayV2Credentials,
    accountOf: ({ appid, mchid }) => `${mchid}/${appid}`,
    settings: ownWechatPayV2Settings,
    make
  })
}
