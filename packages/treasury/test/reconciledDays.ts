import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import type { BillDay } from "@mall/domain/treasury/Bill"
import type { Difference } from "@mall/domain/treasury/Difference"
import type { SettledRecord } from "@mall/domain/treasury/SettledPayments"
import { RunId } from "@mall/domain/treasury/Run"
import { Effect, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { ReconciliationReads } from "../src/reconciliation/ReconciliationReads.ts"
import { Reconciler } from "../src/reconciliation/Reconciler.ts"
import { Runs } from "../src/reconciliation/Runs.ts"
import { billOf, monday, wechat, World } from "./TestBills.ts"
import type { Trade } from "./TestBills.ts"

const newRunId = generator(RunId)
const newId = generator(Uuid7.pipe(Schema.brand("Any")))

export const ask = (day: BillDay, actor = "operator:olga") =>
  Effect.gen(function* () {
    const runs = yield* Runs
    return yield* runs.ask({ channel: wechat, day }, actor, yield* newRunId)
  })

/** Asks for a day and sees to it. */
export const run = (day: BillDay) =>
  Effect.gen(function* () {
    const reconciler = yield* Reconciler
    const { id } = yield* ask(day)
    return Option.getOrThrow(yield* reconciler.work(id, "worker:test"))
  })

export const differencesOf = (day: BillDay) =>
  ReconciliationReads.use((reads) => Effect.map(reads.differences({ day, limit: 100 }), ({ data }) => data))

/** The only one of the day. */
export const theDifference = Effect.flatMap(differencesOf(monday), ([first]) => Effect.fromNullishOr(first))

const newReference = Effect.map(newId, (id) => id.replaceAll("-", ""))

/** A movement of both sides at a time of Beijing, `2026-11-16 12:00:00`. */
export const movement = Effect.fnUntraced(function* (
  time: string,
  amount: number,
  kind: Trade["kind"] = "payment"
): Effect.fn.Return<{ readonly trade: Trade; readonly record: SettledRecord }> {
  const reference = yield* newReference
  const at = new Date(`${time.replace(" ", "T")}+08:00`)
  return {
    trade: { kind, reference, amount, time },
    record: { kind, reference, amount, currency: "CNY", state: "succeeded", at, paymentId: "p1" }
  }
})

export const lay = Effect.fnUntraced(function* (
  bills: Readonly<Record<string, ReadonlyArray<Trade>>>,
  records: ReadonlyArray<SettledRecord>
) {
  const world = yield* World
  const sql = yield* SqlClient.SqlClient
  yield* sql`TRUNCATE treasury.reconciliation_runs, treasury.reconciliation_run_history, treasury.differences, treasury.difference_history, treasury.corrections,
    treasury.bill_lines, treasury.compared_records`
  world.bills.clear()
  for (const [day, trades] of Object.entries(bills)) world.bills.set(day, billOf(trades))
  world.records.splice(0, world.records.length, ...records)
  world.postings.length = 0
})

export const noon = "2026-11-16 12:00:00"
export const shown = ({ excess, kind, reference, status, ...difference }: Difference): ReadonlyArray<unknown> => [
  ...[difference.class, kind, reference, excess, status]
]
