import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { CallbackNotFound, ChannelNotFound } from "@mall/domain/payments/PaymentError"
import { Context, DateTime, Duration, Effect, FiberSet, Layer, Option, Schema } from "effect"
import type { CallbackAnswer, Channel, Notice, RawCallback } from "../channel/Channel.ts"
import type { CallbackRefused } from "../channel/ChannelError.ts"
import { Channels } from "../channel/Channels.ts"
import { CallbackId, CallbackInbox } from "./CallbackInbox.ts"
import { CallbackRuns } from "./CallbackRuns.ts"
import { currentTraceId } from "@mall/platform/currentTraceId"
import {
  countCallbackDuplicate,
  countCallbackRefused,
  countCallbackUnverifiable,
  countSignatureFailure
} from "../paymentMetrics.ts"
import { DisputeSync } from "../disputes/DisputeSync.ts"
import { Inquiries } from "../lifecycle/Inquiries.ts"
import { PaymentsConfig } from "../PaymentsConfig.ts"
import { SecurityEvents } from "./SecurityEvents.ts"

const newCallbackId = generator(CallbackId)

/** Notices that one process works on or queues; more are left to the sweep, so that a flood does not fill the memory. */
const maxAtWork = 1_000

/** How long a stop waits for the notices at work. What it does not wait for is found by the sweep. */
const drainTime = Duration.seconds(5)

/** Where a notice came: with `account`, to a merchant's own, which is named by the id of the merchant. */
export interface CallbackAddress {
  readonly channel: string
  readonly account?: string
}

const isMerchantId = Schema.is(MerchantId)

/**
 * Channels' notices: verified, stored, acknowledged, and then acted upon, in this order. An acknowledged notice is never
 * lost, for it is in the database; one that comes twice, late or in disorder changes nothing, for it is applied to the
 * payment's state under its lock.
 */
export class Callbacks extends Context.Service<
  Callbacks,
  {
    /** Answers in the channel's format. A genuine notice that could not be stored is refused, so that the channel sends it again. */
    receive(address: CallbackAddress, callback: RawCallback): Effect.Effect<CallbackAnswer, ChannelNotFound>
    /** The answer to a body that was not even read to its end, with a report of it. */
    refuseTooLarge(address: CallbackAddress): Effect.Effect<CallbackAnswer, ChannelNotFound>
    /** Acts upon the notices whose first run was lost or failed; answers with how many there were. */
    sweep(limit: number): Effect.Effect<number>
    /** Acts upon a stored notice once more, whatever became of it; for operators. */
    replay(id: CallbackId): Effect.Effect<void, CallbackNotFound>
    /** Waits until the notices that this process took are acted upon. */
    readonly drained: Effect.Effect<void>
    /** Forgets sendings that are too old to be played back; answers with how many. */
    purge(limit: number): Effect.Effect<number>
  }
>()("@mall/payments/callbacks/Callbacks") {
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
      const attempt = (id: CallbackId, merchantId: MerchantId | null, channelId?: string, notice?: Notice) =>
        runs.run(id, merchantId).pipe(
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
          // nobody did anything wrong: the channel sends it again
          if (reason === "unverifiable") {
            yield* countCallbackUnverifiable(channel.id)
            yield* Effect.logWarning("a notice cannot be verified: the keys of the channel are not at hand").pipe(
              Effect.annotateLogs({ channel: channel.id })
            )
            return channel.refusal(reason)
          }
          yield* countCallbackRefused(channel.id, reason)
          if (reason === "signature" || reason === "serial") yield* countSignatureFailure(channel.id)
          yield* securityEvents.record({
            kind: reason === "replayed" ? "callback_replayed" : "callback_refused",
            channel: channel.id,
            details: { reason, ...(channel.own === undefined ? {} : { merchantId: channel.own.merchantId }) }
          })
          // what no channel sends is not answered as to a channel
          return reason === "too_large" ? { status: 413 } : channel.refusal(reason)
        },
        (effect, channel) => Effect.catchTag(effect, "SqlError", unavailable(channel))
      )

      /**
       * The accounts that may have sent it, the current one first: of a merchant's own also the former ones, whose keys count until
       * they are retired.
       */
      const sendersAt = Effect.fnUntraced(function* ({ account, channel }: CallbackAddress) {
        const [first, ...others] =
          account === undefined
            ? Option.toArray(channels.find(channel))
            : isMerchantId(account)
              ? (yield* channels.of(account)).own(channel)
              : []
        return first === undefined ? yield* new ChannelNotFound({}) : { first, others }
      })

      const verify = (first: Channel, others: ReadonlyArray<Channel>, callback: RawCallback) =>
        first.parseCallback(callback).pipe(
          Effect.catchTag("CallbackRefused", (refused) =>
            others.length === 0
              ? Effect.fail(refused)
              : Effect.firstSuccessOf(others.map((former) => former.parseCallback(callback))).pipe(
                  // where one of them could not judge it, nobody knows
                  Effect.mapError((last) => (last.reason === "unverifiable" ? last : refused))
                )
          )
        )

      const accept = Effect.fnUntraced(function* (
        channel: Channel,
        others: ReadonlyArray<Channel>,
        callback: RawCallback
      ) {
        const merchantId = channel.own?.merchantId ?? null
        const verified = yield* verify(channel, others, callback)
        const id = yield* newCallbackId
        const stored = yield* inbox.store(id, { channel: channel.id, merchantId }, verified, {
          now: yield* DateTime.nowAsDate,
          traceId: yield* currentTraceId
        })
        if (stored === "replayed") return yield* refuse(channel, "replayed")
        if (stored === "duplicate") yield* countCallbackDuplicate(channel.id)
        else if ((yield* FiberSet.size(atWork)) < maxAtWork)
          yield* FiberSet.run(atWork, attempt(id, merchantId, channel.id, verified.notice))
        return channel.acknowledgement
      })

      const receive = Effect.fn("Callbacks.receive")(function* (address: CallbackAddress, callback: RawCallback) {
        const { first: channel, others } = yield* sendersAt(address)
        return yield* accept(channel, others, callback).pipe(
          Effect.catchTags({
            CallbackRefused: ({ reason }) => refuse(channel, reason),
            SqlError: unavailable(channel)
          })
        )
      })

      const refuseTooLarge = Effect.fn("Callbacks.refuseTooLarge")(function* (address: CallbackAddress) {
        const { first } = yield* sendersAt(address)
        return yield* refuse(first, "too_large")
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
          yield* Effect.forEach(others, ({ id, merchantId }) => attempt(id, merchantId), {
            concurrency: "unbounded",
            discard: true
          })
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
            const reopened = yield* inbox.reopen(id, yield* DateTime.nowAsDate)
            if (Option.isNone(reopened)) return yield* new CallbackNotFound({ callbackId: id })
            yield* runs.run(id, reopened.value.merchantId)
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
