import { formatMajor, parseMajor } from "@mall/domain/kernel/Currency"
import { payoutStates } from "@mall/domain/treasury/Payout"
import type { PayoutStatus } from "@mall/domain/treasury/Payout"
import type { PayoutId } from "@mall/domain/treasury/Payouts"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, Duration, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { actNow } from "./Act.ts"
import type { Act } from "./Act.ts"
import type { BankAnswer } from "./bank/BankChannel.ts"
import { PayoutBooks } from "./PayoutBooks.ts"
import { countStep } from "./payoutMetrics.ts"
import { PayoutRepo } from "./PayoutRepo.ts"
import type { PayoutRow } from "./PayoutRepo.ts"

/** When the bank is asked after it said nothing final, the first time, the second …; the last from then on. */
const pauses = ["15 seconds", "1 minute", "5 minutes", "15 minutes", "1 hour"] as const

const later = (now: Date, asks: number) =>
  new Date(now.getTime() + Duration.toMillis(pauses[Math.min(asks, pauses.length - 1)] ?? "1 hour"))

/** What the bank says of pay-outs goes into the rows and the books, once, however often and in whatever order it is said. Another amount is not believed. */
export class PayoutOutcomes extends Context.Service<
  PayoutOutcomes,
  {
    record(answer: BankAnswer, actor: string): Effect.Effect<void, SqlError>
  }
>()("@mall/treasury/payouts/PayoutOutcomes") {
  static readonly layerNoDeps = Layer.effect(
    PayoutOutcomes,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const books = yield* PayoutBooks
      const repo = yield* PayoutRepo

      const move = (row: PayoutRow, to: PayoutStatus, act: Act, changes: Partial<PayoutRow>) =>
        Effect.tap(repo.move(row, to, act, changes), () => countStep(row.currency, to))

      const pay = Effect.fnUntraced(function* (row: PayoutRow, act: Act, bankReference: string | null) {
        const paid = yield* move(row, "paid", act, { bankReference: bankReference ?? row.bankReference })
        yield* books.settle(paid, act)
        return paid
      })

      /** Nothing final was said. */
      const wait = Effect.fnUntraced(function* (row: PayoutRow, to: PayoutStatus, act: Act, reference: string | null) {
        if (row.status === to || !payoutStates.can(row.status, to)) {
          return yield* repo.postpone(row.id, later(act.now, row.asks), row.asks)
        }
        yield* move(row, to, act, {
          ...{ dueAt: later(act.now, 0), asks: 0, bankReference: reference ?? row.bankReference }
        })
      })

      const apply = Effect.fnUntraced(function* (row: PayoutRow, answer: BankAnswer, act: Act) {
        const { bankReference, reason: failure, state } = answer
        switch (state) {
          case "accepted":
            return yield* wait(row, "submitted", act, bankReference)
          case "unknown":
            return yield* wait(row, "unknown", act, bankReference)
          case "not_found":
            return row.status === "submitted"
              ? yield* wait(row, "unknown", act, bankReference)
              : yield* Effect.asVoid(move(row, "approved", act, { dueAt: act.now, batchId: null }))
          case "paid":
            return yield* Effect.asVoid(pay(row, act, bankReference))
          case "refused": {
            const refused = yield* move(row, "refused", act, { failure, bankReference })
            return yield* books.release(refused, act)
          }
          case "returned": {
            const paid = row.status === "paid" ? row : yield* pay(row, act, bankReference)
            const returned = yield* move(paid, "returned", act, { failure })
            return yield* books.takeBack(returned, act)
          }
        }
      })

      const mayHear = (row: PayoutRow, state: BankAnswer["state"]) =>
        payoutStates.can(row.status, "paid") || (row.status === "paid" && state === "returned")

      return PayoutOutcomes.of({
        record: Effect.fn("PayoutOutcomes.record")(
          (answer, actor) =>
            Effect.gen(function* () {
              const { id, reason, state } = answer
              const found = yield* repo.lock(id)
              if (Option.isNone(found)) return yield* tellUnknown(id, state)
              if (!mayHear(found.value, state)) return yield* tellDecided(found.value, state)
              const act = yield* actNow(actor, reason === null ? `the bank: ${state}` : `the bank: ${state}, ${reason}`)
              if (isMoved(found.value, answer)) return yield* apply(found.value, answer, act)
              const why = yield* tellOther(found.value, answer)
              if (found.value.status !== "paid") yield* wait(found.value, "unknown", { ...act, reason: why }, null)
            }),
          sql.withTransaction,
          retryConflicts
        )
      })
    })
  )
}

/** Whether the bank moved, if anything, what it was asked to. */
const isMoved = ({ amount, currency }: PayoutRow, { moved, state }: BankAnswer) =>
  moved === null ||
  (state !== "paid" && state !== "returned") ||
  (moved.currency === currency && parseMajor(moved.amount, currency) === amount)

/** The books say nothing of what somebody has to look at: another amount than was held for it. */
const tellOther = ({ amount, currency, id }: PayoutRow, { moved, state }: BankAnswer) => {
  const why = `the bank: ${state}, but ${moved?.amount} ${moved?.currency} and not ${formatMajor(amount, currency)} ${currency}`
  return Effect.as(Effect.logError("The bank moved another amount than it was asked to", { payoutId: id, why }), why)
}

/** What was decided stays so, and what is not with the bank is not the bank's to decide. */
const tellDecided = ({ id, status }: PayoutRow, state: BankAnswer["state"]) =>
  status === state || (status === "returned" && state === "paid") || status === "approved"
    ? Effect.void
    : Effect.logError("The bank says of a pay-out what cannot be", { payoutId: id, status, state })

const tellUnknown = (id: PayoutId, state: string) =>
  Effect.logWarning("The bank tells of a pay-out that nobody asked for", { payoutId: id, state })
