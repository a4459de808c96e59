import { Schema } from "effect"
import { UserId } from "../identity/CurrentUser.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { Money, PositiveMoney } from "../kernel/Money.ts"
import { Page } from "../kernel/Page.ts"
import { NonBlankText, PlainText } from "../kernel/PlainText.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { PaymentId, PaymentStatus, RefundId } from "./PaymentGateway.ts"
import { AttemptStatus, RefundStatus } from "./PaymentLifecycle.ts"

/** ISO 3166-1 alpha-2. */
export const CountryCode = Schema.String.check(Schema.isPattern(/^[A-Z]{2}$/)).annotate({ identifier: "CountryCode" })

/** Our number of one try at a channel; the channel knows it in the form its protocol allows. */
export const AttemptId = Uuid7.pipe(Schema.brand("AttemptId"), Schema.annotate({ identifier: "AttemptId" }))
export type AttemptId = typeof AttemptId.Type

/** The name of a channel adapter, such as `wechatpay`. */
export const ChannelId = Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9_]{1,31}$/)).pipe(
  Schema.brand("ChannelId"),
  Schema.annotate({ identifier: "ChannelId" })
)
export type ChannelId = typeof ChannelId.Type

/** The way to pay within a channel, such as `native` (a QR code). */
export const ChannelMethod = Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9_]{0,31}$/))

/**
 * What the buyer has to do now. `qr`: show `content` as a QR code. `redirect`: send the browser to `url`. `params`: hand the
 * values to the channel's own script. `none`: nothing; look at the status again.
 */
export const PaymentAction = Schema.Union([
  Schema.Struct({ type: Schema.Literal("qr"), content: Schema.String }),
  Schema.Struct({ type: Schema.Literal("redirect"), url: Schema.String }),
  Schema.Struct({ type: Schema.Literal("params"), params: Schema.Record(Schema.String, Schema.String) }),
  Schema.Struct({ type: Schema.Literal("none") })
]).annotate({ identifier: "PaymentAction" })
export type PaymentAction = typeof PaymentAction.Type

/** Shown once: the right to look at one payment's status without signing in, for five minutes. */
export const Ticket = Schema.String.check(Schema.isPattern(/^tk_once_[A-Za-z0-9_-]{43}$/)).pipe(
  Schema.brand("Ticket"),
  Schema.annotate({ identifier: "Ticket" })
)
export type Ticket = typeof Ticket.Type

const isKey = Schema.is(NonBlankText(40))

// A record whose key schema does not match would lose the entry without a word.
const TextsByKey = (maxEntries: number, maxLength: number) =>
  Schema.Record(Schema.String, PlainText(maxLength)).check(
    Schema.isMaxProperties(maxEntries),
    Schema.makeFilter(
      (texts: Readonly<Record<string, string>>) =>
        Object.keys(texts).every(isKey) || "keys are texts of at most 40 characters"
    )
  )

const Metadata = TextsByKey(20, 500)

/** What a way to pay has to know of the buyer, by the channel's own names, such as `openid` within WeChat. */
export const PayerDetails = TextsByKey(10, 256)

/** What a merchant's server asks to be paid. `expiresIn` is in seconds; `channels` restricts what the buyer may choose. */
export const NewPayment = Schema.Struct({
  amount: PositiveMoney,
  reference: NonBlankText(64),
  description: NonBlankText(127),
  expiresIn: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 60, maximum: 7 * 24 * 3600 }))),
  channels: Schema.optionalKey(Schema.NonEmptyArray(ChannelId).check(Schema.isMaxLength(16))),
  metadata: Schema.optionalKey(Metadata),
  returnUrl: Schema.optionalKey(PlainText(2048).check(Schema.isPattern(/^https?:\/\/[^\s]+$/)))
}).annotate({ identifier: "NewPayment" })
export type NewPayment = typeof NewPayment.Type

/** A payment as its payer and its merchant see it. */
export class Payment extends Schema.Class<Payment>("Payment")({
  id: PaymentId,
  status: PaymentStatus,
  amount: Money,
  captured: Money,
  refunded: Money,
  reference: Schema.String,
  description: Schema.String,
  merchantId: Schema.NullOr(MerchantId),
  payerId: Schema.NullOr(UserId),
  channels: Schema.NullOr(Schema.Array(ChannelId)),
  metadata: Schema.Record(Schema.String, Schema.String),
  returnUrl: Schema.NullOr(Schema.String),
  expiresAt: Schema.Date,
  /** When it is to be canceled by itself, where somebody said so; it may be paid until then. */
  cancelAt: Schema.NullOr(Schema.Date),
  paidAt: Schema.NullOr(Schema.Date),
  createdAt: Schema.Date
}) {}

