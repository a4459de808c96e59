import { generator } from "@mall/domain/kernel/Id"
import { CallbackNotFound, ChannelNotFound } from "@mall/domain/payments/PaymentError"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Duration, Effect, FiberSet, Layer, Option, Semaphore } from "effect"
import { SqlClient } from "effect/sql"
import type { Channel, CallbackAnswer, Notice, RawCallback } from "./channel/Channel.ts"
import type { CallbackRefused } from "./channel/ChannelError.ts"
import { Channels } from "./channel/Channels.ts"
import { applyPayment, applyRefund } from "./channelTruth.ts"
import type { Verdict as Truth } from "./channelTruth.ts"
import { CallbackId, CallbackInbox } from "./CallbackInbox.ts"
import type { Verdict, Waiting } from "./CallbackInbox.ts"
import { currentTraceId } from "./currentTraceId.ts"
import type { PaymentDraft } from "./PaymentDraft.ts"
import { countCallbackDuplicate, countSignatureFailure } from "./paymentMetrics.ts"
import { PaymentRepo } from "./PaymentRepo.ts"
import { PaymentsConfig } from "./PaymentsConfig.ts"
import { PaymentStore } from "./PaymentStore.ts"
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
      const sql = yield* SqlClient.SqlClient
      const channels = yield* Channels
      const config = yield* PaymentsConfig
      const inbox = yield* CallbackInbox
      const repo = yield* PaymentRepo
      const store = yield* PaymentStore
      const securityEvents = yield* SecurityEvents
      const atWork = yield* FiberSet.make()
      const permits = yield* Semaphore.make(config.callbackConcurrency)
      yield* Effect.addFinalizer(() => Effect.timeoutOption(FiberSet.awaitEmpty(atWork), drainTime))

      const verdictOf = Effect.fnUntraced(function* (
        channel: Channel,
        paymentId: PaymentId,
        truth: Truth,
        kind: "payment_mismatch" | "refund_mismatch"
      ) {
        if (truth.type !== "mismatch") {
          const verdict: Verdict = { status: "processed", outcome: truth.type, paymentId }
          return verdict
        }
        yield* securityEvents.record({ kind, channel: channel.id, paymentId, details: truth.details })
        const verdict: Verdict = { status: "parked", outcome: kind, paymentId }
        return verdict
      })

      /** What a notice is about is not ours, though the channel signed it: somebody has to look. */
      const unknownOrder = Effect.fnUntraced(function* (channel: Channel, id: string) {
        yield* securityEvents.record({ kind: "callback_unknown_order", channel: channel.id, details: { id } })
        const verdict: Verdict = { status: "parked", outcome: "unknown order", paymentId: null }
        return verdict
      })

      const applyNotice = Effect.fnUntraced(function* (channel: Channel, notice: Notice) {
        const actor = `channel:${channel.id}`
        const change = (paymentId: PaymentId, decide: (draft: PaymentDraft) => Truth) =>
          store.changeWithin(paymentId, actor, (draft) => Effect.sync(() => decide(draft)))
        switch (notice._tag) {
          case "PaymentNotice": {
            const paymentId = yield* repo.paymentOfAttempt(notice.attemptId)
            if (Option.isNone(paymentId)) return [yield* unknownOrder(channel, notice.attemptId), undefined] as const
            const [truth, draft] = yield* change(paymentId.value, (draft): Truth => {
              const attempt = draft.attempt(notice.attemptId)
              if (attempt === undefined) return { type: "unchanged" }
              return attempt.channel === channel.id
                ? applyPayment(draft, attempt, channel, notice.payment, "told by the channel")
                : { type: "mismatch", details: { channel: attempt.channel } }
            })
            return [yield* verdictOf(channel, paymentId.value, truth, "payment_mismatch"), draft] as const
          }
          case "RefundNotice": {
            const paymentId = yield* repo.paymentOfRefund(notice.refundId)
            if (Option.isNone(paymentId)) return [yield* unknownOrder(channel, notice.refundId), undefined] as const
            const [truth, draft] = yield* change(paymentId.value, (draft): Truth => {
              const refund = draft.refund(notice.refundId)
              if (refund === undefined) return { type: "unchanged" }
              return draft.attempt(refund.attemptId)?.channel === channel.id
                ? applyRefund(draft, refund, channel, notice.refund)
                : { type: "mismatch", details: { channel: channel.id } }
            })
            return [yield* verdictOf(channel, paymentId.value, truth, "refund_mismatch"), draft] as const
          }
          case "OtherNotice": {
            yield* Effect.logInfo("notice of a kind that needs nothing").pipe(
              Effect.annotateLogs({ channel: channel.id, about: notice.about })
            )
            const verdict: Verdict = { status: "ignored", outcome: notice.about, paymentId: null }
            return [verdict, undefined] as const
          }
        }
      })

      const run = Effect.fnUntraced(function* (waiting: Waiting) {
        const channel = channels.find(waiting.channel)
        if (Option.isNone(channel)) return undefined
        const [verdict, draft] = yield* applyNotice(channel.value, waiting.notice)
        yield* inbox.settle(waiting.id, yield* DateTime.nowAsDate, verdict)
        return draft
      })

      /** One transaction: the notice is done if and only if what it changes is written. */
      const process = Effect.fn("Callbacks.process")(function* (id: CallbackId) {
        const draft = yield* inbox.claim(id).pipe(
          Effect.flatMap((waiting) => (Option.isNone(waiting) ? Effect.undefined : run(waiting.value))),
          sql.withTransaction,
          retryConflicts
        )
        if (draft !== undefined) yield* store.announce(draft)
      })

      /** A run that fails is logged and comes again by the sweep: the notice is still in the inbox. */
      const attempt = (id: CallbackId) =>
        process(id).pipe(
          Effect.catchCause((cause) => Effect.logError("notice not acted upon", cause)),
          Effect.annotateLogs({ callbackId: id })
        )

      const refuse = Effect.fnUntraced(
        function* (channel: Channel, reason: CallbackRefused["reason"]) {
          if (reason === "signature" || reason === "serial") yield* countSignatureFailure(channel.id)
          yield* securityEvents.record({
            kind: reason === "replayed" ? "callback_replayed" : "callback_refused",
            channel: channel.id,
            details: { reason }
          })
          return channel.refusal(reason)
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
        else if ((yield* FiberSet.size(atWork)) < maxAtWork) {
          yield* FiberSet.run(atWork, permits.withPermits(1)(attempt(id)))
        }
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

      const sweep = Effect.fn("Callbacks.sweep")(
        function* (limit: number) {
          const now = yield* DateTime.nowAsDate
          const due = yield* inbox.claimDue(now, limit)
          yield* Effect.forEach(
            due,
            ({ id, runs }) =>
              runs > config.callbackMaxRuns
                ? inbox.settle(id, now, { status: "parked", outcome: "failed too often", paymentId: null })
                : attempt(id),
            { concurrency: config.callbackConcurrency, discard: true }
          )
          return due.length
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return Callbacks.of({
        receive,
        sweep,
        replay: Effect.fn("Callbacks.replay")(
          function* (id) {
            if (!(yield* inbox.reopen(id, yield* DateTime.nowAsDate))) {
              return yield* new CallbackNotFound({ callbackId: id })
            }
            yield* process(id)
          },
          Effect.catchTags({ SqlError: Effect.die, PaymentNotFound: Effect.die })
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
