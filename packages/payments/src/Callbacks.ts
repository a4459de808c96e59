import { generator } from "@mall/domain/kernel/Id"
import { CallbackNotFound, ChannelNotFound } from "@mall/domain/payments/PaymentError"
import { Context, DateTime, Duration, Effect, FiberSet, Layer, Option } from "effect"
import type { CallbackAnswer, Channel, Notice, RawCallback } from "./channel/Channel.ts"
import type { CallbackRefused } from "./channel/ChannelError.ts"
import { Channels } from "./channel/Channels.ts"
import { CallbackId, CallbackInbox } from "./CallbackInbox.ts"
import { CallbackRuns } from "./CallbackRuns.ts"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { countCallbackDuplicate, countCallbackRefused, countSignatureFailure } from "./paymentMetrics.ts"
import { DisputeSync } from "./disputes/DisputeSync.ts"
import { Inquiries } from "./Inquiries.ts"
import { PaymentsConfig } from "./PaymentsConfig.ts"
import { SecurityEvents } from "./SecurityEvents.ts"

const newCallbackId = generator(CallbackId)

/** Notices that one process works on or queues; more are left to the sweep, so that a flood does not fill the memory. */
const maxAtWork = 1_000

/** How long a stop waits for the notices at work. What it does not wait for is found by the sweep. */
const drainTime = Duration.seconds(5)

/**
 * Channels' notices: verified, stored, acknowledged, and then acted upon, in this order. An acknowledged notice is never
 * lost, for it is in the database; one that comes twice, late or in disorder changes nothing, for it is applied to the
 * payment's state under its lock.
 */
export class Callbacks extends Context.Service<
  Callbacks,
  {
    /** Answers in the channel's format. A genuine notice that could not be stored is refused, so that the channel sends it again. */
    receive(channel: string, callback: RawCallback): Effect.Effect<CallbackAnswer, ChannelNotFound>
    /** The answer to a body that was not even read to its end, with a report of it. */
    refuseTooLarge(channel: string): Effect.Effect<CallbackAnswer, ChannelNotFound>
    /** Acts upon the notices whose first run was lost or failed; answers with how many there were. */
    sweep(limit: number): Effect.Effect<number>
    /** Acts upon a stored notice once more, whatever became of it; for operators. */
    replay(id: CallbackId): Effect.Effect<void, CallbackNotFound>
    /** Waits until the notices that this process took are acted upon. */
    readonly drained: Effect.Effect<void>
    /** Forgets sendings that are too old to be played back; answers with how many. */
    purge(limit: number): Effect.Effect<number>
  }
