import { Effect } from "effect"
import { createHash, randomBytes } from "node:crypto"
import { BillChanges } from "../BillChanges.ts"
import type { BillRow } from "../BillChanges.ts"
import { makeFiles } from "../announcedFiles.ts"
import { beijingDay } from "../beijing.ts"
import type { ChannelRequest, Reply } from "../Channel.ts"
import { errors } from "./WechatPayError.ts"
import type { WechatPayError } from "./WechatPayError.ts"
import { wechatPayBillText } from "./wechatPayBillText.ts"
import type { WechatPayKeys } from "./WechatPayKeys.ts"
import type { WechatPayOrders } from "./WechatPayOrders.ts"
import type { WechatPayRefunds } from "./WechatPayRefunds.ts"

/** The bills of days that are over: announced with their hash, fetched by a token that lasts as long as few come after it. */
export const makeBills = Effect.fnUntraced(function* (
  account: WechatPayKeys["account"],
  orders: WechatPayOrders,
  refunds: WechatPayRefunds
) {
  const changes = yield* BillChanges
  const files = makeFiles<string>()

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
          ...{ orderNumber: transactionId, amount: total, feeExtra: 0, currency: "CNY", isSettled: true, at: paidAt }
        }
      ]
    })
    const back = (yield* refunds.list).flatMap((refund): ReadonlyArray<BillRow> => {
      const { createdAt, outRefundNo, outTradeNo, refundId, status, transactionId } = refund
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
          ...{ amount: refund.refund, feeExtra: 0, currency: "CNY" },
          ...{ isSettled: status === "SUCCESS", at: createdAt },
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
    const day = beijingDay(String(query["bill_date"]))
    if (day === undefined) return yield* errors.parameter("bill_date", "query", "格式不正确")
    const found = yield* changes.bill("wechatpay", yield* rows, day)
    if (found.length === 0) return yield* errors.noStatement()
    const text = wechatPayBillText(found, account)
    const token = randomBytes(16).toString("hex")
    files.put(token, text)
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
