import { MinorUnits } from "@mall/domain/kernel/Money"
import { Currency } from "@mall/domain/kernel/Currency"
import { ChannelId } from "@mall/domain/payments/Payment"
import { Effect, Option, Schema } from "effect"
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
import { toHexId } from "../hexId.ts"
import * as WechatPayCallback from "./WechatPayCallback.ts"
import * as WechatPayClient from "./WechatPayClient.ts"
import { onOneLine } from "../onOneLine.ts"
import { ownAccounts } from "../OwnAccounts.ts"
import { ownWechatPaySettings, wechatPayConfig, WechatPayCredentials } from "./WechatPayConfig.ts"
import type { WechatPaySettings } from "./WechatPayConfig.ts"
import { channelFailure, contradiction, fromNetwork } from "../channelFailure.ts"
import { advice, isClosed, isMissing, isPaid } from "./wechatPayErrors.ts"
import { wechatPayBill, wechatPayBillTerms } from "./wechatPayBill.ts"
import { toPayment, Transaction } from "./wechatPayTransaction.ts"
import { waysOf } from "./wechatPayWays.ts"

const RefundAnswer = Schema.Struct({
  refund_id: ChannelText,
  out_refund_no: Schema.String,
  status: Schema.Literals(["SUCCESS", "CLOSED", "PROCESSING", "ABNORMAL"]),
  amount: Schema.Struct({ refund: MinorUnits, currency: Schema.optionalKey(Currency) })
})

/** RFC 3339 with an offset and whole seconds, the only form of time that the API takes. */
const toApiTime = (date: Date) => `${date.toISOString().slice(0, 19)}+00:00`

/** WeChat Pay v3. Takes CNY, whose minor unit is the API's own. */
export const make = Effect.fnUntraced(function* (settings: WechatPaySettings) {
  const client = yield* WechatPayClient.make(settings)
  const { call, keys } = client
  const { appid, mchid } = settings

  const ways = waysOf(settings, call)

  const create = Effect.fnUntraced(function* (attempt: ChannelAttempt) {
    const { amount, description, expiresAt, id, method } = attempt
    const way = ways[method]
    if (way === undefined) return yield* channelFailure("refused", "UNKNOWN_METHOD")
    const action = yield* way(
      {
        appid,
        mchid,
        description: onOneLine(description),
        out_trade_no: toHexId(id),
        time_expire: toApiTime(expiresAt),
        notify_url: settings.notifyUrl,
        amount: { total: amount.amount, currency: amount.currency }
      },
      attempt
    )
    const order: ChannelOrder = { action, channelReference: null }
    return order
  })

  const query = ({ id }: ChannelAttempt): Effect.Effect<ChannelPayment, ChannelError> =>
    call({
      operation: "query",
      method: "get",
      path: `pay/transactions/out-trade-no/${toHexId(id)}?mchid=${encodeURIComponent(mchid)}`,
      answer: Transaction
    }).pipe(
      Effect.filterOrFail(
        ({ out_trade_no }) => out_trade_no === toHexId(id),
        () => contradiction
      ),
      Effect.flatMap(toPayment),
      Effect.catchTag("TransactionIncomplete", () => Effect.fail(fromNetwork("UNREADABLE_ANSWER"))),
      Effect.catchIf(isMissing, () => Effect.succeed<ChannelPayment>({ _tag: "Missing" }))
    )

  const close = ({ id }: ChannelAttempt): Effect.Effect<"closed" | "paid", ChannelError> =>
    call({
      operation: "close",
      method: "post",
      path: `pay/transactions/out-trade-no/${toHexId(id)}/close`,
      body: { mchid },
      answer: Schema.Unknown
    }).pipe(
      Effect.as("closed" as const),
      Effect.catchIf(
        (error) => isMissing(error) || isClosed(error),
        () => Effect.succeed("closed" as const)
      ),
      Effect.catchIf(isPaid, () => Effect.succeed("paid" as const))
    )

  const toRefundState = (
    refund: ChannelRefund,
    answer: typeof RefundAnswer.Type
  ): Effect.Effect<ChannelRefundState, ChannelError> => {
    if (answer.out_refund_no !== toHexId(refund.id)) return Effect.fail(contradiction)
    switch (answer.status) {
      case "SUCCESS":
        return Effect.succeed({
          _tag: "Refunded",
          amount: answer.amount.refund,
          currency: answer.amount.currency ?? "CNY",
          account: { mchid },
          channelReference: answer.refund_id
        })
      case "PROCESSING":
        return Effect.succeed({ _tag: "Processing", channelReference: answer.refund_id })
      case "CLOSED":
      case "ABNORMAL":
        return Effect.succeed({ _tag: "Failed", code: answer.status })
    }
  }

  const refund = (input: ChannelRefund): Effect.Effect<ChannelRefundState, ChannelError> =>
    call({
      operation: "refund",
      method: "post",
      path: "refund/domestic/refunds",
      body: {
        out_trade_no: toHexId(input.attempt.id),
        out_refund_no: toHexId(input.id),
        reason: input.reason,
        notify_url: settings.notifyUrl,
        amount: {
          refund: input.amount.amount,
          total: input.attempt.amount.amount,
          currency: input.amount.currency
        }
      },
      answer: RefundAnswer
    }).pipe(Effect.flatMap((answer) => toRefundState(input, answer)))

  const queryRefund = (input: ChannelRefund): Effect.Effect<ChannelRefundState, ChannelError> =>
    call({
      operation: "queryRefund",
      method: "get",
      path: `refund/domestic/refunds/${toHexId(input.id)}`,
      answer: RefundAnswer
    }).pipe(
      Effect.flatMap((answer) => toRefundState(input, answer)),
      Effect.catchIf(isMissing, () => Effect.succeed<ChannelRefundState>({ _tag: "Missing" }))
    )

  const channel: Channel = {
    id: ChannelId.make("wechatpay"),
    methods: ["native", "jsapi", "h5"],
    pageMethods: ["native"],
    currencies: new Set(["CNY"]),
    account: { appid, mchid },
    advice,
    create,
    query,
    close,
    refund,
    queryRefund,
    bill: wechatPayBill(settings, client),
    parseCallback: WechatPayCallback.make(settings, keys),
    acknowledgement: { status: 204 },
    refusal: (reason) => ({
      status: reason === "unavailable" || reason === "unverifiable" ? 503 : reason === "malformed" ? 400 : 401,
      contentType: "application/json",
      body: `{"code":"FAIL","message":"${reason}"}`
    })
  }
  return channel
})

export const wechatPay: ChannelDefinition = {
  id: "wechatpay",
  setting: "WECHATPAY_MCHID",
  make: Effect.flatMap(wechatPayConfig, (settings) => Effect.transposeOption(Option.map(settings, make))),
  own: ownAccounts({
    bill: wechatPayBillTerms,
    credentials: WechatPayCredentials,
    accountOf: ({ appid, mchid }) => `${mchid}/${appid}`,
    settings: ownWechatPaySettings,
    make
  })
}
