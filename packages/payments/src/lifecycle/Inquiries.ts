import type { AttemptId } from "@mall/domain/payments/Payment"
import { PaymentNotFound, PaymentUndecided } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { isOpenAttempt } from "@mall/domain/payments/PaymentLifecycle"
import { Context, DateTime, Duration, Effect, Layer, Option } from "effect"
import type { Channel, ChannelAttempt } from "../channel/Channel.ts"
import type { ChannelError } from "../channel/ChannelError.ts"
import { Channels } from "../channel/Channels.ts"
import { applyPayment } from "./channelTruth.ts"
import type { Verdict } from "./channelTruth.ts"
import { AttemptRow } from "../store/PaymentRecord.ts"
import type { IntentRow, PaymentRecord } from "../store/PaymentRecord.ts"
import { PaymentRepo } from "../store/PaymentRepo.ts"
import { PaymentSchedule } from "../store/PaymentSchedule.ts"
import { PaymentStore } from "../store/PaymentStore.ts"
import { isReferenceTaken, referenceTaken } from "../store/referenceTaken.ts"
import { SecurityEvents } from "../callbacks/SecurityEvents.ts"

/** What the channel is told of a try, each time in the same words. */
export const toChannelAttempt = (intent: IntentRow, attempt: AttemptRow): ChannelAttempt => ({
  id: attempt.id,
  method: attempt.method,
  amount: attempt.money,
  description: intent.description,
  expiresAt: intent.expiresAt,
  returnUrl: intent.returnUrl,
  payer: attempt.payer,
  channelReference: attempt.channelReference
})

const openVerdict: Verdict = { type: "open" }

/** A buyer who pays while we close is asked about again, so many times. */
const maxRounds = 3

/** Between two questions of the sweep: a hundred a second leave most of a processor to buyers, and wait for no slow channel. */
const pace = Duration.millis(10)

/** Asks the channels for the truth about tries and settles them by it. Never guesses; calls no channel in a transaction. */
export class Inquiries extends Context.Service<
  Inquiries,
  {
    /** Asks about the open try of a payment, if there is one. `PaymentUndecided` where the channel gives no clear answer. */
    settle(paymentId: PaymentId): Effect.Effect<PaymentRecord, PaymentNotFound | PaymentUndecided>
    /** Asks about one try; closes it where its payment is over and the buyer could still pay. */
    tend(paymentId: PaymentId, attemptId: AttemptId): Effect.Effect<void, PaymentNotFound | PaymentUndecided>
    /** The same by the number of the try alone; nothing is said where it gives no clear answer, for the sweep asks again. */
    follow(attemptId: AttemptId): Effect.Effect<void>
    /** Afterwards no try is open: each was asked about and, where unpaid, closed at its channel. */
    closeOpen(paymentId: PaymentId, reason: string): Effect.Effect<void, PaymentNotFound | PaymentUndecided>
    /**
     * Makes sure that nobody pays a try that our books hold as ended, but that its channel may have taken since: money that
     * moved is recorded, and what is unpaid is closed. `channelReference` is the channel's number where ours has none.
     */
    bury(
      paymentId: PaymentId,
      attemptId: AttemptId,
      channelReference: string | null
    ): Effect.Effect<void, PaymentNotFound | PaymentUndecided>
    /** Tends to the tries whose next question is due; answers with how many there were. */
    sweep(limit: number): Effect.Effect<number>
  }
