import { DateTime, Effect, Option, Semaphore } from "effect"
import type { Schema } from "effect"
import { randomBytes, randomInt } from "node:crypto"
import { ActionRefused, ReferenceUnknown } from "../Channel.ts"
import type { PayerAction, PayerActionOptions } from "../Channel.ts"
import { Journal } from "../Journal.ts"
import { errors } from "./WechatPayError.ts"
import type { WechatPayError } from "./WechatPayError.ts"
import { formatTime, Order, tradeStates, tradeStateTexts } from "./WechatPayModel.ts"
import type { NativeRequest, TradeState, TradeType } from "./WechatPayModel.ts"

const digits = (length: number) => Array.from({ length }, () => randomInt(10)).join("")

/** `transaction_id` and `refund_id`: a prefix, the day, and digits that nobody else draws. */
export const makeNumber = (prefix: string, nowIso: string) =>
  `${prefix}${nowIso.slice(0, 10).replaceAll("-", "")}${digits(16)}`

/** What a query answers and a paid notice holds: WeChat Pay's `transaction`. */
export const toTransaction = (order: Order): Schema.JsonObject => ({
  appid: order.appid,
  mchid: order.mchid,
  out_trade_no: order.outTradeNo,
  trade_state: order.state,
  trade_state_desc: tradeStateTexts[order.state].zh,
  promotion_detail: [],
  ...(order.attach === null ? {} : { attach: order.attach }),
  amount: {
    total: order.total,
    currency: "CNY",
    ...(order.payment === null ? {} : { payer_total: order.payment.payerTotal, payer_currency: "CNY" })
  },
  ...(order.payment === null
    ? {}
    : {
        transaction_id: order.payment.transactionId,
        trade_type: order.tradeType,
        bank_type: "OTHERS",
        success_time: formatTime(order.payment.paidAt),
        payer: { openid: order.payment.openid }
      })
})

const isSameRequest = (order: Order, request: NativeRequest) =>
  order.appid === request.appid &&
  order.mchid === request.mchid &&
  order.description === request.description &&
  order.notifyUrl === request.notify_url &&
  order.total === request.amount.total &&
  order.attach === (request.attach ?? null) &&
  order.timeExpire === (request.time_expire ?? null)

