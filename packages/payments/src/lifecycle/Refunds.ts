import { CurrencyMismatch, Money } from "@mall/domain/kernel/Money"
import { refundFaultOf } from "@mall/domain/merchants/PaymentPolicy"
import type { PaymentPolicy } from "@mall/domain/merchants/PaymentPolicy"
import type { RefundAgainstPolicy } from "@mall/domain/merchants/PolicyError"
import { PaymentNotFound, PaymentStateConflict, RefundExceedsCapture } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId, RefundId } from "@mall/domain/payments/PaymentGateway"
import { RefundIdTaken } from "@mall/domain/payments/PaymentError"
import { isOpenAttempt, isOpenRefund } from "@mall/domain/payments/PaymentLifecycle"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import type { Stamp } from "@mall/platform/audit/CurrentActor"
import type { Tenant } from "@mall/platform/Tenancy"
import { Clock, Context, DateTime, Duration, Effect, Layer, Option } from "effect"
import type { Channel, ChannelRefund, ChannelRefundState } from "../channel/Channel.ts"
import type { ChannelError } from "../channel/ChannelError.ts"
import { Channels } from "../channel/Channels.ts"
import { applyRefund } from "./channelTruth.ts"
import type { Verdict } from "./channelTruth.ts"
import { Inquiries, toChannelAttempt } from "./Inquiries.ts"
import type { PaymentDraft } from "../store/PaymentDraft.ts"
import { countRefund, countTermsRefusal } from "../paymentMetrics.ts"
import type { IntentRow, PaymentRecord, RefundRow } from "../store/PaymentRecord.ts"
import { PaymentRepo } from "../store/PaymentRepo.ts"
import { PaymentSchedule } from "../store/PaymentSchedule.ts"
import { PaymentStore } from "../store/PaymentStore.ts"
import { SecurityEvents } from "../callbacks/SecurityEvents.ts"

export interface RefundRequest {
  /** The same id again answers with the refund that exists. */
  readonly id: RefundId
  readonly paymentId: PaymentId
  /** All that is left where it is not given. */
  readonly amount?: Money | undefined
  readonly reason: string
  readonly actor: string
  /** Who of the staff asks for it, for the audit trail; nobody where the mall itself does. */
  readonly stamp?: Stamp
  /** What is agreed with the merchant; undefined where nothing holds the caller to it. */
  readonly policy?: PaymentPolicy
  /** Who administers payments may go against the policy, and the audit trail says so. */
  readonly overridesPolicy?: boolean
  /** What was paid twice and could not be given back by itself is meant, whole, and not what was paid for. */
  readonly ofSurplus?: boolean
  /** The merchant whose staff or server asks: for them the database has no other payments. Nobody where the mall or an operator does. */
  readonly tenant?: Tenant
  /** Whether the caller may refund this payment at all; where not, it does not exist for them. */
  readonly owns: (intent: IntentRow) => boolean
}

export type RefundRefused =
  | PaymentNotFound
  | PaymentStateConflict
  | RefundExceedsCapture
  | RefundAgainstPolicy
  | RefundIdTaken
  | CurrencyMismatch

/**
 * So long a channel surely answers a refund that is sent again as it answered the first. Stripe forgets our keys after a day: of a
 * sending that a crash has hidden, it is asked instead.
 */
const keyLifetime = Duration.toMillis("12 hours")

/** Gives money back, once per refund id, and never more than was captured, however many ask at the same time. */
export class Refunds extends Context.Service<
  Refunds,
  {
    /** Asks about an open try first, commits to the refund, then tells the channel. A channel that fails now does not fail the refund: the sweep goes on. */
    request(request: RefundRequest): Effect.Effect<RefundRow, RefundRefused>
    /** Sends a refund to its channel or asks how it stands, as its state needs. Does nothing for one that came to its end. */
    tend(paymentId: PaymentId, refundId: RefundId): Effect.Effect<void>
    /** Asks about a refund that failed, which its channel may have carried out after all. Dies where the channel does not tell. */
    recheck(paymentId: PaymentId, refundId: RefundId): Effect.Effect<void>
    /** Tends to the refunds that are due; answers with how many there were. */
    sweep(limit: number): Effect.Effect<number>
  }
