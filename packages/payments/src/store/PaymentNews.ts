import type { Topic } from "@mall/domain/kernel/Topic"
import { markOrderCanceled, markOrderPaid, paymentRefunded } from "@mall/domain/payments/PaymentTopics"
import { Outbox } from "@mall/platform/Outbox"
import { Context, Effect, Layer } from "effect"
import type { Option, Tracer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { PaymentDraft } from "./PaymentDraft.ts"

/** A changed payment, and the span that its messages continue. */
export interface Written {
  readonly draft: PaymentDraft
  readonly span: Option.Option<Tracer.Span>
}

/** Tells other contexts what changes of payments mean to them. */
export class PaymentNews extends Context.Service<
  PaymentNews,
  {
    /** Joins the ambient transaction: one statement per topic, each message in the trace of its own change. */
    publish(written: ReadonlyArray<Written>): Effect.Effect<void, SqlError>
  }
>()("@mall/payments/store/PaymentNews") {
  static readonly layer = Layer.effect(
    PaymentNews,
    Effect.gen(function* () {
      const outbox = yield* Outbox

      const tell = <A, I>(
        topic: Topic<A, I>,
        written: ReadonlyArray<Written>,
        messagesOf: (draft: PaymentDraft) => ReadonlyArray<A>
      ) =>
        outbox.publishEach(
          topic,
          written.flatMap(({ draft, span }) => messagesOf(draft).map((message) => ({ message, span })))
        )

      return PaymentNews.of({
        publish: Effect.fnUntraced(function* (written) {
          yield* tell(markOrderPaid, written, ({ facts, intent }) =>
            facts
              .filter(({ type }) => type === "paid")
              .map(() => ({
                paymentId: intent.id,
                reference: intent.reference,
                amount: intent.money,
                paidAt: intent.paidAt ?? intent.createdAt
              }))
          )
          yield* tell(markOrderCanceled, written, ({ facts, intent }) =>
            facts.flatMap((fact) =>
              fact.type === "canceled"
                ? [{ paymentId: intent.id, reference: intent.reference, reason: fact.reason }]
                : []
            )
          )
          // A surplus was never counted, so its return is no news to who ordered.
          yield* tell(paymentRefunded, written, ({ facts, intent }) =>
            facts.flatMap((fact) =>
              fact.type === "refunded" && !fact.refund.surplus
                ? [
                    {
                      refundId: fact.refund.id,
                      paymentId: intent.id,
                      reference: intent.reference,
                      amount: fact.refund.money,
                      outcome: fact.outcome
                    }
                  ]
                : []
            )
          )
        })
      })
    })
  )
}
