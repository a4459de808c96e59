import { DateTime, Duration, Effect, FiberMap, Semaphore } from "effect"
import type { Schema } from "effect"
import { ActionRefused, ReferenceUnknown } from "../Channel.ts"
import type { RefundOutcome } from "../Channel.ts"
import { Journal } from "../Journal.ts"
import { SandboxConfig } from "../SandboxConfig.ts"
import { errors } from "./WechatPayError.ts"
import type { WechatPayError } from "./WechatPayError.ts"
import { formatTime, Refund } from "./WechatPayModel.ts"
import type { Order, RefundRequest, RefundStatus } from "./WechatPayModel.ts"
import { makeNumber } from "./WechatPayOrders.ts"
import type { WechatPayOrders } from "./WechatPayOrders.ts"

const mostRefunds = 50
const receivedBy = "支付用户零钱"

/** The payer's share of a refund, the rest being the coupon's. */
const payerRefund = ({ refund, total, payerTotal }: Refund) =>
  Number((BigInt(refund) * BigInt(payerTotal)) / BigInt(total))

/** What asking for a refund and querying it answer. */
export const toRefund = (refund: Refund): Schema.JsonObject => ({
  refund_id: refund.refundId,
  out_refund_no: refund.outRefundNo,
  transaction_id: refund.transactionId,
  out_trade_no: refund.outTradeNo,
  channel: "ORIGINAL",
  user_received_account: receivedBy,
  create_time: formatTime(refund.createdAt),
  status: refund.status,
  funds_account: "AVAILABLE",
  ...(refund.status === "SUCCESS" && refund.settledAt !== null ? { success_time: formatTime(refund.settledAt) } : {}),
  amount: {
    total: refund.total,
    refund: refund.refund,
    payer_total: refund.payerTotal,
    payer_refund: payerRefund(refund),
    settlement_refund: refund.refund,
    settlement_total: refund.total,
    discount_refund: refund.refund - payerRefund(refund),
    currency: "CNY"
  },
  promotion_detail: []
})

/** What a refund's notice holds; it names the amounts without their currency, as the real one does. */
const toNotice = (refund: Refund, mchid: string): Schema.JsonObject => ({
  mchid,
  out_trade_no: refund.outTradeNo,
  transaction_id: refund.transactionId,
  out_refund_no: refund.outRefundNo,
  refund_id: refund.refundId,
  refund_status: refund.status,
  user_received_account: receivedBy,
  ...(refund.status === "SUCCESS" && refund.settledAt !== null ? { success_time: formatTime(refund.settledAt) } : {}),
  amount: {
    total: refund.total,
    refund: refund.refund,
    payer_total: refund.payerTotal,
    payer_refund: payerRefund(refund)
  }
})

const outcomes: Readonly<Record<RefundOutcome, RefundStatus>> = {
  succeed: "SUCCESS",
  close: "CLOSED",
  abnormal: "ABNORMAL"
}

const isSameRequest = (refund: Refund, order: Order, request: RefundRequest) =>
  refund.outTradeNo === order.outTradeNo &&
  refund.refund === request.amount.refund &&
  refund.total === request.amount.total

export interface RefundNotice {
  readonly event: string
  readonly reference: string
  readonly url: string
  readonly payload: Schema.JsonObject
}

/**
 * The refunds of the channel. One that is accepted is `PROCESSING` until `SANDBOX_REFUND_DELAY` has passed, also over a
 * restart; then it succeeds, and the merchant is told where it gave an address.
 */