>()("@mall/payments/lifecycle/Refunds") {
  static readonly layerNoDeps = Layer.effect(
    Refunds,
    Effect.gen(function* () {
      const channels = yield* Channels
      const inquiries = yield* Inquiries
      const repo = yield* PaymentRepo
      const schedule = yield* PaymentSchedule
      const store = yield* PaymentStore
      const securityEvents = yield* SecurityEvents
      const audit = yield* makeAuditRecorder

      /** Settles by the channel's word, under the lock. */
      const apply = Effect.fnUntraced(
        function* (channel: Channel, refund: RefundRow, told: ChannelRefundState) {
          const verdict = yield* store.change(refund.paymentId, `channel:${channel.id}`, (draft) => {
            const current = draft.refund(refund.id)
            return Effect.succeed<Verdict>(
              current === undefined ? { type: "open" } : applyRefund(draft, current, channel, told)
            )
          })
          if (verdict.type !== "mismatch") return
          yield* securityEvents.record({
            kind: "refund_mismatch",
            channel: channel.id,
            paymentId: refund.paymentId,
            details: { refundId: refund.id, ...verdict.details }
          })
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      /** A send that gave no result: what is certain is written down, and the schedule goes on. */
      const applyFailure = Effect.fnUntraced(function* (channel: Channel, refund: RefundRow, { reason }: ChannelError) {
        yield* Effect.logWarning("refund not settled by the channel").pipe(
          Effect.annotateLogs({ refundId: refund.id, channel: channel.id, code: reason.code, certainty: reason._tag })
        )
        yield* store.change(refund.paymentId, `channel:${channel.id}`, (draft) => {
          const current = draft.refund(refund.id)
          if (current === undefined || !isOpenRefund(current.status) || current.status === "processing") {
            return Effect.void
          }
          switch (reason._tag) {
            case "ChannelDeclined":
              draft.endRefund(current, "failed", { errorCode: reason.code })
              break
            case "ChannelOutcomeUnknown":
              draft.progressRefund(current, "unknown", { errorCode: reason.code })
              break
            // Of this sending nothing came. Where a former one is unknown it stays so.
            case "ChannelNotSent":
            case "ChannelRefusedRequest":
              break
          }
          return Effect.void
        })
      })

      const send = (channel: Channel, refund: RefundRow, input: ChannelRefund) =>
        channel.refund(input).pipe(
          Effect.flatMap((told) => apply(channel, refund, told)),
          Effect.catchTag("ChannelError", (error) => applyFailure(channel, refund, error))
        )

      /** What the channel is told of a refund, and the channel: by the account that took the money. */
      const wayOf = Effect.fnUntraced(function* (record: PaymentRecord, refund: RefundRow) {
        const available = yield* channels.of(record.intent.merchantId)
        return Option.gen(function* () {
          const attempt = yield* Option.fromUndefinedOr(record.attempts.find(({ id }) => id === refund.attemptId))
          const channel = yield* available.madeWith(attempt.channel, attempt.credentialId)
          const { id, money: amount, reason } = refund
          const input: ChannelRefund = { id, attempt: toChannelAttempt(record.intent, attempt), amount, reason }
          return { channel, input }
        })
      })

      const askOrSend = Effect.fnUntraced(function* (record: PaymentRecord, refund: RefundRow) {
        const way = yield* wayOf(record, refund)
        if (Option.isNone(way)) {
          return yield* Effect.logError(
            "refund waits for a channel or for credentials that this process does not have"
          ).pipe(Effect.annotateLogs({ refundId: refund.id }))
        }
        const { channel, input } = way.value
        const age = (yield* Clock.currentTimeMillis) - refund.createdAt.getTime()
        if (refund.status === "pending" && age < keyLifetime) return yield* send(channel, refund, input)
        const told = yield* channel
          .queryRefund(input)
          .pipe(
            Effect.catchTag("ChannelError", ({ reason }) =>
              Effect.as(
                Effect.logWarning("channel does not tell how a refund stands").pipe(
                  Effect.annotateLogs({ refundId: refund.id, code: reason.code })
                ),
                undefined
              )
            )
          )
        if (told === undefined) return
        // The channel never heard of it: the same refund is sent again, under the same id.
        if (told._tag === "Missing") return yield* send(channel, refund, input)
        yield* apply(channel, refund, told)
      })

      const recheck = Effect.fn("Refunds.recheck")(function* (paymentId: PaymentId, refundId: RefundId) {
        const record = yield* Effect.fromOption(yield* repo.read(paymentId))
        const refund = yield* Effect.fromNullishOr(record.refunds.find(({ id }) => id === refundId))
        const { channel, input } = yield* Effect.fromOption(yield* wayOf(record, refund))
        yield* apply(channel, refund, yield* channel.queryRefund(input))
      }, Effect.orDie)

      const tend = Effect.fn("Refunds.tend")(
        function* (paymentId: PaymentId, refundId: RefundId) {
          const record = yield* repo.read(paymentId)
          if (Option.isNone(record)) return
          const refund = record.value.refunds.find(({ id }) => id === refundId)
          if (refund === undefined || !isOpenRefund(refund.status)) return
          yield* askOrSend(record.value, refund)
        },
        Effect.catchTags({ SqlError: Effect.die, PaymentNotFound: Effect.die })
      )

      /** By which rule of the policy the request is overridden; fails where it may not be. */
      const judge = Effect.fnUntraced(function* (
        { context, intent }: PaymentDraft,
        { overridesPolicy = false, policy }: RefundRequest,
        wanted: Money
      ) {
        const { currency, paidAt, refundable } = intent
        if (policy === undefined || paidAt === null) return undefined
        const captured = Money.of(intent.captured, currency)
        const fault = refundFaultOf(policy, { captured, refundable, wanted, paidAt, at: context.now })
        if (fault === undefined || overridesPolicy) return fault?.rule
        yield* countTermsRefusal(`refund_${fault.rule}`, currency)
        return yield* fault
      })

      /** Fails where nothing, or not so much, can be given back. */
      const wantedOf = Effect.fnUntraced(function* (draft: PaymentDraft, input: RefundRequest) {
        const { amount, ofSurplus = false, paymentId } = input
        const { intent } = draft
        const attempt = ofSurplus ? draft.keptSurplus : draft.capturingAttempt
        if (intent.captured === 0 || attempt === undefined) {
          return yield* new PaymentStateConflict({ paymentId, paymentStatus: intent.status })
        }
        if (amount !== undefined && amount.currency !== intent.currency) {
          return yield* new CurrencyMismatch({ expected: intent.currency, actual: amount.currency })
        }
        const refundable = ofSurplus ? attempt.money : intent.refundable
        const wanted = amount ?? refundable
        if (wanted.amount === 0 || wanted.isAbove(refundable) || (ofSurplus && !wanted.equals(refundable))) {
          return yield* new RefundExceedsCapture({ refundable })
        }
        return { attempt, wanted, overridden: ofSurplus ? undefined : yield* judge(draft, input, wanted) }
      })

      const decide = (draft: PaymentDraft, input: RefundRequest) =>
        Effect.gen(function* () {
          const { id, ofSurplus = false, owns, paymentId, reason, stamp } = input
          const { intent } = draft
          if (!owns(intent)) return yield* new PaymentNotFound({ paymentId })
          const existing = draft.refund(id)
          if (existing !== undefined) return { refund: existing, isNew: false }
          const { attempt, overridden, wanted } = yield* wantedOf(draft, input)
          if (stamp !== undefined) {
            const act = {
              action: "payment.refund",
              resource: { type: "payment", id: paymentId },
              merchantId: intent.merchantId,
              reason,
              after: {
                ...{ refundId: id, amount: wanted },
                ...(overridden === undefined ? {} : { overridden }),
                ...(ofSurplus ? { ofSurplus } : {})
              }
            } as const
            yield* Effect.orDie(audit.record(act, stamp))
          }
          const refund = ofSurplus
            ? draft.returnSurplus(attempt, id, reason)
            : draft.requestRefund(attempt, id, wanted, reason)
          return { refund, isNew: true }
        }).pipe(
          Effect.tapErrorTag("PaymentStateConflict", () => countRefund("invalid_status", draft.intent.currency)),
          Effect.tapErrorTag("RefundExceedsCapture", () => countRefund("amount_exceeded", draft.intent.currency))
        )

      /** Money whose notice is still on its way can be given back too: the channel is asked before it is refused. */
      const settleUnpaid = Effect.fnUntraced(function* ({ owns, paymentId, tenant }: RefundRequest) {
        const record = yield* repo.read(paymentId, tenant)
        if (Option.isNone(record) || !owns(record.value.intent) || record.value.intent.captured > 0) return
        if (!record.value.attempts.some(({ status }) => isOpenAttempt(status))) return
        yield* inquiries.settle(paymentId).pipe(Effect.catchTag("PaymentUndecided", () => Effect.void))
      })

      const request = Effect.fn("Refunds.request")(
        function* (input: RefundRequest) {
          yield* Effect.annotateCurrentSpan({ paymentId: input.paymentId, refundId: input.id })
          yield* settleUnpaid(input)
          const { actor, paymentId, tenant } = input
          const known = (yield* repo.paymentsOfRefunds([input.id])).get(input.id)
          if (known !== undefined && known !== paymentId) return yield* new RefundIdTaken({ refundId: input.id })
          const { isNew, refund } = yield* store.change(paymentId, actor, (draft) => decide(draft, input), tenant)
          if (!isNew) return refund
          // From here on it is the platform that carries out what was decided.
          yield* tend(paymentId, input.id)
          const record = yield* repo.read(paymentId, tenant)
          return Option.flatMapNullishOr(record, ({ refunds }) => refunds.find(({ id }) => id === input.id)).pipe(
            Option.getOrElse(() => refund)
          )
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const sweep = Effect.fn("Refunds.sweep")(
        function* (limit: number) {
          const due = yield* schedule.claimRefunds(yield* DateTime.nowAsDate, limit)
          yield* Effect.forEach(
            due,
            ({ id, paymentId }) =>
              // what is wrong with one keeps no other from being tended
              Effect.catchDefect(tend(paymentId, id), (defect) =>
                Effect.logError("A refund could not be tended", defect).pipe(
                  Effect.annotateLogs({ paymentId, refundId: id })
                )
              ),
            { concurrency: 8, discard: true }
          )
          return due.length
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return Refunds.of({ request, tend, recheck, sweep })
    })
  )
}
