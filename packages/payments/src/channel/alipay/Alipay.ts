import { formatMajor, parseMajor } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
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
import { contradiction, fromNetwork } from "../channelFailure.ts"
import { toHexId } from "../hexId.ts"
import * as AlipayCallback from "./AlipayCallback.ts"
import * as AlipayClient from "./AlipayClient.ts"
import { onOneLine } from "../onOneLine.ts"
import { ownAccounts } from "../OwnAccounts.ts"
import { ownAlipaySettings, alipayConfig, AlipayCredentials } from "./AlipayConfig.ts"
import type { AlipaySettings } from "./AlipayConfig.ts"
import { advice, isMissing, isNotClosable } from "./alipayErrors.ts"
import { alipayBill, alipayBillTerms } from "./alipayBill.ts"
import { fromAlipayTime, toAlipayTime } from "./alipayTime.ts"

const Precreated = Schema.Struct({
  outTradeNo: Schema.String,
  qrCode: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(1024))
})

const Trade = Schema.Struct({
  outTradeNo: Schema.String,
  tradeNo: ChannelText,
  tradeStatus: Schema.String,
  totalAmount: Schema.String,
  sendPayDate: Schema.optionalKey(Schema.String)
})

const Refunded = Schema.Struct({
  outTradeNo: Schema.String,
  tradeNo: ChannelText,
  fundChange: Schema.optionalKey(Schema.String)
})

/** What is not there is not refunded: Alipay answers a question about an unknown refund without any of these. */
const RefundFound = Schema.Struct({
  outTradeNo: Schema.optionalKey(Schema.String),
  outRequestNo: Schema.optionalKey(Schema.String),
  refundAmount: Schema.optionalKey(Schema.String),
  refundStatus: Schema.optionalKey(Schema.String)
})

const isMinorUnits = Schema.is(MinorUnits)
const unreadable = fromNetwork("UNREADABLE_ANSWER")

const toPayment = (trade: typeof Trade.Type): Effect.Effect<ChannelPayment, ChannelError> => {
  const paidAt = Option.getOrUndefined(Option.flatMap(Option.fromUndefinedOr(trade.sendPayDate), fromAlipayTime))
  switch (trade.tradeStatus) {
    case "WAIT_BUYER_PAY":
      return Effect.succeed({ _tag: "Open" })
    case "TRADE_CLOSED":
      // a trade that was paid and then given back in full is called closed as well
      if (paidAt === undefined) return Effect.succeed({ _tag: "Closed" })
      break
    case "TRADE_SUCCESS":
    case "TRADE_FINISHED":
      break
    default:
      return Effect.fail(unreadable)
  }
  const amount = parseMajor(trade.totalAmount, "CNY")
  if (!isMinorUnits(amount) || paidAt === undefined) return Effect.fail(unreadable)
  return Effect.succeed({ _tag: "Paid", amount, currency: "CNY", account: {}, channelReference: trade.tradeNo, paidAt })
}

/**
 * Alipay: `page` sends the browser to Alipay, `precreate` shows a QR code. Takes CNY. Behind `page` the order exists once the
 * buyer has come to Alipay; until then a question finds nothing, and there is nothing to close. An order that somebody opens
 * after we closed it is bounded by `time_expire`, and a payment of it is given back like every late one.
 */
