import { Effect, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { BillChange, BillChanges } from "../BillChanges.ts"
import { DisputeOutcome, NewDispute, PayerAction, RefundOutcome } from "../Channel.ts"
import { Channels } from "../Channels.ts"
import type { Add } from "./controlRoute.ts"

/** The newest that a list shows. */
const listed = 100

const ChannelPath = Schema.Struct({ channel: Schema.String })
const OrderPath = Schema.Struct({ channel: Schema.String, reference: Schema.String })
const ActionPath = Schema.Struct({ ...OrderPath.fields, action: PayerAction })
const RefundPath = Schema.Struct({ channel: Schema.String, reference: Schema.String, outcome: RefundOutcome })
const DisputePath = Schema.Struct({ channel: Schema.String, number: Schema.String, outcome: DisputeOutcome })
const ScanQuery = Schema.Struct({ code: Schema.NonEmptyString })
const PayOptions = Schema.Struct({
  payerTotal: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)))
})

const decodePayOptions = Schema.decodeEffect(Schema.fromJsonString(PayOptions))

/** The body is optional: `{}` where there is none. */
const payOptions = Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
  Effect.flatMap(request.text, (text) => decodePayOptions(text === "" ? "{}" : text))
)

/** The payer's hand, and the bank's. */
export const addOrders = Effect.fnUntraced(function* (add: Add) {
  const { channels, find, scan } = yield* Channels
  const channelOf = (id: string) => Effect.fromNullishOr(find(id))
  yield* add(
    "GET",
    "/orders",
    Effect.map(
      Effect.forEach(channels, ({ orders }) => orders),
      (lists) => HttpServerResponse.jsonUnsafe({ data: lists.flat().slice(0, listed) })
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
export const addDisputes = Effect.fnUntraced(function* (add: Add) {
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
export const addKeys = Effect.fnUntraced(function* (add: Add) {
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

/** What the channels' bills say that did not happen. */
export const addBills = Effect.fnUntraced(function* (add: Add) {
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
