import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import type { Money } from "@mall/domain/kernel/Money"
import { AttemptId, PaymentAction } from "@mall/domain/payments/Payment"
import type { EvidenceFileType, EvidenceKind } from "@mall/domain/payments/Dispute"
import { DisputeStatus } from "@mall/domain/payments/DisputeLifecycle"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { CredentialId } from "@mall/domain/payments/ChannelCredentials"
import type { ChannelId } from "@mall/domain/payments/Payment"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import type { BillFormat } from "@mall/domain/treasury/Bill"
import type { BillMalformed } from "@mall/domain/treasury/ReconciliationError"
import { Schema } from "effect"
import type { Effect, Option, Scope, Stream } from "effect"
import type { CallbackRefused, ChannelError } from "./ChannelError.ts"

/** What a channel needs to know of a try. Everything in it is the same each time that it is asked for. */
export interface ChannelAttempt {
  readonly id: AttemptId
  readonly method: string
  readonly amount: Money
  readonly description: string
  readonly expiresAt: Date
  readonly returnUrl: string | null
  /** What the buyer's page told of the buyer, by the channel's own names. */
  readonly payer: Readonly<Record<string, string>>
  /** The channel's own number, once it told one. */
  readonly channelReference: string | null
}

export interface ChannelRefund {
  readonly id: RefundId
  readonly attempt: ChannelAttempt
  readonly amount: Money
  readonly reason: string
}

/** A number or a code of a channel: printable ASCII, so that it can be stored, logged and compared as it is. */
export const ChannelText = Schema.String.check(Schema.isMaxLength(128), Schema.isPattern(/^[\x20-\x7e]*$/))

/** The channel took the order. `channelReference` where it has a number of its own for it already. */
export interface ChannelOrder {
  readonly action: PaymentAction
  readonly channelReference: string | null
}

/** Money the channel says it took. `account` names the merchant account it went to, by the channel's own field names. */
export const Paid = Schema.TaggedStruct("Paid", {
  amount: MinorUnits,
  currency: Currency,
  account: Schema.Record(Schema.String, ChannelText),
  channelReference: ChannelText,
  paidAt: Schema.Date
})
export type Paid = typeof Paid.Type

/** Less came than was asked for: `amount` is all that came so far, `action` how the buyer pays the rest. */
export const PartialPayment = Schema.TaggedStruct("Partial", {
  amount: MinorUnits,
  currency: Currency,
  account: Schema.Record(Schema.String, ChannelText),
  channelReference: ChannelText,
  action: PaymentAction
})
export type PartialPayment = typeof PartialPayment.Type

/**
 * `Missing`: the channel has no such order, which may only mean that our request has not arrived yet. `Approved`: the buyer
 * agreed, and the money is taken by the next question.
 */
export const ChannelPayment = Schema.Union([
  Paid,
  PartialPayment,
  Schema.TaggedStruct("Open", {}),
  Schema.TaggedStruct("Approved", {}),
  Schema.TaggedStruct("Closed", {}),
  Schema.TaggedStruct("Failed", { code: ChannelText }),
  Schema.TaggedStruct("Missing", {})
])
export type ChannelPayment = typeof ChannelPayment.Type

export const Refunded = Schema.TaggedStruct("Refunded", {
  amount: MinorUnits,
  currency: Currency,
  account: Schema.Record(Schema.String, ChannelText),
  channelReference: ChannelText
})
export type Refunded = typeof Refunded.Type

/** `Changed`: a notice says that something became of the refund, but not surely what: the channel is asked. */
export const ChannelRefundState = Schema.Union([
  Refunded,
  Schema.TaggedStruct("Processing", { channelReference: Schema.NullOr(ChannelText) }),
  Schema.TaggedStruct("Changed", {}),
  Schema.TaggedStruct("Failed", { code: ChannelText }),
  Schema.TaggedStruct("Missing", {})
])
export type ChannelRefundState = typeof ChannelRefundState.Type

/**
 * How the channel accounts for a dispute. `paymentReference` is its own number of the payment. `balance` is what it took of
 * the account's balance in all, less what it gave back: null while it has moved nothing.
 */
export const ChannelDispute = Schema.Struct({
  channelReference: ChannelText,
  paymentReference: ChannelText,
  account: Schema.Record(Schema.String, ChannelText),
  status: DisputeStatus,
  amount: MinorUnits,
  currency: Currency,
  reason: ChannelText,
  evidenceDueAt: Schema.NullOr(Schema.Date),
  balance: Schema.NullOr(Schema.Struct({ withdrawn: MinorUnits, fees: MinorUnits, currency: Currency })),
  openedAt: Schema.Date
})
export type ChannelDispute = typeof ChannelDispute.Type

