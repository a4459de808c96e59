import { Effect } from "effect"
import { createHash, randomBytes } from "node:crypto"
import { BillChanges } from "../BillChanges.ts"
import type { BillRow } from "../BillChanges.ts"
import type { ChannelRequest, Reply } from "../Channel.ts"
import { errors } from "./WechatPayError.ts"
import type { WechatPayError } from "./WechatPayError.ts"
import { formatTime } from "./WechatPayModel.ts"
import type { WechatPayKeys } from "./WechatPayKeys.ts"
import type { WechatPayOrders } from "./WechatPayOrders.ts"
import type { WechatPayRefunds } from "./WechatPayRefunds.ts"

const heading =
  "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
const sumsHeading = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"

const beijingMinutes = 480
const dayMillis = 86_400_000

const yuan = (fen: number) => `${fen < 0 ? "-" : ""}${(Math.abs(fen) / 100).toFixed(2)}`
const fee = (fen: number) => `${yuan(fen)}000`
/** 0.60 % to the nearest fen, given back with a refund. */
const feeOf = ({ amount, kind }: BillRow) => Math.round(amount * 0.006) * (kind === "payment" ? 1 : -1)

const fields = (values: ReadonlyArray<string>) => values.map((value) => `\`${value}`).join(",")

const lineOf = (row: BillRow, { appid, mchid }: WechatPayKeys["account"]) => {
  const isRefund = row.kind === "refund"
  const time = formatTime(row.at).slice(0, 19).replace("T", " ")
  const paid = isRefund ? "0.00" : yuan(row.amount)
  const back = isRefund ? yuan(row.amount) : "0.00"
  return fields([
    ...[time, appid, mchid, "0", "", row.orderNumber, row.order, "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "NATIVE"],
    ...[isRefund ? "REFUND" : "SUCCESS", "OTHERS", "CNY", paid, "0.00", isRefund ? row.number : "0"],
    ...[isRefund ? row.reference : "0", back, "0.00", isRefund ? "ORIGINAL" : ""],
    ...[isRefund ? (row.isSettled ? "SUCCESS" : "PROCESSING") : "", row.description.replaceAll("`", "'"), ""],
    ...[fee(feeOf(row)), "0.60%", paid, back, ""]
  ])
}

const textOf = (rows: ReadonlyArray<BillRow>, account: WechatPayKeys["account"]) => {
  const sum = (kind: BillRow["kind"]) =>
    yuan(rows.reduce((total, row) => (row.kind === kind ? total + row.amount : total), 0))
  const [payments, refunds] = [sum("payment"), sum("refund")]
  const fees = fee(rows.reduce((total, row) => total + feeOf(row), 0))
  const sums = fields([String(rows.length), payments, refunds, "0.00", fees, payments, refunds])
  return `\uFEFF${[heading, ...rows.map((row) => lineOf(row, account)), sumsHeading, sums].join("\r\n")}\r\n`
}

/** Files that were announced and may still be fetched. */
const mostFiles = 16

/** The bills of days that are over: announced with their hash, fetched by a token that lasts as long as few come after it. */
export const makeBills = Effect.fnUntraced(function* (
  account: WechatPayKeys["account"],
  orders: WechatPayOrders,
  refunds: WechatPayRefunds
) {
  const changes = yield* BillChanges
  const files = new Map<string, string>()

  const rows = Effect.gen(function* () {
    const all = yield* orders.list
    const byNumber = new Map(all.map((order) => [order.outTradeNo, order]))
    const paid = all.flatMap((order): ReadonlyArray<BillRow> => {
      const { description, outTradeNo, payment, total } = order
      if (payment === null) return []
      const { paidAt, transactionId } = payment
      return [
        {
          ...{ kind: "payment", reference: outTradeNo, number: transactionId, order: outTradeNo, description },
          ...{ orderNumber: transactionId, amount: total, currency: "CNY", isSettled: true, at: paidAt }
        }
      ]
    })
    const back = (yield* refunds.list).flatMap((refund): ReadonlyArray<BillRow> => {
      const { createdAt, outRefundNo, outTradeNo, refundId, settledAt, status, transactionId } = refund
      if (status !== "SUCCESS" && status !== "PROCESSING") return []
      return [
        {
          ...{
            kind: "refund",
            reference: outRefundNo,
            number: refundId,
            order: outTradeNo,
            orderNumber: transactionId
          },
          ...{ amount: refund.refund, currency: "CNY", isSettled: status === "SUCCESS", at: settledAt ?? createdAt },
          description: byNumber.get(outTradeNo)?.description ?? ""
        }
      ]
    })
    return [...paid, ...back]
  })

  const announce = Effect.fnUntraced(function* ({
    headers,
    query
  }: ChannelRequest): Effect.fn.Return<Reply, WechatPayError> {
    const day = String(query["bill_date"])
    const start = Date.parse(`${day}T00:00:00Z`) - beijingMinutes * 60_000
    if (Number.isNaN(start)) return yield* errors.parameter("bill_date", "query", "格式不正确")
    const [from, to] = [new Date(start), new Date(start + dayMillis)]
    const found = yield* changes.bill("wechatpay", yield* rows, {
      ...{ from, to, offsetMinutes: beijingMinutes, currency: "CNY" }
    })
    if (found.length === 0) return yield* errors.noStatement()
    const text = textOf(found, account)
    const token = randomBytes(16).toString("hex")
    files.set(token, text)
    const [oldest] = files.keys()
    if (files.size > mostFiles && oldest !== undefined) files.delete(oldest)
    return {
      status: 200,
      payload: {
        hash_type: "SHA1",
        hash_value: createHash("sha1").update(text).digest("hex"),
        download_url: `http://${headers["host"] ?? "127.0.0.1"}/wechatpay/v3/billdownload/file?token=${token}`
      },
      verdict: "accepted"
    }
  })

  const fetchFile = Effect.fnUntraced(function* ({ query }: ChannelRequest): Effect.fn.Return<Reply, WechatPayError> {
    const file = files.get(String(query["token"]))
    if (file === undefined) return yield* errors.resourceUnknown()
    return { status: 200, payload: undefined, file, verdict: "accepted" }
  })

  return { announce, fetchFile }
})
