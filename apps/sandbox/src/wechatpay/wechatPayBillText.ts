import type { BillRow } from "../BillChanges.ts"
import { formatTime } from "./WechatPayModel.ts"

const heading =
  "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
const sumsHeading = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"

interface Account {
  readonly appid: string
  readonly mchid: string
}

const yuan = (fen: number) => `${fen < 0 ? "-" : ""}${(Math.abs(fen) / 100).toFixed(2)}`
const fee = (fen: number) => `${yuan(fen)}000`
/** 0.60 % to the nearest fen, given back with a refund. */
const feeOf = ({ amount, feeExtra, kind }: BillRow) =>
  Math.round(amount * 0.006) * (kind === "payment" ? 1 : -1) + feeExtra

const fields = (values: ReadonlyArray<string>) => values.map((value) => `\`${value}`).join(",")

const lineOf = (row: BillRow, { appid, mchid }: Account) => {
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

/** The trade bill, which is the same in both versions of the API. */
export const wechatPayBillText = (rows: ReadonlyArray<BillRow>, account: Account) => {
  const sum = (kind: BillRow["kind"]) =>
    yuan(rows.reduce((total, row) => (row.kind === kind ? total + row.amount : total), 0))
  const [payments, refunds] = [sum("payment"), sum("refund")]
  const fees = fee(rows.reduce((total, row) => total + feeOf(row), 0))
  const sums = fields([String(rows.length), payments, refunds, "0.00", fees, payments, refunds])
  return `\uFEFF${[heading, ...rows.map((row) => lineOf(row, account)), sumsHeading, sums].join("\r\n")}\r\n`
}