/** The orders of the channel and the rules of their states. Changes happen one at a time. */
export const makeOrders = Effect.gen(function* () {
  const journal = yield* Journal
  const orders = yield* journal.open("wechatpay/orders", { schema: Order, key: ({ outTradeNo }) => outTradeNo })
  const byTransaction = new Map<string, string>()
  const byCode = new Map<string, string>()
  for (const { codeUrl, outTradeNo, payment } of orders.values()) {
    byCode.set(codeUrl, outTradeNo)
    if (payment !== null) byTransaction.set(payment.transactionId, outTradeNo)
  }
  const lock = yield* Semaphore.make(1)
  const exclusively = lock.withPermits(1)

  const find = Effect.fnUntraced(function* (outTradeNo: string): Effect.fn.Return<Order, WechatPayError> {
    return orders.get(outTradeNo) ?? (yield* errors.orderUnknown())
  })

  const findByTransaction = Effect.fnUntraced(function* (id: string): Effect.fn.Return<Order, WechatPayError> {
    const outTradeNo = byTransaction.get(id)
    return outTradeNo === undefined ? yield* errors.orderUnknown() : yield* find(outTradeNo)
  })

  const create = Effect.fnUntraced(function* (
    request: NativeRequest,
    tradeType: TradeType
  ): Effect.fn.Return<Order, WechatPayError> {
    const now = yield* DateTime.now
    const known = orders.get(request.out_trade_no)
    if (known !== undefined) {
      if (known.payment !== null) return yield* errors.orderPaid()
      if (known.state === "CLOSED") return yield* errors.orderClosed()
      if (!isSameRequest(known, request) || known.tradeType !== tradeType) return yield* errors.orderNumberUsed()
      return known
    }
    if (request.time_expire !== undefined && Date.parse(request.time_expire) <= DateTime.toEpochMillis(now)) {
      return yield* errors.parameter("/time_expire", "body", "已过期")
    }
    const order: Order = {
      outTradeNo: request.out_trade_no,
      appid: request.appid,
      mchid: request.mchid,
      description: request.description,
      notifyUrl: request.notify_url,
      total: request.amount.total,
      attach: request.attach ?? null,
      timeExpire: request.time_expire ?? null,
      codeUrl: `weixin://wxpay/bizpayurl?pr=${randomBytes(8).toString("base64url")}`,
      tradeType,
      createdAt: DateTime.formatIso(now),
      state: "NOTPAY",
      payment: null
    }
    yield* orders.set(order)
    byCode.set(order.codeUrl, order.outTradeNo)
    return order
  }, exclusively)

  /** Nothing more can be paid afterwards; again is the same. */
  const close = Effect.fnUntraced(function* (outTradeNo: string): Effect.fn.Return<void, WechatPayError> {
    const order = yield* find(outTradeNo)
    if (order.payment !== null) return yield* errors.orderPaid()
    yield* orders.set({ ...order, state: "CLOSED" })
  }, exclusively)

  const markRefunded = Effect.fnUntraced(function* (outTradeNo: string): Effect.fn.Return<void, WechatPayError> {
    const order = yield* find(outTradeNo)
    if (tradeStates.can(order.state, "REFUND")) yield* orders.set({ ...order, state: "REFUND" })
  }, exclusively)

  const target: Readonly<Record<PayerAction, TradeState>> = {
    scan: "USERPAYING",
    pay: "SUCCESS",
    fail: "PAYERROR",
    cancel: "NOTPAY"
  }

  const move = Effect.fnUntraced(function* (
    order: Order,
    action: PayerAction,
    options: PayerActionOptions
  ): Effect.fn.Return<Order, ActionRefused> {
    const to = target[action]
    const now = yield* DateTime.now
    if (order.state !== to && !tradeStates.can(order.state, to)) {
      return yield* new ActionRefused({ reason: `The order is ${order.state}` })
    }
    if (action !== "pay") return { ...order, state: to }
    if (order.payment !== null) return yield* new ActionRefused({ reason: "The order is paid" })
    if (order.timeExpire !== null && Date.parse(order.timeExpire) <= DateTime.toEpochMillis(now)) {
      return yield* new ActionRefused({ reason: "The order expired" })
    }
    const payerTotal = options.payerTotal ?? order.total
    if (payerTotal > order.total)
      return yield* new ActionRefused({ reason: "The payer cannot pay more than the total" })
    const paidAt = DateTime.formatIso(now)
    const payment = {
      transactionId: makeNumber("4200", paidAt),
      payerTotal,
      openid: `o${randomBytes(20).toString("base64url")}`,
      paidAt
    }
    return { ...order, state: to, payment }
  })

  /** What the payer does. Returns the order as it then is. */
  const act = Effect.fn("WechatPayOrders.act")(function* (
    outTradeNo: string,
    action: PayerAction,
    options: PayerActionOptions
  ): Effect.fn.Return<Order, ReferenceUnknown | ActionRefused> {
    const order = orders.get(outTradeNo)
    if (order === undefined) return yield* new ReferenceUnknown({ reference: outTradeNo })
    const moved = yield* move(order, action, options)
    yield* orders.set(moved)
    if (moved.payment !== null) byTransaction.set(moved.payment.transactionId, outTradeNo)
    return moved
  }, exclusively)

  return {
    find,
    findByTransaction,
    create,
    close,
    markRefunded,
    act,
    list: Effect.sync(() => orders.values().toReversed()),
    look: (outTradeNo: string) => Effect.sync(() => Option.fromUndefinedOr(orders.get(outTradeNo))),
    scan: (codeUrl: string) => Effect.sync(() => Option.fromUndefinedOr(orders.get(byCode.get(codeUrl) ?? ""))),
    clear: Effect.andThen(
      orders.clear,
      Effect.sync(() => {
        byTransaction.clear()
        byCode.clear()
      })
    )
  }
})
export type WechatPayOrders = Effect.Success<typeof makeOrders>
