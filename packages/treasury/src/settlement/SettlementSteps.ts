import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import type { PostRefused } from "@mall/domain/ledger/LedgerError"
import { PayableEntries } from "@mall/domain/ledger/PayableEntries"
import { reserve, reversed, settlement } from "@mall/domain/ledger/postings"
import type { Leg, NewTransfer } from "@mall/domain/ledger/Transfer"
import { Transfers } from "@mall/domain/ledger/Transfers"
import { SettlementSettled } from "@mall/domain/treasury/Settlement"
import type { SettlementAttempt, SettlementStatus } from "@mall/domain/treasury/Settlement"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { isOutcomeUnknown } from "@mall/platform/lostConnection"
import { Outbox } from "@mall/platform/Outbox"
import { Context, DateTime, Effect, Layer, Schedule, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { isSqlError } from "effect/sql/SqlError"
import type { SqlError } from "effect/sql/SqlError"
import { transferIdOf } from "./derivedIds.ts"
import { pageSize, spanOf } from "./gathering.ts"
import { countSettlement } from "./settlementMetrics.ts"
import { SettlementPayouts } from "./SettlementPayouts.ts"
import { SettlementRepo } from "./SettlementRepo.ts"
import type { SettlementRow } from "./SettlementRepo.ts"
import { statementOf } from "./statementOf.ts"

const actor = "workflow:settlement"

/** It cannot be carried out, however often it is tried: its items are free again, and an operator decides. */
export class SettlementFailed extends Schema.TaggedError<SettlementFailed>()("SettlementFailed", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** What both movements of a settlement say to the books. */
const transfersOf = (row: SettlementRow, traceId: string | null, isReversal: boolean): ReadonlyArray<NewTransfer> => {
  const { attempt, currency, cutOff, id, merchantId } = row
  const reason = `${isReversal ? "taken back: " : ""}settlement up to ${cutOff.toISOString()}`
  const one = (purpose: "reserve" | "settlement", legs: ReadonlyArray<Leg>): NewTransfer => ({
    ...{ type: "single", id: transferIdOf(id, attempt, purpose, isReversal), purpose, subject: id },
    ...{ actor, reason, traceId, legs: isReversal ? reversed(legs) : legs }
  })
  const [settled, kept] = [row.settled ?? 0, row.reserve ?? 0]
  return [
    ...(settled > 0 ? [one("settlement", settlement(merchantId, Money.of(settled, currency)))] : []),
    ...(kept > 0 ? [one("reserve", reserve(merchantId, Money.of(kept, currency)))] : [])
  ]
}

/** A database that cannot be reached, or a conflict with another transaction, is no failure of the settlement. */
const untilReached = <A, E, R>(step: Effect.Effect<A, E | SqlError, R>) =>
  Effect.retry(step, {
    while: (error) => isSqlError(error) && (error.isRetryable || isOutcomeUnknown(error)),
    schedule: Schedule.min([Schedule.exponential("50 millis", 1.5), Schedule.spaced("30 seconds")])
  })

/**
 * The steps of a settlement. Each is one transaction that locks the settlement and looks whether it is its turn: done again, or by
 * two at once, it changes nothing.
 */
export class SettlementSteps extends Context.Service<
  SettlementSteps,
  {
    /** Takes the entries up to the cut-off that no settlement has, and what an earlier one carried. */
    gather(attempt: SettlementAttempt): Effect.Effect<void>
    /** Makes the statement, which stays as it is. */
    state(attempt: SettlementAttempt): Effect.Effect<void>
    /** Moves the money in the books. */
    post(attempt: SettlementAttempt): Effect.Effect<void, SettlementFailed>
    /** Asks for the pay-out where the terms say so. Without it the money stays ready. */
    payOut(attempt: SettlementAttempt): Effect.Effect<void>
    /** Tells others. */
    notify(attempt: SettlementAttempt): Effect.Effect<void>
    /** Takes all back; not what is on its way to the bank, nor where a later settlement was begun meanwhile. */
    undo(attempt: SettlementAttempt, reason: string): Effect.Effect<void>
  }
>()("@mall/treasury/settlement/SettlementSteps") {
  static readonly layerNoDeps = Layer.effect(
    SettlementSteps,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const entries = yield* PayableEntries
      const outbox = yield* Outbox
      const payouts = yield* SettlementPayouts
      const repo = yield* SettlementRepo
      const transfers = yield* Transfers

      /** Runs `step` where the settlement is in one of `states` and the attempt is the current one. */
      const during = <E>(
        name: string,
        { attempt, id }: SettlementAttempt,
        states: ReadonlyArray<SettlementStatus>,
        step: (row: SettlementRow, settledThrough: Date | null) => Effect.Effect<void, E | SqlError>
      ) =>
        Effect.gen(function* () {
          const known = yield* repo.find(id)
          if (known === undefined) return
          const { settledThrough } = yield* repo.holdSchedule(known)
          const row = yield* repo.hold(id)
          if (row !== undefined && row.attempt === attempt && states.includes(row.status))
            yield* step(row, settledThrough)
        }).pipe(
          sql.withTransaction,
          Effect.withSpan(`SettlementSteps.${name}`, { attributes: { settlement: id, attempt } }),
          untilReached
        )

      const gather = Effect.fnUntraced(function* (row: SettlementRow, settledThrough: Date | null) {
        const span = spanOf(row, settledThrough, row.cutOff)
        let after = 0
        for (;;) {
          const page = yield* entries.page(span, after, pageSize)
          yield* repo.addItems(row.id, page)
          if (page.length < pageSize) break
          after = page.at(-1)?.entryId ?? after
        }
        const carried = yield* repo.carried(row)
        yield* repo.gathered(row, settledThrough, carried?.id ?? null)
        yield* repo.settledThrough(row, row.cutOff)
        yield* repo.move(row, "gathered", { actor, reason: "gathered" })
      })

      const state = Effect.fnUntraced(function* (row: SettlementRow) {
        const from = row.carriedFrom === null ? undefined : yield* repo.find(row.carriedFrom)
        const captured = from === undefined ? 0 : yield* repo.capturedUpTo(from.id)
        const lines = yield* repo.sums(row.id)
        const carriedIn = { sum: from?.carriedOut ?? 0, captured }
        yield* repo.state(row.id, statementOf(lines, carriedIn, row.terms, row.cutOff))
        yield* repo.move(row, "stated", { actor, reason: "statement made" })
      })

      const post = Effect.fnUntraced(function* (row: SettlementRow) {
        const moves = transfersOf(row, yield* currentTraceId, false)
        if (moves.length === 0) {
          return yield* repo.move(row, "carried", { actor, reason: "carried into the next settlement" })
        }
        yield* repo.move(row, "settled", { actor, reason: "posted" })
        yield* transfers.post(moves)
      })

      const payOut = (row: SettlementRow) =>
        // asked already: what was refused is the sweep's
        row.payoutNote === null ? payouts.request(row, actor) : Effect.void

      const notify = Effect.fnUntraced(function* (row: SettlementRow) {
        if (row.notifiedAt !== null) return
        const { currency, cutOff, id, merchantId, status } = row
        yield* sql`UPDATE treasury.settlements SET notified_at = ${yield* DateTime.nowAsDate} WHERE id = ${id}`
        const sum = (units: number | null) => MinorUnits.make(units ?? 0)
        yield* outbox.publish(SettlementSettled, {
          ...{ id, merchantId, currency, status, cutOff, lines: row.lines ?? [] },
          ...{ carriedIn: sum(row.carriedIn), net: sum(row.net), reserve: sum(row.reserve) },
          ...{ settled: sum(row.settled), carriedOut: sum(row.carriedOut) }
        })
        yield* sql.afterCommit(countSettlement(row))
      })

      const undo = Effect.fnUntraced(function* (row: SettlementRow, settledThrough: Date | null, reason: string) {
        yield* Effect.logError("a settlement failed").pipe(Effect.annotateLogs({ settlement: row.id, reason }))
        if (row.payoutId !== null) return
        // a later one looks no further back than to this cut-off: items that became free would be nobody's
        if (settledThrough !== null && settledThrough > row.cutOff) return
        const backs = row.status === "settled" ? transfersOf(row, yield* currentTraceId, true) : []
        // the merchant may have taken the money out meanwhile: then the settlement stays
        const isBack = yield* transfers.post(backs).pipe(
          Effect.as(true),
          Effect.catchIf(
            (error) => error._tag !== "SqlError",
            ({ message }) =>
              Effect.as(
                Effect.logError("what a settlement posted cannot be taken back").pipe(
                  Effect.annotateLogs({ settlement: row.id, reason: message })
                ),
                false
              )
          )
        )
        if (!isBack) return
        yield* repo.release(row)
        yield* repo.move(row, "failed", { actor, reason })
        yield* sql.afterCommit(countSettlement({ ...row, status: "failed" }))
      })
      const refused = (error: PostRefused) => new SettlementFailed({ reason: `the books refuse it: ${error.message}` })

      return SettlementSteps.of({
        gather: (attempt) => Effect.orDie(during("gather", attempt, ["requested"], gather)),
        state: (attempt) => Effect.orDie(during("state", attempt, ["gathered"], state)),
        post: (attempt) =>
          during("post", attempt, ["stated"], post).pipe(
            Effect.catchTag("SqlError", Effect.die),
            Effect.mapError(refused)
          ),
        payOut: (attempt) => Effect.orDie(during("payOut", attempt, ["settled"], payOut)),
        notify: (attempt) => Effect.orDie(during("notify", attempt, ["settled", "carried"], notify)),
        undo: (attempt, reason) =>
          Effect.orDie(
            during("undo", attempt, ["requested", "gathered", "stated", "settled"], (row, settledThrough) =>
              undo(row, settledThrough, reason)
            )
          )
      })
    })
  )
}
