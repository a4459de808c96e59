import { Effect, Option, Schema } from "effect"
import type { Cause } from "effect"
import type { HttpServerError } from "effect/http"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { isIPv4 } from "node:net"
import { BankBook } from "./bank/BankBook.ts"
import { BillChange, BillChanges } from "./BillChanges.ts"
import { Callbacks, NoticeInput } from "./Callbacks.ts"
import { DisputeOutcome, NewDispute, PayerAction, RefundOutcome } from "./Channel.ts"
import type { ActionRefused, ReferenceUnknown } from "./Channel.ts"
import { Channels } from "./Channels.ts"
import { FaultRule, Faults } from "./Faults.ts"
import { MailSink } from "./mail/MailSink.ts"
import { RequestLedger } from "./RequestLedger.ts"
import { Ecb, EcbChange } from "./Ecb.ts"
import { Wecom } from "./Wecom.ts"

type Refusal =
  | ActionRefused
  | Cause.NoSuchElementError
  | HttpServerError.HttpServerError
  | ReferenceUnknown
  | Schema.SchemaError

const problem = (status: number, message: string) => HttpServerResponse.jsonUnsafe({ message }, { status })

const isLoopback = (address: string) => {
  const plain = address.replace(/^::ffff:/i, "")
  return plain === "::1" || (isIPv4(plain) && plain.startsWith("127."))
}

/** Only programs of this machine may steer the sandbox, and no web page of another site through a browser on it. */
const isTrusted = (request: HttpServerRequest.HttpServerRequest) =>
  Option.exists(request.remoteAddress, isLoopback) &&
  !["cross-site", "same-site"].includes(request.headers["sec-fetch-site"] ?? "none")

const guarded = <E, R>(handle: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    if (!isTrusted(request)) return problem(403, "The control endpoints are for programs of this machine")
    return yield* handle
  })

const ChannelPath = Schema.Struct({ channel: Schema.String })
const OrderPath = Schema.Struct({ channel: Schema.String, reference: Schema.String })
const ActionPath = Schema.Struct({ ...OrderPath.fields, action: PayerAction })
const RefundPath = Schema.Struct({ channel: Schema.String, reference: Schema.String, outcome: RefundOutcome })
const DisputePath = Schema.Struct({ channel: Schema.String, number: Schema.String, outcome: DisputeOutcome })
const ScanQuery = Schema.Struct({ code: Schema.NonEmptyString })
const NewNotice = Schema.Struct({ ...NoticeInput.fields, channel: Schema.String })
const CallbackPath = Schema.Struct({ id: Schema.String })
const PayOptions = Schema.Struct({
  payerTotal: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)))
})
const ListQuery = Schema.Struct({
  channel: Schema.optionalKey(Schema.String),
  operation: Schema.optionalKey(Schema.String),
  limit: Schema.optionalKey(
    Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 1_000 }))
  )
})
const MailQuery = Schema.Struct({ to: Schema.optionalKey(Schema.String), limit: ListQuery.fields.limit })
const defaultLimit = 100

const decodePayOptions = Schema.decodeEffect(Schema.fromJsonString(PayOptions))

/** The body is optional: `{}` where there is none. */
const payOptions = Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
  Effect.flatMap(request.text, (text) => decodePayOptions(text === "" ? "{}" : text))
)

/** Adds an endpoint by which programs of this machine steer the sandbox. */
export const makeAdd =
  (router: HttpRouter.HttpRouter) =>
  <R>(
    method: "GET" | "POST" | "DELETE",
    path: `/${string}`,
    handle: Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal, R>
  ) =>
    router.add(
      method,
      `/control${path}`,
      guarded(handle).pipe(
        Effect.catchTags({
          SchemaError: (error) => Effect.succeed(problem(400, error.message)),
          HttpServerError: () => Effect.succeed(problem(400, "The body cannot be read")),
          NoSuchElementError: () => Effect.succeed(problem(404, "There is no such channel, order or code")),
          ReferenceUnknown: (error) => Effect.succeed(problem(404, error.message)),
          ActionRefused: (error) => Effect.succeed(problem(409, error.message))
        })
      )
    )
type Add = ReturnType<typeof makeAdd>

