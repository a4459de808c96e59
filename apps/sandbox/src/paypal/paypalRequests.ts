import { Currency } from "@mall/domain/kernel/Currency"
import { Effect, Schema } from "effect"
import type { ChannelRequest } from "../Channel.ts"
import { invalid } from "./PaypalRefused.ts"

const Money = Schema.Struct({
  currency_code: Currency,
  value: Schema.String.check(Schema.isPattern(/^\d{1,9}(\.\d{1,3})?$/))
})
const NewOrder = Schema.Struct({
  intent: Schema.Literal("CAPTURE"),
  purchase_units: Schema.Tuple([
    Schema.Struct({
      custom_id: Schema.NonEmptyString.check(Schema.isMaxLength(255)),
      description: Schema.optionalKey(Schema.String),
      amount: Money
    })
  ]),
  payment_source: Schema.optionalKey(
    Schema.Struct({
      paypal: Schema.Struct({
        experience_context: Schema.Struct({ return_url: Schema.String, cancel_url: Schema.String })
      })
    })
  )
})
const NewRefund = Schema.Struct({
  amount: Money,
  custom_id: Schema.NonEmptyString,
  note_to_payer: Schema.optionalKey(Schema.String)
})
const NewWebhook = Schema.Struct({ url: Schema.String })

const decodeBody = <A, I>(schema: Schema.Codec<A, I>) => {
  const decode = Schema.decodeEffect(Schema.fromJsonString(schema))
  return ({ body }: ChannelRequest) => Effect.mapError(decode(body), () => invalid("MALFORMED_REQUEST_JSON"))
}
export const decodeOrder = decodeBody(NewOrder)
export const decodeRefund = decodeBody(NewRefund)
export const decodeWebhook = decodeBody(NewWebhook)
