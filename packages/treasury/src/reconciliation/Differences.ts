import { Journal } from "@mall/domain/ledger/Journal"
import { TransferId } from "@mall/domain/ledger/Transfer"
import { differenceStates } from "@mall/domain/treasury/Difference"
import type {
  Assignment,
  Correction,
  CorrectionId,
  Decision,
  Difference,
  DifferenceDetails,
  DifferenceId,
  NewCorrection
} from "@mall/domain/treasury/Difference"
import {
  CorrectionMalformed,
  DifferenceNotFound,
  DifferenceNotOpen,
  NothingToCorrect,
  SecondPersonNeeded
} from "@mall/domain/treasury/ReconciliationError"
import type { ApprovalRefused, DraftRefused } from "@mall/domain/treasury/ReconciliationError"
import type { AuditAction } from "@mall/domain/operations/Audit"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { faultOf } from "./corrections.ts"
import { DifferenceRepo } from "./DifferenceRepo.ts"
import type { Act } from "./DifferenceRepo.ts"

type Settled = DifferenceNotFound | DifferenceNotOpen

/** What people say of a difference. */
const standingOf = ({ assignee, note, resolution, status }: Difference) => ({ assignee, note, resolution, status })

/** What people do about differences. `actor` is who does it; the same act again, where it is done, answers as it is. */
export class Differences extends Context.Service<
  Differences,
  {
    details(id: DifferenceId): Effect.Effect<DifferenceDetails, DifferenceNotFound>
    assign(id: DifferenceId, assignment: Assignment, actor: string): Effect.Effect<DifferenceDetails, Settled>
    /** Without a movement in the books; a draft that waits is dropped. */
    resolve(id: DifferenceId, decision: Decision, actor: string): Effect.Effect<DifferenceDetails, Settled>
    /** The same `correctionId` again answers as it is. */
    draft(
      id: DifferenceId,
      correction: NewCorrection,
      actor: string,
      correctionId: CorrectionId
    ): Effect.Effect<DifferenceDetails, DraftRefused>
    /** Posts the correction and resolves the difference, in one transaction. */
    approve(id: DifferenceId, decision: Decision, actor: string): Effect.Effect<DifferenceDetails, ApprovalRefused>
    reject(id: DifferenceId, decision: Decision, actor: string): Effect.Effect<DifferenceDetails, Settled>
  }
