import { Context, DateTime, Duration, Effect, FiberMap, Layer, Schema } from "effect"
import type { Config } from "effect"
import type { HttpClient } from "effect/http"
import { randomUUID } from "node:crypto"
import { makeDelivery } from "./CallbackDelivery.ts"
import { ReferenceUnknown } from "./Channel.ts"
import type { NoticeProtocol } from "./Channel.ts"
import { Faults } from "./Faults.ts"
import { Journal } from "./Journal.ts"
import { SandboxConfig } from "./SandboxConfig.ts"
import type { SandboxUnavailable } from "./SandboxUnavailable.ts"

/** A notice on its way to a merchant. */
export const Callback = Schema.Struct({
  id: Schema.String,
  channel: Schema.String,
  event: Schema.String,
  /** The order or refund it is about. */
  reference: Schema.String,
  url: Schema.String,
  payload: Schema.JsonObject,
  createdAt: Schema.String,
  state: Schema.Literals(["pending", "acknowledged", "abandoned"]),
  /** When it is sent next, while it is pending. */
  dueAt: Schema.String,
  attempts: Schema.Array(Schema.Struct({ at: Schema.String, outcome: Schema.String }))
})
export type Callback = typeof Callback.Type

export const NoticeInput = Schema.Struct({
  event: Schema.String,
  reference: Schema.String,
  url: Schema.String,
  payload: Schema.JsonObject
})
export type NoticeInput = typeof NoticeInput.Type

/**
 * Delivers channels' notices: at once, then at the channel's pauses until the merchant acknowledges or the channel gives
 * up. What is pending survives a restart and is then delivered again: at least once, in no promised order.
 */
export class Callbacks extends Context.Service<
  Callbacks,
  {
    /** Takes up the channel's pending notices and returns how to send new ones. */
    register(channel: string, protocol: NoticeProtocol): Effect.Effect<(notice: NoticeInput) => Effect.Effect<void>>
    /** Sends what the channel never meant to say, sealed by its own hand. */
    send(channel: string, notice: NoticeInput): Effect.Effect<void, ReferenceUnknown>
    /** Newest first. */
    readonly list: Effect.Effect<ReadonlyArray<Callback>>
    /** Delivers once more, whatever its state, and returns what came of it. */
    resend(id: string): Effect.Effect<Callback, ReferenceUnknown>
    /** Stops every delivery and forgets all notices. */
    readonly clear: Effect.Effect<void>
  }
>()("@mall/sandbox/Callbacks") {
  static readonly layer: Layer.Layer<
    Callbacks,
    SandboxUnavailable | Config.ConfigError,
    Journal | Faults | HttpClient.HttpClient
  > = Layer.effect(
    Callbacks,
    Effect.gen(function* () {
      const journal = yield* Journal
      const faults = yield* Faults
      const { retryScale } = yield* SandboxConfig
      const callbacks = yield* journal.open("callbacks", { schema: Callback, key: ({ id }) => id })
      const protocols = new Map<string, NoticeProtocol>()
      const deliveries = yield* FiberMap.make<string>()
      const deliver = yield* makeDelivery

      const attempt = Effect.fn("Callbacks.attempt")(function* (id: string) {
        const before = callbacks.get(id)
        const protocol = protocols.get(before?.channel ?? "")
        if (before === undefined || protocol === undefined) return yield* new ReferenceUnknown({ reference: id })
        const fault = yield* faults.takeForCallback(before.channel)
        const { acknowledged, outcome } = yield* deliver(before, protocol, fault)
        const now = yield* DateTime.now
        // read again: meanwhile another attempt may have ended, or everything been forgotten
        const current = callbacks.get(id)
        if (current === undefined) return yield* new ReferenceUnknown({ reference: id })
        const pause = protocol.pauses[current.attempts.length]
        const after: Callback = {
          ...current,
          state:
            acknowledged || current.state === "acknowledged"
              ? "acknowledged"
              : pause === undefined
                ? "abandoned"
                : "pending",
          dueAt: DateTime.formatIso(DateTime.addDuration(now, Duration.times(pause ?? Duration.zero, retryScale))),
          attempts: [...current.attempts, { at: DateTime.formatIso(now), outcome }]
        }
        yield* callbacks.set(after)
        return after
      })

      const deliverUntilSettled = Effect.fnUntraced(
        function* (id: string) {
          let callback = callbacks.get(id)
          while (callback?.state === "pending") {
            const now = yield* DateTime.now
            yield* Effect.sleep(
              Duration.max(DateTime.distance(now, DateTime.makeUnsafe(callback.dueAt)), Duration.zero)
            )
            // a resend may have been acknowledged meanwhile
            if (callbacks.get(id)?.state !== "pending") return
            callback = yield* attempt(id)
          }
        },
        Effect.catchTag("ReferenceUnknown", () => Effect.void)
      )

      const start = (id: string) => FiberMap.run(deliveries, id, deliverUntilSettled(id))

      const sendFrom = (channel: string) =>
        Effect.fn("Callbacks.send")(function* (notice: NoticeInput) {
          const id = randomUUID()
          const now = DateTime.formatIso(yield* DateTime.now)
          yield* callbacks.set({ ...notice, id, channel, createdAt: now, dueAt: now, state: "pending", attempts: [] })
          yield* start(id)
        })

      return Callbacks.of({
        register: Effect.fnUntraced(function* (channel, protocol) {
          protocols.set(channel, protocol)
          yield* Effect.forEach(
            callbacks.values().filter((callback) => callback.channel === channel && callback.state === "pending"),
            ({ id }) => start(id)
          )
          return sendFrom(channel)
        }),
        send: (channel, notice) =>
          protocols.has(channel)
            ? sendFrom(channel)(notice)
            : Effect.fail(new ReferenceUnknown({ reference: channel })),
        list: Effect.sync(() => callbacks.values().toReversed()),
        resend: attempt,
        clear: Effect.andThen(FiberMap.clear(deliveries), callbacks.clear)
      })
    })
  )
}
