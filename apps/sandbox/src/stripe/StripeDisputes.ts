import { Currency } from "@mall/domain/kernel/Currency"
import { DateTime, Effect, Schema, Semaphore } from "effect"
import { randomUUID } from "node:crypto"
import { ActionRefused, ReferenceUnknown } from "../Channel.ts"
import type { ChannelRequest, Disputes, DisputeView, NewDispute } from "../Channel.ts"
import { Journal } from "../Journal.ts"
import type { BookRefused, OrderBook } from "../OrderBook.ts"
import { invalid } from "./StripeRefused.ts"
import type { StripeRefused } from "./StripeRefused.ts"
import { idOf, toStripeAmount } from "./stripeObjects.ts"

const State = Schema.Literals([
  "warning_needs_response",
  "warning_under_review",
  "warning_closed",
  "needs_response",
  "under_review",
  "won",
  "lost"
])

/** A dispute as the stand-in keeps it. Amounts in minor units, times in seconds since 1970. */
const Dispute = Schema.Struct({
  number: Schema.String,
  /** The reference of its order, and its number. */
  order: Schema.String,
  intent: Schema.String,
  amount: Schema.Int,
  currency: Currency,
  reason: Schema.String,
  state: State,
  isWithdrawn: Schema.Boolean,
  isReinstated: Schema.Boolean,
  evidence: Schema.Record(Schema.String, Schema.String),
  submissions: Schema.Int,
  dueBy: Schema.Int,
  created: Schema.Int
})
type Dispute = typeof Dispute.Type

const File = Schema.Struct({ number: Schema.String, type: Schema.String, size: Schema.Int })

/** What Stripe takes for a dispute, whoever wins it. Minor units. */
const fee = 1500
const usualTime = 7 * 24 * 3600
const largestFile = 5_000_000

const isOpen = ({ state }: Dispute) => state !== "won" && state !== "lost" && state !== "warning_closed"
const isWarning = ({ state }: Dispute) => state.startsWith("warning_")
const mayAnswer = ({ state }: Dispute) => state === "needs_response" || state === "warning_needs_response"

const movementsOf = ({ amount, currency, isReinstated, isWithdrawn, number }: Dispute) => {
  const total = toStripeAmount(amount, currency)
  const movement = (name: string, amount: number, fee: number) => ({
    ...{ id: idOf("txn", `${name} ${number}`), object: "balance_transaction", amount, fee, net: amount - fee },
    currency: currency.toLowerCase()
  })
  return [
    ...(isWithdrawn ? [movement("withdrawn", -total, fee)] : []),
    ...(isReinstated ? [movement("reinstated", total, 0)] : [])
  ]
}

const toObject = (dispute: Dispute): Schema.JsonObject => ({
  id: dispute.number,
  object: "dispute",
  amount: toStripeAmount(dispute.amount, dispute.currency),
  currency: dispute.currency.toLowerCase(),
  charge: idOf("ch", dispute.intent),
  payment_intent: dispute.intent,
  created: dispute.created,
  livemode: false,
  metadata: {},
  reason: dispute.reason,
  status: dispute.state,
  is_charge_refundable: isWarning(dispute),
  balance_transactions: movementsOf(dispute),
  evidence: dispute.evidence,
  evidence_details: {
    due_by: dispute.dueBy,
    has_evidence: Object.keys(dispute.evidence).length > 0,
    past_due: false,
    submission_count: dispute.submissions
  }
})

const toView = (dispute: Dispute): DisputeView => ({
  number: dispute.number,
  order: dispute.order,
  amount: dispute.amount,
  currency: dispute.currency,
  state: dispute.state,
  outcomes: isOpen(dispute) ? (mayAnswer(dispute) ? ["win", "lose", "review"] : ["win", "lose"]) : []
})

