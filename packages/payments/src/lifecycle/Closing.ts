import { PaymentQuotas } from "@mall/domain/merchants/PaymentQuotas"
import type { AuditEntry } from "@mall/domain/operations/Audit"
import type { PaymentId, PaymentNotFound } from "@mall/domain/payments/PaymentGateway"
import { PaymentUndecided } from "@mall/domain/payments/PaymentGateway"
import { markOrderCanceled } from "@mall/domain/payments/PaymentTopics"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { Outbox } from "@mall/platform/Outbox"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Exit, Layer, Request } from "effect"
import { SqlClient } from "effect/sql"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { groupCommit } from "@mall/platform/groupCommit"
import { Inquiries } from "./Inquiries.ts"
import { PaymentRepo } from "../store/PaymentRepo.ts"
import { PaymentSchedule } from "../store/PaymentSchedule.ts"
import { PaymentStore } from "../store/PaymentStore.ts"

export interface CloseRequest {
  readonly paymentId: PaymentId
  readonly actor: string
  readonly reason: string
  /** What staff leave behind in the audit trail where it is canceled by this request. */
  readonly acts?: ReadonlyArray<AuditEntry>
}

/** Enough to fill batches; the calls to a channel are bounded by its own policy. */
const sweepConcurrency = 64

/** A buyer who confirms while we close is closed again, so many times. */
const maxRounds = 3

class CancelPending extends Request.Class<
  {
    readonly row: Parameters<PaymentRepo["Service"]["cancelPending"]>[0][number]
    readonly acts: ReadonlyArray<AuditEntry>
  },
  boolean
> {}

/** Payments that one statement cancels at most. */
const maxBatch = 256

/** Ends payments that nobody may pay any more. */
export class Closing extends Context.Service<
  Closing,
  {
    /** Asks, closes at the channel, cancels. `succeeded`: the buyer was faster, and the money is recorded. Idempotent. */
    close(request: CloseRequest): Effect.Effect<"canceled" | "succeeded", PaymentNotFound | PaymentUndecided>
    /** Closes the payments whose time is up; answers with how many were due. An undecided one comes again after a minute. */
    sweep(limit: number): Effect.Effect<number>
  }
>()("@mall/payments/lifecycle/Closing") {
  static readonly layerNoDeps = Layer.effect(
    Closing,
    Effect.gen(function* () {
      const inquiries = yield* Inquiries
      const repo = yield* PaymentRepo
      const schedule = yield* PaymentSchedule
      const store = yield* PaymentStore
      const outbox = yield* Outbox
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      const quotas = yield* PaymentQuotas

      const cancel = ({ actor, acts = [], paymentId, reason }: CloseRequest) =>
        store.change(paymentId, actor, (draft) => {
          if (draft.intent.captured > 0) return Effect.succeed("succeeded" as const)
          if (draft.intent.status === "canceled") return Effect.succeed("canceled" as const)
          if (draft.openAttempt !== undefined) return Effect.succeed("open" as const)
          draft.cancel(reason)
          return Effect.as(Effect.orDie(audit.insert(acts)), "canceled" as const)
        })

      const cancelTogether = Effect.fnUntraced(
        function* (requests: ReadonlyArray<CancelPending>) {
          // two requests for one payment are one cancellation
          const rows = [...new Map(requests.map(({ row }) => [row.id, row])).values()]
          const canceled = yield* repo.cancelPending(rows, yield* DateTime.nowAsDate)
          yield* quotas.settle(
            canceled.map(({ id, merchantId }) => ({ paymentId: id, merchantId, outcome: "released" }))
          )
          yield* outbox.publishAll(
            markOrderCanceled,
            canceled.map(({ id, reason, reference }) => ({ paymentId: id, reference, reason }))
          )
          const ids = new Set(canceled.map(({ id }) => id))
          yield* audit.insert(requests.flatMap(({ acts, row }) => (ids.has(row.id) ? acts : [])))
          return ids
        },
        sql.withTransaction,
        retryConflicts
      )

      const canceler = groupCommit<CancelPending>({
        commit: Effect.fnUntraced(function* (entries) {
          const canceled = yield* cancelTogether(entries.map(({ request }) => request))
          if (canceled.size > 0) {
            yield* Effect.logInfo("payments canceled that nobody confirmed").pipe(
              Effect.annotateLogs({ paymentIds: [...canceled] })
            )
          }
          for (const { completeUnsafe, request } of entries) completeUnsafe(Exit.succeed(canceled.has(request.row.id)))
        }),
        refused: Exit.die,
        maxBatch
      })

      // Most payments that end were never confirmed: they need no question, and many of them go in one statement.
      const close = Effect.fn("Closing.close")(function* (request: CloseRequest) {
        const { actor, acts = [], paymentId, reason } = request
        yield* Effect.annotateCurrentSpan({ paymentId })
        const row = { id: paymentId, actor, reason, traceId: yield* currentTraceId }
        if (yield* Effect.request(new CancelPending({ row, acts }), canceler)) return "canceled"
        for (let round = 0; round < maxRounds; round++) {
          const outcome = yield* cancel(request)
          if (outcome !== "open") return outcome
          yield* inquiries.closeOpen(paymentId, reason)
        }
        return yield* new PaymentUndecided({ paymentId })
      })

      const sweep = Effect.fn("Closing.sweep")(
        function* (limit: number) {
          const due = yield* schedule.claimExpired(yield* DateTime.nowAsDate, limit)
          yield* Effect.forEach(
            due,
            ({ canceledBy, id: paymentId }) =>
              close(
                canceledBy === null
                  ? { paymentId, actor: "sweep", reason: "expired" }
                  : { paymentId, actor: canceledBy, reason: "canceled as scheduled" }
              ).pipe(
                Effect.catchTags({ PaymentUndecided: () => Effect.void, PaymentNotFound: () => Effect.void }),
                // what is wrong with one keeps no other from being closed
                Effect.catchDefect((defect) =>
                  Effect.logError("A payment could not be closed", defect).pipe(Effect.annotateLogs({ paymentId }))
                )
              ),
            { concurrency: sweepConcurrency, discard: true }
          )
          return due.length
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return Closing.of({ close, sweep })
    })
  )
}
