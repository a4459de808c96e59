import { generator } from "@mall/domain/kernel/Id"
import { PaymentNotFound, RefundId } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { markOrderCanceled, markOrderPaid, paymentRefunded } from "@mall/domain/payments/PaymentTopics"
import { Outbox } from "@mall/platform/Outbox"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { isSqlError } from "effect/sql/SqlError"
import type { SqlError } from "effect/sql/SqlError"
import { currentTraceId } from "./currentTraceId.ts"
import { PaymentDraft } from "./PaymentDraft.ts"
import { countPayment, countRefund, observePaymentAmount, observeRefundAmount } from "./paymentMetrics.ts"
import { PaymentRepo } from "./PaymentRepo.ts"

const newRefundId = generator(RefundId)

/**
 * The one way to change a payment: lock its intent, read, decide in memory, write in one statement and publish, all in
 * one transaction. A decision that fails writes nothing. Decisions call no channel.
 */
export class PaymentStore extends Context.Service<
  PaymentStore,
  {
    /** A transaction of its own, run again on a deadlock; so `decide` may run more than once, on a fresh draft. */
    change<A, E>(
      id: PaymentId,
      actor: string,
      decide: (draft: PaymentDraft) => Effect.Effect<A, E>
    ): Effect.Effect<A, E | PaymentNotFound>
    /** The same within the caller's transaction. Once that is committed the caller calls `announce`. */
    changeWithin<A, E>(
      id: PaymentId,
      actor: string,
      decide: (draft: PaymentDraft) => Effect.Effect<A, E>
    ): Effect.Effect<readonly [A, PaymentDraft], E | PaymentNotFound | SqlError>
    /** Writes the payment log and counts, for a change that is committed. */
    announce(draft: PaymentDraft): Effect.Effect<void>
  }
>()("@mall/payments/PaymentStore") {
  static readonly layerNoDeps = Layer.effect(
    PaymentStore,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* PaymentRepo
      const outbox = yield* Outbox

      const publish = Effect.fnUntraced(function* ({ facts, intent }: PaymentDraft) {
        const { id: paymentId, reference } = intent
        for (const fact of facts) {
          switch (fact.type) {
            case "paid":
              yield* outbox.publish(markOrderPaid, {
                paymentId,
                reference,
                amount: intent.money,
                paidAt: intent.paidAt ?? intent.createdAt
              })
              break
            case "canceled":
              yield* outbox.publish(markOrderCanceled, { paymentId, reference, reason: fact.reason })
              break
            case "refunded":
              // A surplus was never counted, so its return is no news to who ordered.
              if (!fact.refund.surplus) {
                yield* outbox.publish(paymentRefunded, {
                  refundId: fact.refund.id,
                  paymentId,
                  reference,
                  amount: fact.refund.money,
                  outcome: fact.outcome
                })
              }
              break
          }
        }
      })

      const changeWithin = Effect.fnUntraced(function* <A, E>(
        id: PaymentId,
        actor: string,
        decide: (draft: PaymentDraft) => Effect.Effect<A, E>
      ) {
        const record = yield* repo.lock(id)
        if (Option.isNone(record)) return yield* new PaymentNotFound({ paymentId: id })
        const draft = new PaymentDraft(record.value, {
          now: yield* DateTime.nowAsDate,
          actor,
          traceId: yield* currentTraceId,
          refundId: yield* newRefundId
        })
        const result = yield* decide(draft)
        if (draft.isChanged) {
          yield* repo.save(draft)
          yield* publish(draft)
        }
        return [result, draft] as const
      })

      const announce = Effect.fnUntraced(function* ({ context, facts, history, intent }: PaymentDraft) {
        if (history.length > 0) {
          yield* Effect.logInfo("payment changed").pipe(
            Effect.annotateLogs({
              paymentId: intent.id,
              reference: intent.reference,
              payerId: intent.payerId,
              merchantId: intent.merchantId,
              amount: intent.amount,
              currency: intent.currency,
              status: intent.status,
              actor: context.actor,
              changes: history.map(
                ({ fromStatus, reason, subject, subjectId, toStatus }) =>
                  `${subject} ${subjectId}: ${fromStatus ?? "new"} -> ${toStatus} (${reason})`
              )
            })
          )
        }
        for (const fact of facts) {
          switch (fact.type) {
            case "paid":
              yield* countPayment("success", fact.channel, intent.currency)
              yield* observePaymentAmount(intent.money, fact.channel)
              break
            case "declined":
              yield* countPayment("failed", fact.channel, intent.currency)
              break
            case "surplus":
              yield* countPayment("duplicate", fact.channel, intent.currency)
              yield* Effect.logWarning("payment captured twice: the second capture is given back").pipe(
                Effect.annotateLogs({ paymentId: intent.id, refundId: fact.refundId, channel: fact.channel })
              )
              break
            case "refunded":
              yield* countRefund(fact.outcome === "succeeded" ? "success" : "failed", fact.refund.currency)
              if (fact.outcome === "succeeded") yield* observeRefundAmount(fact.refund.money)
              break
          }
        }
      })

      const change = Effect.fn("PaymentStore.change")(function* <A, E>(
        id: PaymentId,
        actor: string,
        decide: (draft: PaymentDraft) => Effect.Effect<A, E>
      ) {
        yield* Effect.annotateCurrentSpan({ paymentId: id, actor })
        const [result, draft] = yield* changeWithin(id, actor, decide).pipe(sql.withTransaction, retryConflicts)
        yield* announce(draft)
        return result
      })

      return PaymentStore.of({
        change: (id, actor, decide) =>
          Effect.catchIf(change(id, actor, decide), isSqlError, (error) => Effect.die(error)),
        changeWithin,
        announce
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provideMerge(PaymentRepo.layer))
}