export const make = Effect.fnUntraced(function* (settings: AlipaySettings) {
  const client = yield* AlipayClient.make(settings)
  const { appId, notifyUrl, sellerId } = settings

  const orderOf = ({ amount, description, expiresAt, id }: ChannelAttempt) => ({
    out_trade_no: toHexId(id),
    total_amount: formatMajor(amount.amount, amount.currency),
    // a bill quotes nothing: a comma would begin another column
    subject: onOneLine(description).replaceAll(",", "，"),
    time_expire: toAlipayTime(expiresAt)
  })

  const page = (attempt: ChannelAttempt) =>
    Effect.sync((): ChannelOrder => {
      const url = client.pageUrl("alipay.trade.page.pay", {
        bizContent: { ...orderOf(attempt), product_code: "FAST_INSTANT_TRADE_PAY" },
        notifyUrl,
        ...(attempt.returnUrl === null ? {} : { returnUrl: attempt.returnUrl })
      })
      return { action: { type: "redirect", url }, channelReference: null }
    })

  const precreate = Effect.fnUntraced(function* (attempt: ChannelAttempt) {
    const { outTradeNo, qrCode } = yield* client.call({
      operation: "create",
      method: "alipay.trade.precreate",
      bizContent: orderOf(attempt),
      notifyUrl,
      answer: Precreated
    })
    if (outTradeNo !== toHexId(attempt.id)) return yield* contradiction
    const order: ChannelOrder = { action: { type: "qr", content: qrCode }, channelReference: null }
    return order
  })

  const query = ({ id }: ChannelAttempt): Effect.Effect<ChannelPayment, ChannelError> =>
    client
      .call({
        operation: "query",
        method: "alipay.trade.query",
        bizContent: { out_trade_no: toHexId(id) },
        answer: Trade
      })
      .pipe(
        Effect.filterOrFail(
          ({ outTradeNo }) => outTradeNo === toHexId(id),
          () => contradiction
        ),
        Effect.flatMap(toPayment),
        Effect.catchIf(isMissing, () => Effect.succeed<ChannelPayment>({ _tag: "Missing" }))
      )

  /** The order was not in a state to be closed: which one it is in says why. */
  const afterRefusal = Effect.fnUntraced(function* (attempt: ChannelAttempt) {
    const { _tag } = yield* query(attempt)
    if (_tag === "Paid") return "paid" as const
    if (_tag === "Closed" || _tag === "Missing") return "closed" as const
    return yield* fromNetwork("NOT_CLOSABLE")
  })

  const close = (attempt: ChannelAttempt): Effect.Effect<"closed" | "paid", ChannelError> =>
    client
      .call({
        operation: "close",
        method: "alipay.trade.close",
        bizContent: { out_trade_no: toHexId(attempt.id) },
        answer: Schema.Unknown
      })
      .pipe(
        Effect.as("closed" as const),
        Effect.catchIf(isMissing, () => Effect.succeed("closed" as const)),
        Effect.catchIf(isNotClosable, () => afterRefusal(attempt))
      )

  const refunded = (input: ChannelRefund, tradeNo: string, amount = input.amount.amount): ChannelRefundState => ({
    _tag: "Refunded",
    amount: MinorUnits.make(amount),
    currency: "CNY",
    account: {},
    channelReference: `${tradeNo}.${toHexId(input.id)}`
  })

  const refund = Effect.fnUntraced(function* (input: ChannelRefund) {
    const answer = yield* client.call({
      operation: "refund",
      method: "alipay.trade.refund",
      bizContent: {
        out_trade_no: toHexId(input.attempt.id),
        out_request_no: toHexId(input.id),
        refund_amount: formatMajor(input.amount.amount, input.amount.currency),
        refund_reason: input.reason
      },
      answer: Refunded
    })
    if (answer.outTradeNo !== toHexId(input.attempt.id)) return yield* contradiction
    // `N` says that this call moved nothing: it was moved before, or is under way. Which of the two, a question tells.
    return answer.fundChange === "Y"
      ? refunded(input, answer.tradeNo)
      : ({ _tag: "Processing", channelReference: null } satisfies ChannelRefundState)
  })

  const queryRefund = Effect.fnUntraced(
    function* (input: ChannelRefund): Effect.fn.Return<ChannelRefundState, ChannelError> {
      const found = yield* client.call({
        operation: "queryRefund",
        method: "alipay.trade.fastpay.refund.query",
        bizContent: { out_trade_no: toHexId(input.attempt.id), out_request_no: toHexId(input.id) },
        answer: Schema.Struct({ ...RefundFound.fields, tradeNo: Schema.optionalKey(ChannelText) })
      })
      const { outRequestNo, refundAmount, refundStatus, tradeNo } = found
      if (outRequestNo === undefined || refundAmount === undefined || tradeNo === undefined) return { _tag: "Missing" }
      if (outRequestNo !== toHexId(input.id)) return yield* contradiction
      // without a state the request did not arrive or the refund failed: the same is to be sent again
      if (refundStatus === undefined) return { _tag: "Missing" }
      if (refundStatus !== "REFUND_SUCCESS") return { _tag: "Processing", channelReference: null }
      const amount = parseMajor(refundAmount, "CNY")
      if (!isMinorUnits(amount)) return yield* unreadable
      return refunded(input, tradeNo, amount)
    },
    Effect.catchIf(isMissing, () => Effect.succeed<ChannelRefundState>({ _tag: "Missing" }))
  )

  const channel: Channel = {
    id: ChannelId.make("alipay"),
    methods: ["page", "precreate"],
    pageMethods: ["page", "precreate"],
    currencies: new Set(["CNY"]),
    account: { app_id: appId, seller_id: sellerId },
    advice,
    create: (attempt) => (attempt.method === "precreate" ? precreate(attempt) : page(attempt)),
    query,
    close,
    refund,
    queryRefund,
    parseCallback: AlipayCallback.make(settings, client),
    acknowledgement: { status: 200, contentType: "text/plain", body: "success" },
    refusal: () => ({ status: 200, contentType: "text/plain", body: "fail" }),
    bill: alipayBill(settings, client)
  }
  return channel
})

export const alipay: ChannelDefinition = {
  id: "alipay",
  setting: "ALIPAY_APP_ID",
  make: Effect.flatMap(alipayConfig, (settings) => Effect.transposeOption(Option.map(settings, make))),
  own: ownAccounts({
    bill: alipayBillTerms,
    credentials: AlipayCredentials,
    accountOf: ({ appId, sellerId }) => `${sellerId}/${appId}`,
    settings: ownAlipaySettings,
    make
  })
}
