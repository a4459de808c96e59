import { Schema } from "effect"
import { Money } from "../kernel/Money.ts"
import { Problem } from "../kernel/Problem.ts"
import { ChannelId } from "../payments/Payment.ts"

/** The merchant's payments are not paid that way; `channels` and `methods` are those that are, null any. */
export class PaymentWayNotAllowed extends Problem<PaymentWayNotAllowed>()("PaymentWayNotAllowed", {
  status: 422,
  title: "The merchant does not take payments that way",
  fields: {
    channel: ChannelId,
    method: Schema.NullOr(Schema.String),
    channels: Schema.NullOr(Schema.Array(ChannelId)),
    methods: Schema.NullOr(Schema.Array(Schema.String))
  },
  detail: ({ channel, method }) => `The policy leaves out ${method === null ? channel : `${channel} by ${method}`}`
}) {}

/**
 * The merchant may not give this back. By `age`: it could be until `until`; `partial`: only all that is left; `share`: at most `atMost`.
 * Who administers payments may do so all the same.
 */
export class RefundAgainstPolicy extends Problem<RefundAgainstPolicy>()("RefundAgainstPolicy", {
  status: 422,
  title: "The refund is against what is agreed with the merchant",
  fields: {
    rule: Schema.Literals(["age", "partial", "share"]),
    until: Schema.NullOr(Schema.Date),
    atMost: Schema.NullOr(Money)
  }
}) {}