export const PaymentPage = Page(Payment)

/** A payment just made; `ticket` lets the buyer's page look at its status. */
export const CreatedPayment = Schema.Struct({ ...Payment.fields, ticket: Ticket }).annotate({
  identifier: "CreatedPayment"
})
export type CreatedPayment = typeof CreatedPayment.Type

/** `url` is the path of the page where the payment is paid; the ticket in it is good once, for five minutes. */
export const IssuedTicket = Schema.Struct({ ticket: Ticket, url: Schema.String }).annotate({
  identifier: "IssuedTicket"
})
export type IssuedTicket = typeof IssuedTicket.Type

/** The answer to a confirmation: how the payment stands and what the buyer does next. */
export const PaymentStep = Schema.Struct({
  id: PaymentId,
  status: PaymentStatus,
  attempt: Schema.Struct({ id: AttemptId, channel: ChannelId, method: Schema.String, status: AttemptStatus }),
  action: PaymentAction,
  expiresAt: Schema.Date,
  ticket: Ticket
}).annotate({ identifier: "PaymentStep" })
export type PaymentStep = typeof PaymentStep.Type

/** Money came to an open try, but less than it asks for. `payTo` is where the rest is to go, where that is an address. */
export const Underpayment = Schema.Struct({
  channel: ChannelId,
  received: Money,
  missing: Money,
  payTo: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Underpayment" })
export type Underpayment = typeof Underpayment.Type

/** What the buyer's page learns for a ticket; `ticket` is the next one. */
export const TicketedStatus = Schema.Struct({
  id: PaymentId,
  status: PaymentStatus,
  amount: Money,
  expiresAt: Schema.Date,
  /** There while a part of the money is missing. */
  underpaid: Schema.optionalKey(Underpayment),
  ticket: Ticket
}).annotate({ identifier: "TicketedStatus" })
export type TicketedStatus = typeof TicketedStatus.Type

export class Refund extends Schema.Class<Refund>("Refund")({
  id: RefundId,
  paymentId: PaymentId,
  status: RefundStatus,
  amount: Money,
  reason: Schema.String,
  errorCode: Schema.NullOr(Schema.String),
  createdAt: Schema.Date
}) {}

export const RefundPage = Page(Refund)

/** Null takes back what was said before. A time that has passed means now. */
export const CancelTime = Schema.Struct({ at: Schema.NullOr(Schema.DateFromString) }).annotate({
  identifier: "CancelTime"
})
export type CancelTime = typeof CancelTime.Type

/** `amount` is all that is left when it is not given. */
export const NewRefund = Schema.Struct({
  amount: Schema.optionalKey(PositiveMoney),
  reason: NonBlankText(80)
}).annotate({ identifier: "NewRefund" })
export type NewRefund = typeof NewRefund.Type

/**
 * `overridesPolicy`: give back also what is against the merchant's policy, which the audit trail then says. `surplus`: give back
 * what was paid twice, once more and whole, where that failed by itself.
 */
export const OperatorRefund = Schema.Struct({
  ...NewRefund.fields,
  overridesPolicy: Schema.optionalKey(Schema.Boolean),
  surplus: Schema.optionalKey(Schema.Boolean)
}).annotate({ identifier: "OperatorRefund" })
export type OperatorRefund = typeof OperatorRefund.Type

/**
 * The buyer's choice of how to pay. Without a `channel` the house chooses one, and another where that does not take the
 * payment; `method` is the channel's first one when it is not given. `country` is where the buyer is, for the choice. `device` is
 * what the buyer's device calls itself and `card` the fingerprint of their card, where the page knows them: for the risk check.
 */
export const ChannelChoice = Schema.Struct({
  channel: Schema.optionalKey(ChannelId),
  method: Schema.optionalKey(ChannelMethod),
  country: Schema.optionalKey(CountryCode),
  payer: Schema.optionalKey(PayerDetails),
  device: Schema.optionalKey(NonBlankText(128)),
  card: Schema.optionalKey(NonBlankText(128))
})
export type ChannelChoice = typeof ChannelChoice.Type
