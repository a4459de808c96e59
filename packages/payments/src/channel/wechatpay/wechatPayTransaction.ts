import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { Effect, Schema } from "effect"
import { ChannelText } from "../Channel.ts"
import type { ChannelPayment } from "../Channel.ts"

/** An order as WeChat Pay tells it in answers and notices. Before it is paid it has no transaction id and no time. */
export const Transaction = Schema.Struct({
  appid: ChannelText,
  mchid: ChannelText,
  out_trade_no: Schema.String,
  transaction_id: Schema.optionalKey(ChannelText),
  trade_state: Schema.Literals([
    "SUCCESS",
    "REFUND",
    "NOTPAY",
    "CLOSED",
    "REVOKED",
    "USERPAYING",
    "ACCEPT",
    "PAYERROR"
  ]),
  success_time: Schema.optionalKey(Schema.DateFromString),
  amount: Schema.optionalKey(Schema.Struct({ total: MinorUnits, currency: Schema.optionalKey(Currency) }))
})
export type Transaction = typeof Transaction.Type

/** A paid order that lacks what a paid order has. */
export class TransactionIncomplete extends Schema.TaggedError<TransactionIncomplete>()("TransactionIncomplete", {}) {
  override get message() {
    return "the order is paid and has no amount, number or time"
  }
}

/**
 * `amount.total` is what was ordered; `payer_total` is less where the platform's own coupon paid a part, so it is never
 * compared. An order that was refunded was paid before.
 */
export const toPayment = Effect.fnUntraced(function* ({
  amount,
  appid,
  mchid,
  success_time: paidAt,
  trade_state: state,
  transaction_id: channelReference
}: Transaction) {
  const result = yield* Effect.suspend((): Effect.Effect<ChannelPayment, TransactionIncomplete> => {
    switch (state) {
      case "SUCCESS":
      case "REFUND":
        return amount === undefined || channelReference === undefined || paidAt === undefined
          ? Effect.fail(new TransactionIncomplete())
          : Effect.succeed({
              _tag: "Paid",
              amount: amount.total,
              currency: amount.currency ?? "CNY",
              account: { appid, mchid },
              channelReference,
              paidAt
            })
      case "NOTPAY":
      case "USERPAYING":
      case "ACCEPT":
        return Effect.succeed({ _tag: "Open" })
      case "CLOSED":
      case "REVOKED":
        return Effect.succeed({ _tag: "Closed" })
      case "PAYERROR":
        return Effect.succeed({ _tag: "Failed", code: state })
    }
  })
  return result
})
