import type { Topic } from "@mall/domain/kernel/Topic"
import { markOrderCanceled, markOrderPaid, paymentRefunded } from "@mall/domain/payments/PaymentTopics"
import { Outbox } from "@mall/platform/Outbox"
import * as OutboxTable from "@mall/platform/OutboxTable"
import { Context, Effect, Layer, Option } from "effect"
import type { Tracer } from "effect"
import { SqlClient } from "effect/sql"
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
>()("@mall/payments/PaymentNews") {
  static readonly layer = Layer.effect(
    PaymentNews,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const outbox = yield* Outbox

      const tell = Effect.fnUntraced(function* <A, I>(
        topic: Topic<A, I>,
        written: ReadonlyArray<Written>,
        messagesOf: (draft: PaymentDraft) => ReadonlyArray<A>
      ) {
        const encoded = yield* Effect.forEach(
          written.filter(({ draft }) => messagesOf(draft).length > 0),
          ({ draft, span }) =>
            OutboxTable.encode(topic, messagesOf(draft)).pipe(
              Option.isSome(span) ? Effect.withParentSpan(span.value) : (effect) => effect
            )
        )
        if (encoded.length === 0) return
        yield* OutboxTable.insertInto(sql, {
          queues: OutboxTable.queuesOf(topic),
          source: OutboxTable.sourceOf(sql, {
            queues: OutboxTable.queuesOf(topic),
            ids: encoded.flatMap(({ ids }) => ids),
            elements: encoded.flatMap(({ elements }) => elements)
          })
        })
        yield* outbox.announce(topic)
      })

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
