import { Money } from "@mall/domain/kernel/Money"
import type { PostRefused } from "@mall/domain/ledger/LedgerError"
import { Payouts } from "@mall/domain/treasury/Payouts"
import type { NoPayoutAccount, PayoutsWithheld } from "@mall/domain/treasury/Payouts"
import { SettlementId } from "@mall/domain/treasury/Settlement"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { payoutIdOf } from "./derivedIds.ts"
import { SettlementRepo } from "./SettlementRepo.ts"
import type { SettlementRow } from "./SettlementRepo.ts"

const shortest = Duration.toMillis("1 minute")
const longest = Duration.toMillis("1 hour")

/** A tenth of the time that it has waited: soon where an account is about to be usable, seldom where there is none for months. */
const nextTry = (now: Date, settledAt: Date) =>
  new Date(now.getTime() + Math.min(longest, Math.max(shortest, (now.getTime() - settledAt.getTime()) / 10)))

type Refused = NoPayoutAccount | PayoutsWithheld | PostRefused

/** An account may still come, a merchant be checked anew, and a frozen one is thawed; money that was taken out otherwise is not paid out again. */
const mayComeLater = ({ _tag }: Refused) =>
  _tag === "NoPayoutAccount" || _tag === "PayoutsWithheld" || _tag === "AccountFrozen"

/** What is settled leaves by itself where the terms say so: with the settlement, or later when that becomes possible. */
export class SettlementPayouts extends Context.Service<
  SettlementPayouts,
  {
    /** Asks for the pay-out, once. Joins the transaction in which the settlement is held. What is refused leaves the money ready. */
    request(row: SettlementRow, actor: string): Effect.Effect<void, SqlError>
    /** Asks again for up to `limit` that were refused and whose time has come; answers with how many there were. */
    requestDue(limit: number): Effect.Effect<number>
  }
>()("@mall/treasury/settlement/SettlementPayouts") {
  static readonly layerNoDeps = Layer.effect(
    SettlementPayouts,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const payouts = yield* Payouts
      const repo = yield* SettlementRepo

      const request = Effect.fnUntraced(function* (row: SettlementRow, actor: string) {
        const { attempt, currency, id, merchantId, settled, updatedAt } = row
        if (!row.terms.isPaidOut || settled === null || settled === 0 || row.payoutId !== null) return
        const payoutId = payoutIdOf(id, attempt)
        const money = Money.of(settled, currency)
        const now = yield* DateTime.nowAsDate
        const refused = (error: Refused) =>
          Effect.andThen(
            Effect.logWarning("a settlement is not paid out by itself").pipe(
              Effect.annotateLogs({ settlement: id, reason: error.message })
            ),
            sql`
              UPDATE treasury.settlements
              SET payout_note = ${error.message}, payout_due_at = ${mayComeLater(error) ? nextTry(now, updatedAt) : null}
              WHERE id = ${id}`
          )
        yield* payouts.request({ id: payoutId, merchantId, money, subject: id, actor, reason: "settlement" }).pipe(
          Effect.andThen(sql`
            UPDATE treasury.settlements SET payout_id = ${payoutId}, payout_note = NULL, payout_due_at = NULL WHERE id = ${id}`),
          Effect.catchIf((error) => error._tag !== "SqlError", refused)
        )
      })

      const due = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, limit: Schema.Int }),
        Result: Schema.Struct({ id: SettlementId }),
        execute: ({ limit, now }) => sql`
          SELECT s.id FROM treasury.settlements AS s WHERE s.payout_due_at <= ${now} ORDER BY s.payout_due_at LIMIT ${limit}`
      })

      /** One that somebody else asked for meanwhile is left alone. */
      const requestOne = Effect.fnUntraced(
        function* (id: SettlementId, now: Date) {
          const known = yield* repo.find(id)
          if (known === undefined) return
          yield* repo.holdSchedule(known)
          const row = yield* repo.hold(id)
          if (row?.status !== "settled" || row.payoutDueAt === null || row.payoutDueAt > now) return
          yield* request(row, "sweep:settlement_payouts")
        },
        sql.withTransaction,
        retryConflicts
      )

      return SettlementPayouts.of({
        request,
        requestDue: Effect.fn("SettlementPayouts.requestDue")(
          function* (limit) {
            const now = yield* DateTime.nowAsDate
            const rows = yield* due({ now, limit })
            for (const { id } of rows) yield* requestOne(id, now)
            return rows.length
          },
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        )
      })
    })
  )
}