export interface ChannelDisputePage {
  readonly data: ReadonlyArray<ChannelDispute>
  readonly hasMore: boolean
}

/** What a verified notice tells, in our words. It is stored as JSON before it is acted upon. */
export const Notice = Schema.Union([
  Schema.TaggedStruct("PaymentNotice", { attemptId: AttemptId, payment: ChannelPayment }),
  Schema.TaggedStruct("RefundNotice", { refundId: RefundId, refund: ChannelRefundState }),
  /** `at`: when the dispute was so, by the channel's clock, in whole seconds. */
  Schema.TaggedStruct("DisputeNotice", { dispute: ChannelDispute, at: Schema.Date }),
  /** Genuine, but of a kind or about an order that this house does not know. */
  Schema.TaggedStruct("OtherNotice", { about: ChannelText })
])
export type Notice = typeof Notice.Type

/** A notice as it came: header names in lower case, the body byte by byte. */
export interface RawCallback {
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
}

export interface VerifiedCallback {
  /** The channel's id of the event: the same for every repetition of it. */
  readonly eventId: string
  readonly eventType: string
  /** What the channel signs anew with each sending, so that a recorded sending is told from a repetition; null where its protocol has none. */
  readonly nonce: string | null
  readonly notice: Notice
}

/** An answer in the channel's own format. */
export interface CallbackAnswer {
  readonly status: number
  readonly contentType?: string
  readonly body?: string
}

/** A script of the channel for the buyer's page, and the origins that it must be allowed to run, call and frame. */
export interface PageScript {
  readonly url: string
  readonly runs: ReadonlyArray<string>
  readonly calls: ReadonlyArray<string>
  readonly frames: ReadonlyArray<string>
}

/** What somebody has to look at. `chain_nodes_differ`: our node and a witness of the chain do not tell the same. */
export interface Incident {
  readonly kind: "chain_nodes_differ" | "chain_reorganised"
  readonly details: Readonly<Record<string, string>>
}

/** How a channel that sends no notices is looked at. */
export interface ChannelWatch {
  /**
   * What happened and was not told yet, at most `limit`, and what somebody has to look at. Told again until `told` says that
   * it is kept; any number of processes may look.
   */
  look(limit: number): Effect.Effect<
    {
      readonly notices: ReadonlyArray<VerifiedCallback>
      readonly incidents: ReadonlyArray<Incident>
    },
    ChannelError
  >
  told(notices: ReadonlyArray<VerifiedCallback>): Effect.Effect<void, ChannelError>
}

/**
 * What a channel lets us say to a buyer's bank. Each call is keyed, so that the same may be sent again; the errors are those
 * of `Channel`.
 */
export interface ChannelDisputes {
  query(channelReference: string): Effect.Effect<ChannelDispute, ChannelError>
  /** The newest first, at most `limit` of those that are older than `after`. */
  list(limit: number, after?: string): Effect.Effect<ChannelDisputePage, ChannelError>
  /** Answers with the channel's number of the file. */
  upload(
    file: { readonly name: string; readonly type: EvidenceFileType; readonly bytes: Uint8Array },
    key: string
  ): Effect.Effect<string, ChannelError>
  /** Texts, and for files their numbers. The bank reads it now, and perhaps never again. */
  submit(
    channelReference: string,
    evidence: Readonly<Partial<Record<EvidenceKind, string>>>,
    key: string
  ): Effect.Effect<ChannelDispute, ChannelError>
  accept(channelReference: string, key: string): Effect.Effect<ChannelDispute, ChannelError>
}

/** A day as a channel counts it, and its bounds. */
export interface BillPeriod {
  readonly day: string
  readonly from: Date
  readonly to: Date
}

/** What is the same of every account's bills at a channel. */
export interface BillTerms {
  readonly format: BillFormat
  /** How far the channel's midnight is from that of UTC. */
  readonly offsetMinutes: number
}

/** How a channel tells of a whole day. */
export interface ChannelBill extends BillTerms {
  /** The account that it is of. */
  readonly account: string
  /**
   * The bytes as they come; none where the channel says that nothing happened. They fail with `BillMalformed` where they are
   * not those that the channel announced.
   */
  download(
    period: BillPeriod
  ): Effect.Effect<Option.Option<Stream.Stream<Uint8Array, ChannelError | BillMalformed>>, ChannelError, Scope.Scope>
}

