import type { AuditAction } from "@mall/domain/operations/Audit"
import { payoutStates } from "@mall/domain/treasury/Payout"
import type { PayoutDetails, PayoutStatus } from "@mall/domain/treasury/Payout"
import { AnotherPersonNeeded, PayoutNotFound, PayoutStateConflict } from "@mall/domain/treasury/PayoutError"
import type { PayoutChangeRefused } from "@mall/domain/treasury/PayoutError"
import type { PayoutId } from "@mall/domain/treasury/Payouts"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { actNow } from "./Act.ts"
import type { Act } from "./Act.ts"
import { PayoutBooks } from "./PayoutBooks.ts"
import { countStep } from "./payoutMetrics.ts"
import { PayoutRepo } from "./PayoutRepo.ts"
import type { PayoutRow } from "./PayoutRepo.ts"
import type { Sees } from "./seenBy.ts"

type Decided = Effect.Effect<PayoutDetails, PayoutChangeRefused | AnotherPersonNeeded>

const auditedOf = ({ failure, firstApprover, secondApprover, status }: PayoutRow) => ({
  ...{ status, failure, firstApprover, secondApprover }
})

/** What people decide of pay-outs. `actor` is who does it. */
export class PayoutDecisions extends Context.Service<
  PayoutDecisions,
  {
    /** Somebody else than who asked, and than who approved before. The last one that is needed sends it off. */
    approve(id: PayoutId, reason: string, actor: string): Decided
    /** The money is the merchant's again. */
    reject(id: PayoutId, reason: string, actor: string): Decided
    /** While the bank has not been told. A merchant cancels what they asked for, and no pay-out of a settlement. */
    cancel(sees: Sees, id: PayoutId, reason: string, actor: string): Effect.Effect<PayoutDetails, PayoutChangeRefused>
    /** It was paid, and the merchant's bank sent it back. */
    takeBack(id: PayoutId, reason: string, actor: string): Effect.Effect<PayoutDetails, PayoutChangeRefused>
  }
>()("@mall/treasury/payouts/PayoutDecisions") {
  static readonly layerNoDeps = Layer.effect(
    PayoutDecisions,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const books = yield* PayoutBooks
      const repo = yield* PayoutRepo
      const audit = yield* makeAuditRecorder

      /** Does it under the lock of the row, if its state allows to come to `to`. */
      const change = <E>(
        sees: Sees,
        id: PayoutId,
        {
          action,
          actor,
          reason,
          to
        }: Record<"actor" | "reason", string> & {
          readonly action: AuditAction
          readonly to: PayoutStatus
        },
        decide: (row: PayoutRow, act: Act) => Effect.Effect<PayoutRow, E | SqlError>
      ) =>
        Effect.gen(function* () {
          const found = yield* repo.lock(id)
          if (Option.isNone(found) || (sees !== "all" && found.value.merchantId !== sees)) {
            return yield* new PayoutNotFound({ payoutId: id })
          }
          const row = found.value
          const isOwn = sees === "all" || row.kind === "withdrawal"
          if (!isOwn || !payoutStates.can(row.status, to)) {
            return yield* new PayoutStateConflict({ payoutId: id, state: row.status })
          }
          const after = yield* decide(row, yield* actNow(actor, reason))
          yield* audit.record({
            ...{ action, resource: { type: "payout", id }, merchantId: row.merchantId, reason },
            ...{ before: auditedOf(row), after: auditedOf(after) }
          })
          yield* countStep(after.currency, after.status)
          return yield* repo.details(after)
        }).pipe(sql.withTransaction, retryConflicts, Effect.catchTag("SqlError", Effect.die))

      /** It will not be paid. */
      const end = (to: "rejected" | "cancelled") =>
        Effect.fnUntraced(function* (row: PayoutRow, act: Act) {
          // what the bank was told once may be on its way there still, although it said that it knows nothing of it
          if (row.tries > 0) return yield* new PayoutStateConflict({ payoutId: row.id, state: row.status })
          const after = yield* repo.move(row, to, act)
          yield* books.release(row, act)
          return after
        })

      const approve = Effect.fnUntraced(function* (row: PayoutRow, act: Act) {
        const { actor, now } = act
        if (row.status !== "awaiting_approval") {
          return yield* new PayoutStateConflict({ payoutId: row.id, state: row.status })
        }
        if (row.requestedBy === actor || row.firstApprover === actor) return yield* new AnotherPersonNeeded({})
        return row.firstApprover === null
          ? yield* repo.move(row, "awaiting_approval", act, { firstApprover: actor })
          : yield* repo.move(row, "approved", act, { secondApprover: actor, dueAt: now })
      })

      return PayoutDecisions.of({
        approve: Effect.fn("PayoutDecisions.approve")((id, reason, actor) =>
          change("all", id, { action: "payout.approve", actor, reason, to: "approved" }, approve)
        ),
        reject: Effect.fn("PayoutDecisions.reject")((id, reason, actor) =>
          change(
            "all",
            id,
            { action: "payout.reject", actor, reason, to: "rejected" },
            Effect.fnUntraced(function* (row, act) {
              if (row.requestedBy === actor) return yield* new AnotherPersonNeeded({})
              return yield* end("rejected")(row, act)
            })
          )
        ),
        cancel: Effect.fn("PayoutDecisions.cancel")((sees, id, reason, actor) =>
          change(sees, id, { action: "withdrawal.cancel", actor, reason, to: "cancelled" }, end("cancelled"))
        ),
        takeBack: Effect.fn("PayoutDecisions.takeBack")((id, reason, actor) =>
          change(
            "all",
            id,
            { action: "payout.return", actor, reason, to: "returned" },
            Effect.fnUntraced(function* (row, act) {
              const after = yield* repo.move(row, "returned", act, { failure: reason })
              yield* books.takeBack(row, act)
              return after
            })
          )
        )
      })
    })
  )
}
