import { paymentDisputeDue } from "@mall/domain/payments/PaymentTopics"
import { Outbox } from "@mall/platform/Outbox"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Duration, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { countDisputeDue } from "../paymentMetrics.ts"
import { DisputeRow } from "./DisputeRecord.ts"
import { DisputeRepo } from "./DisputeRepo.ts"
import { DisputesConfig } from "./DisputesConfig.ts"

/** Says in time that a bank will stop listening. */
export class DisputeDeadlines extends Context.Service<
  DisputeDeadlines,
  {
    /** Once per dispute and deadline, also when the deadline is moved; answers with how many were told of. */
    warn(limit: number): Effect.Effect<number>
  }
>()("@mall/payments/disputes/DisputeDeadlines") {
  static readonly layerNoDeps = Layer.effect(
    DisputeDeadlines,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const outbox = yield* Outbox
      const repo = yield* DisputeRepo
      const { warning } = yield* DisputesConfig

      const claim = Effect.fnUntraced(
        function* (limit: number) {
          const now = yield* DateTime.nowAsDate
          const due = yield* repo.claimDue(now, new Date(now.getTime() + Duration.toMillis(warning)), limit)
          const messages = due.flatMap(({ evidence, ...fields }) => {
            const row = new DisputeRow(fields)
            const { evidenceDueAt } = row
            return evidenceDueAt === null
              ? []
              : [
                  {
                    disputeId: row.id,
                    paymentId: row.paymentId,
                    merchantId: row.merchantId,
                    channel: row.channel,
                    channelReference: row.channelReference,
                    amount: row.money,
                    evidenceDueAt,
                    hasEvidence: evidence > 0
                  }
                ]
          })
          yield* outbox.publishAll(paymentDisputeDue, messages)
          return messages
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      return DisputeDeadlines.of({
        warn: Effect.fn("DisputeDeadlines.warn")(function* (limit) {
          const messages = yield* claim(limit)
          for (const { amount, channel, disputeId, evidenceDueAt, hasEvidence, paymentId } of messages) {
            yield* countDisputeDue(channel)
            yield* Effect.logWarning("the time for evidence will soon be over").pipe(
              Effect.annotateLogs({
                ...{ disputeId, paymentId, channel, hasEvidence },
                ...{ amount: amount.amount, currency: amount.currency, evidenceDueAt: evidenceDueAt.toISOString() }
              })
            )
          }
          return messages.length
        })
      })
    })
  )
}