/**
 * What is best done after an error code of a channel. `retrySame`: the same channel will take it later. `retryOther`: this one
 * will not, another may. `unsuited`: so too, and because of what the payment is, which says nothing about the channel. `askBuyer`: the buyer has to choose or do something else. `stop`: nobody will take it.
 */
export type Advice = "retrySame" | "retryOther" | "unsuited" | "askBuyer" | "stop"

/**
 * A payment channel.
 *
 * - **Idempotency**: our attempt and refund ids are the channel's keys. `create` and `refund` may be sent again with the
 *   same input and must neither take nor give money twice; `create` sent again answers with an action for the same order.
 * - **Money** comes and goes in minor units; an adapter converts to what its channel wants, and nothing else does.
 * - **Errors** say what is certain: `ChannelDeclined` — finally refused, nothing done; `ChannelNotSent` — nothing done,
 *   try again; `ChannelOutcomeUnknown` — it may have happened, so ask with `query`/`queryRefund`; `ChannelRefusedRequest`
 *   — our fault, nothing done. An adapter that is not sure answers `ChannelOutcomeUnknown`.
 * - **Taking the money**: where the buyer only agrees at the channel, `query` takes the money of an order that was agreed to,
 *   once, keyed by the try. A try that we closed is not asked about any more, so that its money is never taken.
 * - **Truth**: an answer whose signature does not hold is no answer (`ChannelOutcomeUnknown`).
 * - Calls are made outside any transaction. They retry nothing by themselves: the caller decides.
 * - `parseCallback` believes nothing before it has verified the raw bytes, and calls no network but for a key of the channel,
 *   from a host that is pinned, kept afterwards. Whether amount, currency,
 *   account and reference are those of the attempt is for the caller to compare.
 */
export interface Channel {
  readonly id: ChannelId
  /** Whose own account it is, by which version of their credentials; absent where it is the platform's. */
  readonly own?: { readonly merchantId: MerchantId; readonly credentialId: CredentialId }
  /** The ways to pay, the usual one first. */
  readonly methods: readonly [string, ...Array<string>]
  /** Of `methods`, those that the cashier's page carries through: by a code, an address, or the channel's own script. */
  readonly pageMethods: ReadonlyArray<string>
  /** Where `params` of an action are for a script that shows the channel's form. */
  readonly pageScript?: PageScript
  readonly currencies: ReadonlySet<Currency>
  /** The merchant account that money must arrive at, by the channel's own field names. */
  readonly account: Readonly<Record<string, string>>
  /** By the codes that its errors carry. Of others only the kind of the error is known. */
  readonly advice: Readonly<Record<string, Advice>>
  create(attempt: ChannelAttempt): Effect.Effect<ChannelOrder, ChannelError>
  query(attempt: ChannelAttempt): Effect.Effect<ChannelPayment, ChannelError>
  /** After `closed` the buyer can pay no more, also where the channel never heard of the order. `paid`: the buyer was faster. */
  close(attempt: ChannelAttempt): Effect.Effect<"closed" | "paid", ChannelError>
  refund(refund: ChannelRefund): Effect.Effect<ChannelRefundState, ChannelError>
  queryRefund(refund: ChannelRefund): Effect.Effect<ChannelRefundState, ChannelError>
  parseCallback(callback: RawCallback): Effect.Effect<VerifiedCallback, CallbackRefused>
  /** The notice is stored and will be acted upon: the channel need not send it again. */
  readonly acknowledgement: CallbackAnswer
  /** The notice was not taken; the channel sends a genuine one again. */
  refusal(reason: CallbackRefused["reason"] | "unavailable"): CallbackAnswer
  /** Where an order may be paid in several parts. */
  readonly takesParts?: boolean
  /** Where the channel sends no notices. */
  readonly watch?: ChannelWatch
  /**
   * Where payments lie apart until somebody sends them on to us: sets the next of that going, and answers with of how many
   * payments it is. Any number of processes may.
   */
  readonly gather?: Effect.Effect<number, ChannelError>
  /** Where the channel tells of a day in a form that is read here. */
  readonly bill?: ChannelBill
  /** Where a buyer's bank can take money back, and listens. */
  readonly disputes?: ChannelDisputes
}