export const makeRefunds = Effect.fnUntraced(function* (
  orders: WechatPayOrders,
  mchid: string,
  notify: (notice: RefundNotice) => Effect.Effect<void>
) {
  const journal = yield* Journal
  const { refundDelay } = yield* SandboxConfig
  const refunds = yield* journal.open("wechatpay/refunds", { schema: Refund, key: ({ outRefundNo }) => outRefundNo })
  const ofOrder = new Map<string, Set<string>>()
  const enter = ({ outRefundNo, outTradeNo }: Refund) => {
    const known = ofOrder.get(outTradeNo)
    if (known === undefined) ofOrder.set(outTradeNo, new Set([outRefundNo]))
    else known.add(outRefundNo)
  }
  for (const refund of refunds.values()) enter(refund)
  const lock = yield* Semaphore.make(1)
  const exclusively = lock.withPermits(1)
  const settlements = yield* FiberMap.make<string>()

  /** Those that took money or still may: a refund that was closed gave it back. */
  const standing = (outTradeNo: string) =>
    Array.from(ofOrder.get(outTradeNo) ?? [], (number) => refunds.get(number)).filter(
      (refund): refund is Refund => refund !== undefined && refund.status !== "CLOSED"
    )
  const refunded = (outTradeNo: string) => standing(outTradeNo).reduce((sum, { refund }) => sum + refund, 0)

  const settle = Effect.fn("WechatPayRefunds.settle")(function* (
    outRefundNo: string,
    outcome: RefundOutcome
  ): Effect.fn.Return<void, ReferenceUnknown | ActionRefused> {
    const refund = refunds.get(outRefundNo)
    if (refund === undefined) return yield* new ReferenceUnknown({ reference: outRefundNo })
    if (refund.status !== "PROCESSING") {
      return yield* new ActionRefused({ reason: `The refund is ${refund.status}` })
    }
    const settledAt = DateTime.formatIso(yield* DateTime.now)
    const settled: Refund = { ...refund, status: outcomes[outcome], settledAt }
    yield* refunds.set(settled)
    if (settled.notifyUrl !== null) {
      yield* notify({
        event: `REFUND.${settled.status}`,
        reference: outRefundNo,
        url: settled.notifyUrl,
        payload: toNotice(settled, mchid)
      })
    }
  }, exclusively)

  const settleLater = Effect.fnUntraced(function* ({ createdAt, outRefundNo }: Refund) {
    const due = DateTime.addDuration(DateTime.makeUnsafe(createdAt), refundDelay)
    const wait = Duration.max(DateTime.distance(yield* DateTime.now, due), Duration.zero)
    const settlement = settle(outRefundNo, "succeed").pipe(
      // somebody settled it first
      Effect.catchTag(["ActionRefused", "ReferenceUnknown"], () => Effect.void)
    )
    yield* FiberMap.run(settlements, outRefundNo, Effect.delay(settlement, wait))
  })
  yield* Effect.forEach(
    refunds.values().filter(({ status }) => status === "PROCESSING"),
    settleLater
  )

  const create = Effect.fn("WechatPayRefunds.create")(function* (
    request: RefundRequest
  ): Effect.fn.Return<Refund, WechatPayError> {
    const order = yield* (
      request.transaction_id === undefined
        ? orders.find(request.out_trade_no ?? "")
        : orders.findByTransaction(request.transaction_id)
    ).pipe(Effect.mapError(() => errors.resourceUnknown()))
    if (request.out_trade_no !== undefined && request.out_trade_no !== order.outTradeNo) {
      return yield* errors.resourceUnknown()
    }
    const known = refunds.get(request.out_refund_no)
    if (known !== undefined) {
      return isSameRequest(known, order, request) ? known : yield* errors.refundNumberUsed()
    }
    if (order.payment === null) return yield* errors.orderNotPaid()
    if (request.amount.total !== order.total) return yield* errors.refundTotal()
    if (refunded(order.outTradeNo) + request.amount.refund > order.total) return yield* errors.refundExceeds()
    if (standing(order.outTradeNo).length >= mostRefunds) return yield* errors.refundsTooMany()
    const createdAt = DateTime.formatIso(yield* DateTime.now)
    const refund: Refund = {
      outRefundNo: request.out_refund_no,
      refundId: makeNumber("5030", createdAt),
      outTradeNo: order.outTradeNo,
      transactionId: order.payment.transactionId,
      reason: request.reason ?? null,
      notifyUrl: request.notify_url ?? null,
      refund: request.amount.refund,
      total: order.total,
      payerTotal: order.payment.payerTotal,
      createdAt,
      status: "PROCESSING",
      settledAt: null
    }
    yield* refunds.set(refund)
    enter(refund)
    yield* orders.markRefunded(order.outTradeNo)
    yield* settleLater(refund)
    return refund
  }, exclusively)

  const find = Effect.fnUntraced(function* (outRefundNo: string): Effect.fn.Return<Refund, WechatPayError> {
    return refunds.get(outRefundNo) ?? (yield* errors.resourceUnknown())
  })

  return {
    create,
    find,
    settle,
    refunded,
    list: Effect.sync(() => refunds.values()),
    clear: Effect.andThen(
      FiberMap.clear(settlements),
      Effect.andThen(
        refunds.clear,
        Effect.sync(() => ofOrder.clear())
      )
    )
  }
})
export type WechatPayRefunds = Effect.Success<ReturnType<typeof makeRefunds>>
