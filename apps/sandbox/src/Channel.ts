import type { Currency } from "@mall/domain/kernel/Currency"
import { Schema } from "effect"
import type { Duration, Effect, Option } from "effect"
import type { Headers, HttpRouter } from "effect/http"
import type { Tampering } from "./Fault.ts"

/** What a request to a channel asks for, in words that all channels share: faults are set by it. */
export const Operation = Schema.Literals([
  "create",
  "query",
  "capture",
  "close",
  "refund",
  "refundQuery",
  "bill",
  "billFile",
  "witness",
  "other"
])
export type Operation = typeof Operation.Type

/** A request as it came off the wire. */
export interface ChannelRequest {
  readonly method: string
  /** Path and query exactly as sent: what a signature covers. */
  readonly target: string
  readonly headers: Headers.Headers
  readonly body: string
  readonly params: Readonly<Record<string, string | undefined>>
  readonly query: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
}

/** What the channel means to answer, before it is encoded and signed. */
export interface Reply {
  readonly status: number
  /** Undefined: an empty body. */
  readonly payload: Schema.JsonObject | undefined
  /** A file, in the place of a payload. */
  readonly file?: string | Uint8Array
  /** One word for the ledger: `accepted`, or the channel's own error code. */
  readonly verdict: string
}

/** Bytes for the wire. */
export interface Sealed {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The same of an answer, which may be a file. */
export interface SealedAnswer {
  readonly headers: Sealed["headers"]
  readonly body: string | Uint8Array
}

export interface ChannelRoute {
  /** By the request where one address serves several. */
  readonly operation: Operation | ((request: ChannelRequest) => Operation)
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  /** Below `/<channel id>`. */
  readonly path: HttpRouter.PathInput
  /** Takes files: the body is as long as they are, and has a character for each byte. */
  readonly takesFiles?: boolean
  readonly handle: (request: ChannelRequest) => Effect.Effect<Reply>
}

/** What the channel tells the merchant, whenever it is sent: the same `payload` each time, sealed anew. */
export interface Notice {
  readonly id: string
  readonly event: string
  readonly createdAt: string
  readonly payload: Schema.JsonObject
}

/** How a channel delivers its notices. */
export interface NoticeProtocol {
  readonly seal: (notice: Notice, tampering: Tampering | undefined) => Effect.Effect<Sealed>
  readonly isAcknowledged: (status: number, body: string) => boolean
  /** Pauses between deliveries; after the last one the channel gives up. */
  readonly pauses: ReadonlyArray<Duration.Duration>
}

/** What a person may do on the channel's page. `cancel` is to decline: nothing is paid, and the order stays payable. */
export const PayerAction = Schema.Literals(["scan", "pay", "fail", "cancel"])
export type PayerAction = typeof PayerAction.Type

export interface PayerActionOptions {
  /** Less than the amount where a coupon of the channel pays the rest. Minor units. */
  readonly payerTotal?: number
}

/** What can happen to a refund that is under way. */
export const RefundOutcome = Schema.Literals(["succeed", "close", "abnormal"])
export type RefundOutcome = typeof RefundOutcome.Type

/** What the payer's bank decides. `review`: it reads the evidence. */
export const DisputeOutcome = Schema.Literals(["win", "lose", "review"])
export type DisputeOutcome = typeof DisputeOutcome.Type

/** How a payer's bank wants money back; all of it and `fraudulent` unless told. Minor units. */
export const NewDispute = Schema.Struct({
  amount: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0))),
  reason: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[a-z_]{1,40}$/))),
  /** Seconds until the bank stops listening. */
  dueIn: Schema.optionalKey(Schema.Int),
  /** A question, by which no money moves yet. */
  isInquiry: Schema.optionalKey(Schema.Boolean)
})
export type NewDispute = typeof NewDispute.Type

export interface DisputeView {
  readonly number: string
  /** The reference of its order. */
  readonly order: string
  readonly amount: number
  readonly currency: Currency
  readonly state: string
  readonly outcomes: ReadonlyArray<DisputeOutcome>
}

/** Where payers' banks can take money back. */
export interface Disputes {
  /** Newest first. */
  readonly list: Effect.Effect<ReadonlyArray<DisputeView>>
  /** Of a paid order, more than once where somebody insists. */
  readonly open: (
    reference: string,
    options: NewDispute
  ) => Effect.Effect<DisputeView, ReferenceUnknown | ActionRefused>
  readonly settle: (
    number: string,
    outcome: DisputeOutcome
  ) => Effect.Effect<DisputeView, ReferenceUnknown | ActionRefused>
}

/** An order as the pages show it. */
export interface OrderView {
  readonly reference: string
  readonly channel: string
  readonly merchant: string
  readonly description: string
  /** Minor units. */
  readonly amount: number
  readonly refunded: number
  readonly currency: Currency
  /** The channel's own word. */
  readonly state: string
  readonly stateText: { readonly zh: string; readonly en: string }
  readonly createdAt: string
  /** What the QR code holds. */
  readonly code: string
  readonly actions: ReadonlyArray<PayerAction>
}

/** No such order or refund at this channel. */
export class ReferenceUnknown extends Schema.TaggedError<ReferenceUnknown>()("ReferenceUnknown", {
  reference: Schema.String
}) {
  override get message() {
    return `There is no ${this.reference} at this channel`
  }
}

/** The order's or refund's state does not allow it. */
export class ActionRefused extends Schema.TaggedError<ActionRefused>()("ActionRefused", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

/** How something that we stand in for is talked to. */
export interface Protocol {
  /** First segment of its paths. */
  readonly id: string
  readonly routes: ReadonlyArray<ChannelRoute>
  /** An error in the channel's format; `code` undefined: the channel's usual one for the status. */
  readonly refusal: (status: number, code: string | undefined, request: ChannelRequest) => Reply
  /** Encodes and signs the answer to a request. */
  readonly seal: (
    reply: Reply,
    tampering: Tampering | undefined,
    request: ChannelRequest
  ) => Effect.Effect<SealedAnswer>
}

/**
 * A stand-in for one payment channel. It speaks the channel's own protocol in `routes`; everything around (reading the
 * request, the ledger, faults, pages, control, persistence, deliveries with retries) is shared.
 *
 * To add one: a folder whose main file makes a `Channel`, and its line in `Channels.ts`.
 */
export interface Channel extends Protocol {
  readonly title: { readonly zh: string; readonly en: string }
  /** Newest first. */
  readonly orders: Effect.Effect<ReadonlyArray<OrderView>>
  readonly order: (reference: string) => Effect.Effect<Option.Option<OrderView>>
  /** The order whose QR code holds `code`. */
  readonly scan: (code: string) => Effect.Effect<Option.Option<OrderView>>
  readonly act: (
    reference: string,
    action: PayerAction,
    options?: PayerActionOptions
  ) => Effect.Effect<OrderView, ReferenceUnknown | ActionRefused>
  /** Ends a refund that is under way, before its time. */
  readonly settleRefund: (
    reference: string,
    outcome: RefundOutcome
  ) => Effect.Effect<void, ReferenceUnknown | ActionRefused>
  readonly disputes?: Disputes
  /** Signs with a new key from now on, and answers with its serial; where the channel publishes its keys. */
  readonly rotate?: Effect.Effect<string>
  /** Forgets every order and refund; keys stay. */
  readonly reset: Effect.Effect<void>
}
