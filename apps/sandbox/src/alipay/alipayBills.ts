import { Effect, Stream } from "effect"
import { Zip } from "effect/encoding"
import { randomBytes } from "node:crypto"
import { makeFiles } from "../announcedFiles.ts"
import { beijingDay } from "../beijing.ts"
import { BillChanges } from "../BillChanges.ts"
import type { BillRow } from "../BillChanges.ts"
import { bookRows } from "../bookRows.ts"
import type { OrderBook } from "../OrderBook.ts"
import { timeOf } from "./alipayTime.ts"
import { encodeGbk } from "./gbk.ts"

const heading =
  "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
const summaryHeading =
  "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
const rule = "-".repeat(41)

const yuan = (fen: number) => `${fen < 0 ? "-" : ""}${(Math.abs(fen) / 100).toFixed(2)}`
const signOf = ({ kind }: BillRow) => (kind === "payment" ? 1 : -1)
/** 0.60 % to the nearest fen, taken below zero and given back above it. */
const feeOf = (row: BillRow) => -signOf(row) * Math.round(row.amount * 0.006) - row.feeExtra
const chinese = (time: Date) => timeOf(time.toISOString()).replace(/^(\d{4})-(\d{2})-(\d{2})/, "$1年$2月$3日")

const lineOf = (row: BillRow) => {
  const amount = yuan(signOf(row) * row.amount)
  const fee = feeOf(row)
  return [
    ...[`${row.orderNumber}\t`, `${row.order}\t`, `${row.kind === "payment" ? "交易" : "退款"}\t`, row.description],
    ...[timeOf(row.at), timeOf(row.at), "\t", "\t", "\t", "\t", "*沙箱(138****00)\t", amount, amount],
    ...["0.00", "0.00", "0.00", "0.00", "0.00", "", "0.00\t", "0.00"],
    ...[`${row.kind === "refund" ? row.reference : ""}\t`, fee === 0 ? "0.00" : yuan(fee), "0.00", ""]
  ].join(",")
}

interface Day {
  readonly from: Date
  readonly to: Date
}

const top = (title: string, sellerId: string, { from, to }: Day) => [
  title,
  `#账号：[${sellerId}0156]`,
  `#起始日期：[${chinese(from)}]   终止日期：[${chinese(to)}]`
]

const sumOf = (rows: ReadonlyArray<BillRow>) => rows.reduce((sum, row) => sum + signOf(row) * row.amount, 0)

const details = (rows: ReadonlyArray<BillRow>, sellerId: string, day: Day) => {
  const [paid, refunded] = (["payment", "refund"] as const).map((kind) => rows.filter((row) => row.kind === kind))
  return [
    ...top("#支付宝业务明细查询", sellerId, day),
    `#${rule}业务明细列表${rule}`,
    heading,
    ...rows.map(lineOf),
    `#${rule}业务明细列表结束${rule}`,
    `#交易合计：${paid?.length ?? 0}笔，商家实收共${yuan(sumOf(paid ?? []))}元，商家优惠共0.00元`,
    `#退款合计：${refunded?.length ?? 0}笔，商家实收退款共${yuan(sumOf(refunded ?? []))}元，商家优惠退款共0.00元`,
    `#导出时间：[${chinese(day.to)}]`
  ]
}

const summary = (rows: ReadonlyArray<BillRow>, sellerId: string, day: Day) => {
  const paid = rows.filter(({ kind }) => kind === "payment").length
  const [total, fees] = [sumOf(rows), rows.reduce((sum, row) => sum + feeOf(row), 0)]
  const sums = [String(paid), String(rows.length - paid), yuan(total), yuan(total), "0.00", "0.00", "0.00", yuan(fees)]
  return [
    ...top("#支付宝业务汇总查询", sellerId, day),
    `#${rule}业务汇总列表${rule}`,
    summaryHeading,
    ["合计", "\t", ...sums, "0.00", yuan(total + fees)].join(","),
    `#${rule}业务汇总列表结束${rule}`,
    `#导出时间：[${chinese(day.to)}]`
  ]
}

const fileOf = (name: string, lines: ReadonlyArray<string>) => Zip.file(name, encodeGbk(`${lines.join("\r\n")}\r\n`))

/** The bills of days: an archive of two files in GBK, announced by an address with a token. */
export const makeAlipayBills = Effect.fnUntraced(function* (sellerId: string, book: OrderBook) {
  const changes = yield* BillChanges
  const files = makeFiles<Uint8Array>()

  return {
    /** The token of the file; undefined where there is no bill of the day. */
    announce: Effect.fnUntraced(function* (date: string) {
      const day = beijingDay(date)
      if (day === undefined) return undefined
      // a refund that is under way is in no bill
      const rows = (yield* changes.bill("alipay", yield* bookRows(book), day)).filter(({ isSettled }) => isSettled)
      if (rows.length === 0) return undefined
      const name = `${sellerId}0156_${date.replaceAll("-", "")}`
      const archive = yield* Stream.make(
        fileOf(`${name}_details.csv`, details(rows, sellerId, day)),
        fileOf(`${name}_summary.csv`, summary(rows, sellerId, day))
      ).pipe(Stream.pipeThroughChannel(Zip.encode()), Stream.runCollect, Effect.orDie)
      const token = randomBytes(16).toString("hex")
      files.put(token, Buffer.concat([...archive]))
      return token
    }),
    file: files.get
  }
})
