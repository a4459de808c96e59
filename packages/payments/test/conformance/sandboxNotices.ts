import type { AttemptId } from "@mall/domain/payments/Payment"
import { Effect, Schedule, Schema } from "effect"
import { toHexId } from "../../src/channel/hexId.ts"
import { Bench } from "./Bench.ts"

const SentNotice = Schema.Struct({
  id: Schema.String,
  event: Schema.String,
  reference: Schema.String,
  url: Schema.String,
  payload: Schema.JsonObject,
  state: Schema.Literals(["pending", "acknowledged", "abandoned"]),
  attempts: Schema.Array(Schema.Struct({ outcome: Schema.String }))
})
export type SentNotice = typeof SentNotice.Type
const decodeNotices = Schema.decodeUnknownEffect(Schema.Struct({ data: Schema.Array(SentNotice) }))
const payloadJson = Schema.fromJsonString(Schema.JsonObject)

const sent = Effect.gen(function* () {
  const { control, profile } = yield* Bench
  const { body } = yield* control("GET", `/callbacks?channel=${profile.id}&limit=100`)
  return (yield* Effect.orDie(decodeNotices(body))).data
})

/** The newest notice of the channel. */
export const lastNotice = Effect.flatMap(sent, ([first]) =>
  first === undefined ? Effect.die(new Error("The channel sent no notice")) : Effect.succeed(first)
)

/** Waits until the newest notice was delivered at least `times` times, however it was answered. */
export const awaitDelivery = Effect.fnUntraced(function* (times = 1) {
  return yield* lastNotice.pipe(
    Effect.repeat({ until: ({ attempts }) => attempts.length >= times, schedule: Schedule.spaced("10 millis") }),
    Effect.timeoutOrElse({
      duration: "5 seconds",
      orElse: () => Effect.die(new Error("The channel delivered no notice"))
    })
  )
})

/** Waits until the channel has nothing left to tell. */
export const awaitSilence = sent.pipe(
  Effect.repeat({
    until: (notices) => notices.every(({ state }) => state !== "pending"),
    schedule: Schedule.spaced("10 millis")
  }),
  Effect.timeoutOrElse({
    duration: "5 seconds",
    orElse: () => Effect.die(new Error("The channel still has something to tell"))
  })
)

/** Delivers the notice once more, sealed anew. */
export const resend = Effect.fnUntraced(function* ({ id }: SentNotice) {
  const { control } = yield* Bench
  yield* control("POST", `/callbacks/${id}/resend`)
})

/** Has the channel say, by its own hand, the same of another order, or the same as another event. */
export const say = Effect.fnUntraced(function* (
  { event, payload, reference, url }: SentNotice,
  changes: { readonly event?: string; readonly of?: AttemptId; readonly instead?: AttemptId }
) {
  const { control, profile } = yield* Bench
  const { instead, of } = changes
  const rename = (text: string) =>
    of === undefined || instead === undefined
      ? text
      : text.replaceAll(of, instead).replaceAll(toHexId(of), toHexId(instead))
  const text = yield* Effect.orDie(Schema.encodeEffect(payloadJson)(payload))
  yield* control("POST", "/callbacks", {
    channel: profile.id,
    event: changes.event ?? event,
    reference: rename(reference),
    url,
    payload: yield* Effect.orDie(Schema.decodeEffect(payloadJson)(rename(text)))
  })
  yield* awaitDelivery()
})
