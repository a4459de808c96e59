import { Schema } from "effect"

/** What Stripe answers instead of what was asked for. */
export class StripeRefused extends Schema.TaggedError<StripeRefused>()("StripeRefused", {
  status: Schema.Int,
  type: Schema.String,
  code: Schema.NullOr(Schema.String),
  order: Schema.NullOr(Schema.Unknown)
}) {
  override get message() {
    return `Stripe refuses: ${this.code ?? this.type}`
  }
}

/** A request that Stripe does not take; `order` is the PaymentIntent that it answers beside. */
export const invalid = (code: string | null, status = 400, order: unknown = null) =>
  new StripeRefused({ status, type: "invalid_request_error", code, order })