>()("@mall/payments/lifecycle/Inquiries") {
  static readonly layerNoDeps = Layer.effect(
    Inquiries,
    Effect.gen(function* () {
      const channels = yield* Channels
      const repo = yield* PaymentRepo
      const schedule = yield* PaymentSchedule
      const store = yield* PaymentStore
      const securityEvents = yield* SecurityEvents

      const read = Effect.fnUntraced(
        function* (paymentId: PaymentId) {
          const record = yield* repo.read(paymentId)
          if (Option.isNone(record)) return yield* new PaymentNotFound({ paymentId })
          return record.value
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      /** By the account that the try was made with. */
      const channelOf = Effect.fnUntraced(function* ({ merchantId }: IntentRow, attempt: AttemptRow) {
        const available = yield* channels.of(merchantId)
        const channel = available.madeWith(attempt.channel, attempt.credentialId)
        if (Option.isNone(channel)) return yield* new PaymentUndecided({ paymentId: attempt.paymentId })
        return channel.value
      })

      const undecided =
        (paymentId: PaymentId, operation: string) =>
        <A, R>(call: Effect.Effect<A, ChannelError, R>) =>
          Effect.catchTag(call, "ChannelError", ({ reason }) =>
            Effect.andThen(
              Effect.logWarning("channel gave no clear answer").pipe(
                Effect.annotateLogs({ paymentId, operation, code: reason.code })
              ),
              Effect.fail(new PaymentUndecided({ paymentId }))
            )
          )

      const report = (channel: Channel, paymentId: PaymentId, attemptId: AttemptId, verdict: Verdict) =>
        verdict.type === "mismatch"
          ? securityEvents
              .record({
                kind: "payment_mismatch",
                channel: channel.id,
                paymentId,
                details: { attemptId, ...verdict.details }
              })
              .pipe(Effect.catchTag("SqlError", Effect.die))
          : Effect.void

      /** One question and its settlement. A word that contradicts our books decides nothing. */
      const ask = Effect.fnUntraced(function* ({ intent }: PaymentRecord, attempt: AttemptRow) {
        const channel = yield* channelOf(intent, attempt)
        const told = yield* channel.query(toChannelAttempt(intent, attempt)).pipe(undecided(intent.id, "query"))
        // most have simply not been paid yet, for which nothing has to be locked
        if (told._tag === "Open") return openVerdict
        const verdict = yield* store
          .change(intent.id, `channel:${channel.id}`, (draft) => {
            const current = draft.attempt(attempt.id)
            return Effect.succeed<Verdict>(
              current === undefined
                ? { type: "open" }
                : applyPayment(draft, current, channel, told, "asked the channel")
            )
          })
          .pipe(
            Effect.catchDefect((defect) =>
              isReferenceTaken(defect) ? Effect.succeed(referenceTaken) : Effect.die(defect)
            )
          )
        yield* report(channel, intent.id, attempt.id, verdict)
        if (verdict.type === "mismatch") return yield* new PaymentUndecided({ paymentId: intent.id })
        return verdict
      })

      const openAttemptOf = ({ attempts }: PaymentRecord) => attempts.find(({ status }) => isOpenAttempt(status))

      const settle = Effect.fn("Inquiries.settle")(function* (paymentId: PaymentId) {
        const record = yield* read(paymentId)
        const attempt = openAttemptOf(record)
        if (attempt === undefined) return record
        const verdict = yield* ask(record, attempt)
        if (verdict.type === "open" && attempt.status === "unknown") return yield* new PaymentUndecided({ paymentId })
        return yield* read(paymentId)
      })

      /** Closes a try that the channel says is unpaid. */
      const closeAtChannel = Effect.fnUntraced(function* (
        { intent }: PaymentRecord,
        attempt: AttemptRow,
        reason: string
      ) {
        const channel = yield* channelOf(intent, attempt)
        const answer = yield* channel.close(toChannelAttempt(intent, attempt)).pipe(undecided(intent.id, "close"))
        if (answer === "paid") return
        yield* store.change(intent.id, `channel:${channel.id}`, (draft) => {
          const current = draft.attempt(attempt.id)
          if (current !== undefined && isOpenAttempt(current.status)) draft.fail(current, "closed", reason)
          return Effect.void
        })
      })

      const closeOpen = Effect.fn("Inquiries.closeOpen")(function* (paymentId: PaymentId, reason: string) {
        for (let round = 0; round < maxRounds; round++) {
          const record = yield* read(paymentId)
          const attempt = openAttemptOf(record)
          if (attempt === undefined) return
          const verdict = yield* ask(record, attempt)
          if (verdict.type === "open") yield* closeAtChannel(record, attempt, reason)
        }
        if (openAttemptOf(yield* read(paymentId)) !== undefined) return yield* new PaymentUndecided({ paymentId })
      })

      const bury = Effect.fn("Inquiries.bury")(function* (
        paymentId: PaymentId,
        attemptId: AttemptId,
        channelReference: string | null
      ) {
        const record = yield* read(paymentId)
        const ended = record.attempts.find(({ id }) => id === attemptId)
        if (ended === undefined || ended.status === "succeeded") return
        const attempt = new AttemptRow({ ...ended, channelReference: ended.channelReference ?? channelReference })
        if ((yield* ask(record, attempt)).type !== "open") return
        const channel = yield* channelOf(record.intent, attempt)
        const answer = yield* channel
          .close(toChannelAttempt(record.intent, attempt))
          .pipe(undecided(paymentId, "close"))
        // the buyer was faster than we
        if (answer === "paid") yield* ask(record, attempt)
      })

      const tend = Effect.fn("Inquiries.tend")(function* (paymentId: PaymentId, attemptId: AttemptId) {
        const record = yield* read(paymentId)
        const attempt = record.attempts.find(({ id }) => id === attemptId)
        if (attempt === undefined || !isOpenAttempt(attempt.status)) return
        const { captured, status } = record.intent
        const verdict = yield* ask(record, attempt)
        // of one that was paid since then the open try is asked about at once
        if (verdict.type === "open" && (captured > 0 || status === "canceled")) {
          yield* closeAtChannel(record, attempt, "PAYMENT_IS_OVER")
        }
      })

      const follow = Effect.fn("Inquiries.follow")(
        function* (attemptId: AttemptId) {
          const paymentId = (yield* repo.paymentsOfAttempts([attemptId])).get(attemptId)
          if (paymentId !== undefined) yield* tend(paymentId, attemptId)
        },
        Effect.catchTags({
          PaymentUndecided: () => Effect.void,
          PaymentNotFound: () => Effect.void,
          SqlError: Effect.die
        })
      )

      const sweep = Effect.fn("Inquiries.sweep")(
        function* (limit: number) {
          const due = yield* schedule.claimAttempts(yield* DateTime.nowAsDate, limit)
          yield* Effect.forEach(
            due,
            ({ id, paymentId }, index) =>
              tend(paymentId, id).pipe(
                Effect.catchTags({
                  // the claim has scheduled the next question
                  PaymentUndecided: () => Effect.void,
                  PaymentNotFound: () => Effect.void
                }),
                // what is wrong with one keeps no other from being asked about
                Effect.catchDefect((defect) =>
                  Effect.logError("A try could not be asked about", defect).pipe(
                    Effect.annotateLogs({ paymentId, attemptId: id })
                  )
                ),
                Effect.delay(Duration.times(pace, index))
              ),
            { concurrency: "unbounded", discard: true }
          )
          return due.length
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return Inquiries.of({ settle, tend, follow, closeOpen, bury, sweep })
    })
  )
}