/** The file of a multipart body that has a character for each byte: its type, and its length in bytes. */
const fileOf = (body: string) => {
  const part = body.split(/\r?\n?--[-\w]+(?:--)?\r\n/).find((text) => /^content-disposition:.*name="file"/im.test(text))
  const [, type = ""] = /^content-type: *([\w/+.-]+)/im.exec(part ?? "") ?? []
  const start = part?.indexOf("\r\n\r\n") ?? -1
  return part === undefined || start < 0 ? undefined : { type, size: part.length - start - 4 }
}

type Tell = (event: string, reference: string, payload: Schema.JsonObject) => Effect.Effect<void>

/** Disputes and the files of their evidence, with the hand of the payer's bank. */
export const makeStripeDisputes = Effect.fnUntraced(function* (book: OrderBook, tell: Tell) {
  const journal = yield* Journal
  const disputes = yield* journal.open("stripe/disputes", { schema: Dispute, key: ({ number }) => number })
  const files = yield* journal.open("stripe/files", { schema: File, key: ({ number }) => number })
  const exclusively = (yield* Semaphore.make(1)).withPermits(1)
  const seconds = Effect.map(DateTime.now, (now) => Math.floor(DateTime.toEpochMillis(now) / 1000))

  const say = (event: string, dispute: Dispute) => tell(`charge.dispute.${event}`, dispute.order, toObject(dispute))

  const change = Effect.fnUntraced(function* (dispute: Dispute, events: ReadonlyArray<string>) {
    yield* disputes.set(dispute)
    yield* Effect.forEach(events, (event) => say(event, dispute), { discard: true })
    return dispute
  })

  const find = ({ params }: ChannelRequest): Effect.Effect<Dispute, StripeRefused> =>
    Effect.fromNullishOr(disputes.get(params["id"] ?? "")).pipe(Effect.mapError(() => invalid("resource_missing", 404)))

  const open = Effect.fnUntraced(function* (
    reference: string,
    { amount, dueIn = usualTime, isInquiry = false, reason = "fraudulent" }: NewDispute
  ): Effect.fn.Return<DisputeView, ReferenceUnknown | ActionRefused> {
    const order = yield* Effect.flatMap(book.look(reference), Effect.fromOption).pipe(
      Effect.mapError(() => new ReferenceUnknown({ reference }))
    )
    if (order.state !== "paid") return yield* new ActionRefused({ reason: `The order is ${order.state}` })
    const created = yield* seconds
    const dispute: Dispute = {
      ...{ number: idOf("du", randomUUID()), order: reference, intent: order.number, reason, created },
      ...{ amount: amount ?? order.amount, currency: order.currency, dueBy: created + dueIn },
      ...{ state: isInquiry ? "warning_needs_response" : "needs_response", isWithdrawn: !isInquiry },
      ...{ isReinstated: false, evidence: {}, submissions: 0 }
    }
    return toView(yield* change(dispute, isInquiry ? ["created"] : ["created", "funds_withdrawn"]))
  }, exclusively)

  const settle = Effect.fnUntraced(function* (
    number: string,
    outcome: Parameters<Disputes["settle"]>[1]
  ): Effect.fn.Return<DisputeView, ReferenceUnknown | ActionRefused> {
    const dispute = disputes.get(number)
    if (dispute === undefined) return yield* new ReferenceUnknown({ reference: number })
    if (!toView(dispute).outcomes.includes(outcome)) {
      return yield* new ActionRefused({ reason: `The dispute is ${dispute.state}` })
    }
    switch (outcome) {
      case "review": {
        const state = isWarning(dispute) ? "warning_under_review" : "under_review"
        return toView(yield* change({ ...dispute, state }, ["updated"]))
      }
      case "win": {
        const isReinstated = dispute.isWithdrawn
        const state = isWarning(dispute) ? "warning_closed" : "won"
        const events = isReinstated ? ["closed", "funds_reinstated"] : ["closed"]
        return toView(yield* change({ ...dispute, state, isReinstated }, events))
      }
      case "lose": {
        const events = dispute.isWithdrawn ? ["closed"] : ["funds_withdrawn", "closed"]
        return toView(yield* change({ ...dispute, state: "lost", isWithdrawn: true }, events))
      }
    }
  }, exclusively)

  const update = Effect.fnUntraced(function* (
    request: ChannelRequest
  ): Effect.fn.Return<Schema.JsonObject, StripeRefused> {
    const dispute = yield* find(request)
    const form = [...new URLSearchParams(request.body)]
    const given = form.flatMap(([name, value]) => {
      const kind = /^evidence\[(\w+)\]$/.exec(name)?.[1]
      return kind === undefined ? [] : [[kind, value] as const]
    })
    const unknown = given.some(([, value]) => value.startsWith("file_") && files.get(value) === undefined)
    if (unknown) return yield* invalid("resource_missing")
    const isSubmitted = form.some(([name, value]) => name === "submit" && value === "true")
    const evidence = { ...dispute.evidence, ...Object.fromEntries(given) }
    // the same again is answered as it is, as under one idempotency key
    const isRepeated = given.every(([kind, value]) => dispute.evidence[kind] === value) && dispute.submissions > 0
    if (isRepeated) return toObject(dispute)
    if (!mayAnswer(dispute) || dispute.dueBy <= (yield* seconds)) return yield* invalid("dispute_evidence_not_accepted")
    const state = isWarning(dispute) ? "warning_under_review" : "under_review"
    const changed: Dispute = isSubmitted
      ? { ...dispute, evidence, state, submissions: dispute.submissions + 1 }
      : { ...dispute, evidence }
    return toObject(yield* change(changed, ["updated"]))
  }, exclusively)

  const close = Effect.fnUntraced(function* (
    request: ChannelRequest
  ): Effect.fn.Return<Schema.JsonObject, StripeRefused> {
    const dispute = yield* find(request)
    if (dispute.state === "lost") return toObject(dispute)
    if (dispute.state !== "needs_response") return yield* invalid("dispute_not_closable")
    return toObject(yield* change({ ...dispute, state: "lost" }, ["closed"]))
  }, exclusively)

  const upload = Effect.fnUntraced(function* ({
    body,
    headers
  }: ChannelRequest): Effect.fn.Return<Schema.JsonObject, StripeRefused | BookRefused> {
    const key = headers["idempotency-key"]
    const file = fileOf(body)
    if (key === undefined || file === undefined || !/name="purpose"\r\n\r\ndispute_evidence/.test(body)) {
      return yield* invalid("parameter_missing")
    }
    if (file.size > largestFile) return yield* invalid("file_too_large")
    if (!["application/pdf", "image/jpeg", "image/png"].includes(file.type)) return yield* invalid("invalid_file_type")
    const number = idOf("file", key)
    yield* files.set({ number, ...file })
    return { id: number, object: "file", purpose: "dispute_evidence", type: file.type, size: file.size }
  })

  const newest = Effect.sync(() => disputes.values().toReversed())
  const bank: Disputes = { list: Effect.map(newest, (all) => all.map(toView)), open, settle }
  return {
    bank,
    query: (request: ChannelRequest) => Effect.map(find(request), toObject),
    listed: Effect.fnUntraced(function* ({
      query
    }: ChannelRequest): Effect.fn.Return<Schema.JsonObject, StripeRefused> {
      const all = yield* newest
      const limit = Number(query["limit"] ?? "10")
      const after = query["starting_after"]
      const start = after === undefined ? 0 : all.findIndex(({ number }) => number === after) + 1
      if (after !== undefined && start === 0) return yield* invalid("resource_missing")
      return {
        object: "list",
        url: "/v1/disputes",
        has_more: all.length > start + limit,
        data: all.slice(start, start + limit).map(toObject)
      }
    }),
    update,
    close,
    upload,
    clear: Effect.andThen(disputes.clear, files.clear)
  }
})