/** The payer's hand, and the bank's. */
const addOrders = Effect.fnUntraced(function* (add: Add) {
  const { channels, find, scan } = yield* Channels
  const channelOf = (id: string) => Effect.fromNullishOr(find(id))
  yield* add(
    "GET",
    "/orders",
    Effect.map(
      Effect.forEach(channels, ({ orders }) => orders),
      (lists) => HttpServerResponse.jsonUnsafe({ data: lists.flat().slice(0, defaultLimit) })
    )
  )
  yield* add(
    "GET",
    "/scan",
    HttpServerRequest.schemaSearchParams(ScanQuery).pipe(
      Effect.flatMap(({ code }) => scan(code)),
      Effect.map((order) => HttpServerResponse.jsonUnsafe(order))
    )
  )
  yield* add(
    "GET",
    "/:channel/orders/:reference",
    Effect.gen(function* () {
      const { channel: id, reference } = yield* HttpRouter.schemaPathParams(OrderPath)
      const channel = yield* channelOf(id)
      return HttpServerResponse.jsonUnsafe(yield* Effect.fromOption(yield* channel.order(reference)))
    })
  )
  yield* add(
    "POST",
    "/:channel/orders/:reference/:action",
    Effect.gen(function* () {
      const { action, channel: id, reference } = yield* HttpRouter.schemaPathParams(ActionPath)
      const channel = yield* channelOf(id)
      return HttpServerResponse.jsonUnsafe(yield* channel.act(reference, action, yield* payOptions))
    })
  )
  yield* add(
    "POST",
    "/:channel/refunds/:reference/:outcome",
    Effect.gen(function* () {
      const { channel: id, outcome, reference } = yield* HttpRouter.schemaPathParams(RefundPath)
      const channel = yield* channelOf(id)
      yield* channel.settleRefund(reference, outcome)
      return HttpServerResponse.empty()
    })
  )
})

/** The payer's bank. A channel without disputes is as good as none. */
const addDisputes = Effect.fnUntraced(function* (add: Add) {
  const { find } = yield* Channels
  const disputesOf = (id: string) => Effect.fromNullishOr(find(id)?.disputes)
  yield* add(
    "POST",
    "/:channel/orders/:reference/disputes",
    Effect.gen(function* () {
      const { channel, reference } = yield* HttpRouter.schemaPathParams(OrderPath)
      const disputes = yield* disputesOf(channel)
      const options = yield* HttpServerRequest.schemaBodyJson(NewDispute)
      return HttpServerResponse.jsonUnsafe(yield* disputes.open(reference, options))
    })
  )
  yield* add(
    "POST",
    "/:channel/disputes/:number/:outcome",
    Effect.gen(function* () {
      const { channel, number, outcome } = yield* HttpRouter.schemaPathParams(DisputePath)
      const disputes = yield* disputesOf(channel)
      return HttpServerResponse.jsonUnsafe(yield* disputes.settle(number, outcome))
    })
  )
  yield* add(
    "GET",
    "/:channel/disputes",
    Effect.gen(function* () {
      const { channel } = yield* HttpRouter.schemaPathParams(ChannelPath)
      const disputes = yield* disputesOf(channel)
      return HttpServerResponse.jsonUnsafe({ data: yield* disputes.list })
    })
  )
})

/** The channel's keys. */
const addKeys = Effect.fnUntraced(function* (add: Add) {
  const { find } = yield* Channels
  yield* add(
    "POST",
    "/:channel/rotate",
    Effect.gen(function* () {
      const { channel } = yield* HttpRouter.schemaPathParams(ChannelPath)
      return HttpServerResponse.jsonUnsafe({ serial: yield* yield* Effect.fromNullishOr(find(channel)?.rotate) })
    })
  )
})