>()("@mall/payments/Callbacks") {
  static readonly layerNoDeps = Layer.effect(
    Callbacks,
    Effect.gen(function* () {
      const channels = yield* Channels
      const config = yield* PaymentsConfig
      const inbox = yield* CallbackInbox
      const runs = yield* CallbackRuns
      const inquiries = yield* Inquiries
      const disputes = yield* DisputeSync
      const securityEvents = yield* SecurityEvents
      const atWork = yield* FiberSet.make()
      yield* Effect.addFinalizer(() => Effect.timeoutOption(FiberSet.awaitEmpty(atWork), drainTime))

      /** A run that fails is logged and comes again by the sweep: the notice is still in the inbox. */
      const attempt = (id: CallbackId, channelId?: string, notice?: Notice) =>
        runs.run(id).pipe(
          // what was only agreed to is taken now, and by the sweep if that fails
          Effect.andThen(
            notice?._tag === "PaymentNotice" && notice.payment._tag === "Approved"
              ? inquiries.follow(notice.attemptId)
              : notice?._tag === "DisputeNotice" && channelId !== undefined
                ? disputes.follow(channelId, notice.dispute.channelReference)
                : Effect.void
          ),
          Effect.catchCause((cause) => Effect.logError("notice not acted upon", cause)),
          Effect.annotateLogs({ callbackId: id })
        )

      const refuse = Effect.fnUntraced(
        function* (channel: Channel, reason: CallbackRefused["reason"] | "too_large") {
          yield* countCallbackRefused(channel.id, reason)
          if (reason === "signature" || reason === "serial") yield* countSignatureFailure(channel.id)
          yield* securityEvents.record({
            kind: reason === "replayed" ? "callback_replayed" : "callback_refused",
            channel: channel.id,
            details: { reason }
          })
          // what no channel sends is not answered as to a channel
          return reason === "too_large" ? { status: 413 } : channel.refusal(reason)
        },
        (effect, channel) => Effect.catchTag(effect, "SqlError", unavailable(channel))
      )

      const accept = Effect.fnUntraced(function* (channel: Channel, callback: RawCallback) {
        const verified = yield* channel.parseCallback(callback)
        const id = yield* newCallbackId
        const stored = yield* inbox.store(id, channel.id, verified, {
          now: yield* DateTime.nowAsDate,
          traceId: yield* currentTraceId
        })
        if (stored === "replayed") return yield* refuse(channel, "replayed")
        if (stored === "duplicate") yield* countCallbackDuplicate(channel.id)
        else if ((yield* FiberSet.size(atWork)) < maxAtWork)
          yield* FiberSet.run(atWork, attempt(id, channel.id, verified.notice))
        return channel.acknowledgement
      })

      const receive = Effect.fn("Callbacks.receive")(function* (channelId: string, callback: RawCallback) {
        const channel = Option.getOrUndefined(channels.find(channelId))
        if (channel === undefined) return yield* new ChannelNotFound({})
        return yield* accept(channel, callback).pipe(
          Effect.catchTags({
            CallbackRefused: ({ reason }) => refuse(channel, reason),
            SqlError: unavailable(channel)
          })
        )
      })

      const refuseTooLarge = Effect.fn("Callbacks.refuseTooLarge")(function* (channelId: string) {
        const channel = Option.getOrUndefined(channels.find(channelId))
        return channel === undefined ? yield* new ChannelNotFound({}) : yield* refuse(channel, "too_large")
      })

      const sweep = Effect.fn("Callbacks.sweep")(
        function* (limit: number) {
          const now = yield* DateTime.nowAsDate
          const due = yield* inbox.claimDue(now, limit)
          const hopeless = due.filter(({ runs }) => runs > config.callbackMaxRuns)
          if (hopeless.length > 0) {
            yield* Effect.logError("notices failed too often and wait for an operator").pipe(
              Effect.annotateLogs({ callbackIds: hopeless.map(({ id }) => id) })
            )
          }
          yield* inbox.settle(
            hopeless.map(({ id }) => ({ id, status: "parked", outcome: "failed too often", paymentId: null })),
            now
          )
          const others = due.filter(({ runs }) => runs <= config.callbackMaxRuns)
          yield* Effect.forEach(others, ({ id }) => attempt(id), { concurrency: "unbounded", discard: true })
          return due.length
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return Callbacks.of({
        receive,
        refuseTooLarge,
        sweep,
        replay: Effect.fn("Callbacks.replay")(
          function* (id) {
            if (!(yield* inbox.reopen(id, yield* DateTime.nowAsDate))) {
              return yield* new CallbackNotFound({ callbackId: id })
            }
            yield* runs.run(id)
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        drained: FiberSet.awaitEmpty(atWork),
        purge: Effect.fn("Callbacks.purge")(
          function* (limit) {
            const now = yield* DateTime.nowAsDate
            return yield* inbox.forgetNonces(new Date(now.getTime() - Duration.toMillis(config.nonceLifetime)), limit)
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}

/** The database does not take the notice now: the channel is told to send it again. */
const unavailable = (channel: Channel) => (error: unknown) =>
  Effect.as(Effect.logError("notice not stored", error), channel.refusal("unavailable"))