>()("@mall/treasury/reconciliation/Differences") {
  static readonly layerNoDeps = Layer.effect(
    Differences,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const journal = yield* Journal
      const repo = yield* DifferenceRepo
      const audit = yield* makeAuditRecorder

      const details = Effect.fn("Differences.details")(
        function* (id: DifferenceId) {
          const found = yield* repo.details(id)
          return Option.isSome(found) ? found.value : yield* new DifferenceNotFound({ differenceId: id })
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      /** Does it under the lock of the row, and answers with what became of the difference. */
      const change = <E>(
        id: DifferenceId,
        actor: string,
        reason: string,
        action: AuditAction,
        decide: (difference: Difference, act: Act) => Effect.Effect<void, E | SqlError>
      ) =>
        Effect.gen(function* () {
          const found = yield* repo.lock(id)
          if (Option.isNone(found)) return yield* new DifferenceNotFound({ differenceId: id })
          const act = { actor, reason, traceId: yield* currentTraceId, now: yield* DateTime.nowAsDate }
          yield* decide(found.value, act)
          const after = Option.map(yield* repo.details(id), ({ difference }) => standingOf(difference))
          const { merchantId } = found.value
          yield* audit.record({
            action,
            resource: { type: "difference", id },
            ...(merchantId === null ? {} : { merchantId }),
            reason,
            before: standingOf(found.value),
            ...(Option.isSome(after) ? { after: after.value } : {})
          })
        }).pipe(
          sql.withTransaction,
          retryConflicts,
          Effect.catchTag("SqlError", Effect.die),
          Effect.andThen(details(id))
        )

      /** The draft that waits; none where it is decided. */
      const draftOf = Effect.fnUntraced(function* ({ id, status }: Difference) {
        const draft = yield* repo.drafted(id)
        return Option.isSome(draft) ? draft.value : yield* new DifferenceNotOpen({ differenceId: id, state: status })
      })

      const post = ({ channel, day, id }: Difference, { id: correctionId, legs }: Correction, act: Act) =>
        journal.record([
          {
            ...{ id: TransferId.make(correctionId), purpose: "adjustment", subject: id, legs },
            ...{ actor: act.actor, reason: `reconciliation of ${channel}, ${day}: ${act.reason}`, traceId: act.traceId }
          }
        ])

      return Differences.of({
        details,
        assign: Effect.fn("Differences.assign")((id, { assignee, note }, actor) =>
          change(
            id,
            actor,
            "assigned",
            "difference.assign",
            Effect.fnUntraced(function* (difference, act) {
              const { status } = difference
              if (status === "resolved" || status === "superseded") {
                return yield* new DifferenceNotOpen({ differenceId: id, state: status })
              }
              const now = { assignee: assignee === undefined ? difference.assignee : assignee }
              const said = note === undefined ? difference.note : note
              const reason = `assigned to ${now.assignee ?? "nobody"}${said === null ? "" : `: ${said}`}`
              yield* repo.note(difference, now.assignee, said, { ...act, reason })
            })
          )
        ),
        resolve: Effect.fn("Differences.resolve")((id, { reason }, actor) =>
          change(
            id,
            actor,
            reason,
            "difference.resolve",
            Effect.fnUntraced(function* (difference, act) {
              const { status } = difference
              // what no run finds any more is a run's to take up again
              if (status === "superseded" || !differenceStates.can(status, "resolved")) {
                return yield* new DifferenceNotOpen({ differenceId: id, state: status })
              }
              const draft = yield* repo.drafted(id)
              if (Option.isSome(draft)) yield* repo.decide(draft.value.id, "superseded", act)
              yield* repo.move(difference, "resolved", act, reason)
            })
          )
        ),
        draft: Effect.fn("Differences.draft")((id, { legs: given, reason }, actor, correctionId) =>
          change(
            id,
            actor,
            reason,
            "difference.draft",
            Effect.fnUntraced(function* (difference, act) {
              if (yield* repo.hasCorrection(correctionId, id)) return
              if (difference.status !== "open") {
                return yield* new DifferenceNotOpen({ differenceId: id, state: difference.status })
              }
              const proposal = Option.map(yield* repo.details(id), (found) => found.proposal)
              const legs = given ?? Option.getOrNull(proposal)
              if (legs === null) return yield* new NothingToCorrect({ differenceId: id })
              const fault = faultOf(difference, legs)
              if (fault !== undefined) return yield* new CorrectionMalformed({ reason: fault })
              yield* repo.addCorrection(correctionId, id, legs, act)
              yield* repo.move(difference, "drafted", act, null)
            })
          )
        ),
        approve: Effect.fn("Differences.approve")((id, { reason }, actor) =>
          change(
            id,
            actor,
            reason,
            "difference.approve",
            Effect.fnUntraced(function* (difference, act) {
              const draft = yield* draftOf(difference)
              if (draft.draftedBy === actor) return yield* new SecondPersonNeeded({ differenceId: id })
              yield* repo.decide(draft.id, "approved", act)
              yield* repo.move(difference, "resolved", act, `corrected by transfer ${draft.id}`)
              // the last to wait for a lock, as the books ask
              yield* post(difference, draft, act)
            })
          )
        ),
        reject: Effect.fn("Differences.reject")((id, { reason }, actor) =>
          change(
            id,
            actor,
            reason,
            "difference.reject",
            Effect.fnUntraced(function* (difference, act) {
              const draft = yield* draftOf(difference)
              yield* repo.decide(draft.id, "rejected", act)
              yield* repo.move(difference, "open", act, null)
            })
          )
        )
      })
    })
  )
}