/** What came in, and what goes out. */
const addRecords = Effect.fnUntraced(function* (add: Add) {
  const ledger = yield* RequestLedger
  const callbacks = yield* Callbacks
  yield* add(
    "GET",
    "/requests",
    Effect.gen(function* () {
      const { channel, limit, operation } = yield* HttpServerRequest.schemaSearchParams(ListQuery)
      const entries = (yield* ledger.list).filter(
        (entry) =>
          (channel === undefined || entry.channel === channel) &&
          (operation === undefined || entry.operation === operation)
      )
      return HttpServerResponse.jsonUnsafe({ data: entries.slice(0, limit ?? defaultLimit) })
    })
  )
  yield* add(
    "GET",
    "/callbacks",
    Effect.gen(function* () {
      const { channel, limit } = yield* HttpServerRequest.schemaSearchParams(ListQuery)
      const notices = (yield* callbacks.list).filter((notice) => channel === undefined || notice.channel === channel)
      return HttpServerResponse.jsonUnsafe({ data: notices.slice(0, limit ?? defaultLimit) })
    })
  )
  yield* add(
    "POST",
    "/callbacks",
    Effect.gen(function* () {
      const { channel, ...notice } = yield* HttpServerRequest.schemaBodyJson(NewNotice)
      yield* callbacks.send(channel, notice)
      return HttpServerResponse.empty()
    })
  )
  const wecom = yield* Wecom
  yield* add(
    "GET",
    "/wecom",
    Effect.map(wecom.messages, (data) => HttpServerResponse.jsonUnsafe({ data }))
  )
  const mail = yield* MailSink
  yield* add(
    "GET",
    "/mails",
    Effect.gen(function* () {
      const { limit, to } = yield* HttpServerRequest.schemaSearchParams(MailQuery)
      const mails = (yield* mail.mails).filter(({ recipients }) => to === undefined || recipients.includes(to))
      return HttpServerResponse.jsonUnsafe({ data: mails.slice(0, limit ?? defaultLimit) })
    })
  )
  yield* add(
    "POST",
    "/callbacks/:id/resend",
    Effect.gen(function* () {
      const { id } = yield* HttpRouter.schemaPathParams(CallbackPath)
      return HttpServerResponse.jsonUnsafe(yield* callbacks.resend(id))
    })
  )
})

const addFaults = Effect.fnUntraced(function* (add: Add) {
  const faults = yield* Faults
  const list = Effect.map(faults.list, (data) => HttpServerResponse.jsonUnsafe({ data }))
  yield* add("GET", "/faults", list)
  yield* add(
    "POST",
    "/faults",
    HttpServerRequest.schemaBodyJson(FaultRule).pipe(Effect.flatMap(faults.add), Effect.andThen(list))
  )
  yield* add("DELETE", "/faults", Effect.as(faults.clear, HttpServerResponse.empty()))
})

/** What the channels' bills say that did not happen. */
const addBills = Effect.fnUntraced(function* (add: Add) {
  const changes = yield* BillChanges
  yield* add(
    "POST",
    "/:channel/bill-changes",
    Effect.gen(function* () {
      const { channel } = yield* HttpRouter.schemaPathParams(ChannelPath)
      yield* changes.add(channel, yield* HttpServerRequest.schemaBodyJson(BillChange))
      return HttpServerResponse.empty()
    })
  )
  yield* add("DELETE", "/bill-changes", Effect.as(changes.clear, HttpServerResponse.empty()))
})

/** What the central bank publishes next. */
const addRates = Effect.fnUntraced(function* (add: Add) {
  const ecb = yield* Ecb
  yield* add(
    "POST",
    "/ecb",
    HttpServerRequest.schemaBodyJson(EcbChange).pipe(Effect.flatMap(ecb.change), Effect.as(HttpServerResponse.empty()))
  )
})

const addReset = Effect.fnUntraced(function* (add: Add) {
  const { channels } = yield* Channels
  const callbacks = yield* Callbacks
  const changes = yield* BillChanges
  const bank = yield* BankBook
  const faults = yield* Faults
  const ledger = yield* RequestLedger
  const ecb = yield* Ecb
  const wecom = yield* Wecom
  const mail = yield* MailSink
  yield* add(
    "POST",
    "/reset",
    Effect.gen(function* () {
      yield* changes.clear
      yield* bank.clear
      yield* faults.clear
      yield* Effect.forEach(channels, ({ reset }) => reset)
      yield* callbacks.clear
      yield* ledger.clear
      yield* ecb.clear
      yield* wecom.clear
      yield* mail.clear
      return HttpServerResponse.empty()
    })
  )
})

/** JSON endpoints by which tests and demos act as the payer, read what happened and order faults. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const add = makeAdd(router)
    yield* addOrders(add)
    yield* addDisputes(add)
    yield* addKeys(add)
    yield* addRecords(add)
    yield* addFaults(add)
    yield* addBills(add)
    yield* addRates(add)
    yield* addReset(add)
  })
)
