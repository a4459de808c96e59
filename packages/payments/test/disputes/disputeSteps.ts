import { Currency } from "@mall/domain/kernel/Currency"
import type { Dispute, DisputeDetails } from "@mall/domain/payments/Dispute"
import type { DisputeStatus } from "@mall/domain/payments/DisputeLifecycle"
import { assert } from "@effect/vitest"
import { Effect, Option, Schedule, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Callbacks } from "../../src/callbacks/Callbacks.ts"
import { toHexId } from "../../src/channel/hexId.ts"
import { Disputes } from "../../src/disputes/Disputes.ts"
import type { Party } from "../../src/disputes/Disputes.ts"
import { Bench, layerOf } from "../conformance/Bench.ts"
import { awaitSilence } from "../conformance/sandboxNotices.ts"
import { aPaidPayment } from "../conformance/steps.ts"
import type { Offer } from "../conformance/steps.ts"

const View = Schema.Struct({
  number: Schema.String,
  amount: Schema.Int,
  currency: Currency,
  state: Schema.String
})
const Sent = Schema.Struct({
  data: Schema.Array(
    Schema.Struct({ event: Schema.String, reference: Schema.String, url: Schema.String, payload: Schema.JsonObject })
  )
})

export const operator: Party = { sees: "all", actor: "operator:test" }

/** The payer's bank wants the money of a paid order back. */
export const dispute = Effect.fnUntraced(function* ({ attemptId }: Offer, options: Record<string, unknown> = {}) {
  const { control } = yield* Bench
  const { body } = yield* control("POST", `/stripe/orders/${toHexId(attemptId)}/disputes`, options)
  return yield* Schema.decodeUnknownEffect(View)(body)
})

export const decide = Effect.fnUntraced(function* (number: string, outcome: "win" | "lose" | "review") {
  const { control } = yield* Bench
  return (yield* control("POST", `/stripe/disputes/${number}/${outcome}`)).status
})

export const heard = Effect.gen(function* () {
  const callbacks = yield* Callbacks
  yield* awaitSilence
  yield* callbacks.drained
})

export const find = Effect.fnUntraced(function* (number: string) {
  const disputes = yield* Disputes
  const { data } = yield* disputes.list(operator, { limit: 100 })
  return Option.fromUndefinedOr(data.find(({ channelReference }) => channelReference === number))
})

/** Waits until our books say that the dispute is in `status`. */
export const awaitDispute = Effect.fnUntraced(function* (number: string, status: DisputeStatus) {
  const found: Option.Option<Dispute> = yield* find(number).pipe(
    Effect.repeat({
      until: (found) => Option.exists(found, (dispute) => dispute.status === status),
      schedule: Schedule.spaced("10 millis")
    }),
    Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => find(number) })
  )
  const dispute = yield* Effect.orDie(Effect.fromOption(found))
  assert.strictEqual(dispute.status, status)
  return dispute
})

/** A dispute of a paid payment, that we know of. */
export const anOpenDispute = Effect.fnUntraced(function* (options: Record<string, unknown> = {}) {
  const offer = yield* aPaidPayment()
  const { number } = yield* dispute(offer, options)
  yield* heard
  return { offer, number, ...(yield* awaitDispute(number, "needs_response")) }
})

/** The last notice about the dispute of this kind; has the channel say it again with `changes`, signed, as a new event. */
export const say = Effect.fnUntraced(function* (number: string, event: string, changes: Schema.JsonObject = {}) {
  const { control } = yield* Bench
  const { body } = yield* control("GET", "/callbacks?channel=stripe&limit=1000")
  const { data } = yield* Schema.decodeUnknownEffect(Sent)(body)
  const notice = data.find((one) => one.event === event && one.payload["id"] === number)
  if (notice === undefined) return yield* Effect.die(new Error(`There was no ${event}`))
  const { payload, ...rest } = notice
  yield* control("POST", "/callbacks", { channel: "stripe", ...rest, payload: { ...payload, ...changes } })
  yield* heard
})

export const securityEvents = Effect.fnUntraced(function* (kind: string, number: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    SELECT id FROM payments.security_events WHERE kind = ${kind} AND details ->> 'channelReference' = ${number}`
  return rows.length
})

export const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0xff, 0x00, 0x0d, 0x0a, 0x2d, 0x2d])
export const statuses = ({ history }: DisputeDetails) => history.map(({ toStatus }) => toStatus)

export const Stripe = layerOf({
  id: "stripe",
  method: "card",
  currency: "USD",
  paidStates: ["paid"],
  decline: { status: 402, code: "card_declined" },
  amountOnWire: ({ amount }) => `amount=${amount}&`,
  sealHeaders: ["stripe-signature"]
})
