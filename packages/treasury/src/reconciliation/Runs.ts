import type { BillDay } from "@mall/domain/treasury/Bill"
import { ChannelBills } from "@mall/domain/treasury/ChannelBills"
import type { BillSource } from "@mall/domain/treasury/ChannelBills"
import { DayNotOver, NoChannelBill } from "@mall/domain/treasury/ReconciliationError"
import type { RunRefused } from "@mall/domain/treasury/ReconciliationError"
import { RunQueued } from "@mall/domain/treasury/Run"
import type { NewRun, Run, RunId } from "@mall/domain/treasury/Run"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Outbox } from "@mall/platform/Outbox"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { boundsOf } from "./days.ts"
import { ReconciliationConfig } from "./ReconciliationConfig.ts"
import { RunRepo } from "./RunRepo.ts"

const hourMillis = 3_600_000

/** A run that is asked for late has an hour before somebody is told. */
const patience = hourMillis

/** Asks for days to be compared. Of a day of an account there is one run at a time, whoever asks; workers see to it. */
export class Runs extends Context.Service<
  Runs,
  {
    /** Answers at once, with the run of the day that waits or is at work where there is one. The same `id` again: the same run. */
    ask(asked: NewRun, actor: string, id: RunId): Effect.Effect<Run, RunRefused>
    /** The same of an account that is known, for a day that is over. */
    enqueue(source: BillSource, day: BillDay, actor: string, id: RunId): Effect.Effect<Run>
  }
>()("@mall/treasury/reconciliation/Runs") {
  static readonly layerNoDeps = Layer.effect(
    Runs,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      const bills = yield* ChannelBills
      const config = yield* ReconciliationConfig
      const outbox = yield* Outbox
      const repo = yield* RunRepo

      const sourcesOf = ({ merchantId }: NewRun) =>
        merchantId === undefined ? Effect.succeed(bills.sources) : bills.ownOf(merchantId)

      const sourceOf = Effect.fnUntraced(function* (asked: NewRun) {
        const { account, channel, merchantId } = asked
        const sources = yield* sourcesOf(asked)
        const source = sources.find(
          (one) => one.channel === channel && (account === undefined || one.account === account)
        )
        if (source === undefined) {
          const who = merchantId === undefined ? "The platform" : "The merchant"
          return yield* new NoChannelBill({ channel, reason: `${who} has no such account at ${channel}` })
        }
        if (source.format === null) {
          return yield* new NoChannelBill({ channel, reason: source.reason ?? `The bill of ${channel} is not read` })
        }
        return source
      })

      const enqueue = Effect.fn("Runs.enqueue")(
        function* (source: BillSource, day: BillDay, actor: string, id: RunId) {
          const { account, channel, merchantId } = source
          yield* Effect.annotateCurrentSpan({ channel, day })
          const known = yield* repo.find(id)
          if (Option.isSome(known)) return known.value
          const now = yield* DateTime.nowAsDate
          const due = boundsOf(source, day).to.getTime() + (yield* config.lateHourOf(channel)) * hourMillis
          const lateAt = new Date(Math.max(due, now.getTime() + patience))
          const act = { actor, reason: "asked for", traceId: yield* currentTraceId, now }
          const run = yield* repo.ask(id, { account, channel, day, merchantId }, lateAt, act)
          yield* audit.record({
            action: "reconciliation.run",
            resource: { type: "reconciliation_run", id: run.id },
            ...(merchantId === null ? {} : { merchantId }),
            after: { channel, day, account }
          })
          if (run.status === "queued") {
            yield* outbox.publish(RunQueued, { id: run.id, attempt: run.attempt, since: now })
          }
          return run
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTags({ SqlError: Effect.die, ConfigError: Effect.die })
      )

      return Runs.of({
        enqueue,
        ask: Effect.fn("Runs.ask")(function* (asked, actor, id) {
          const source = yield* sourceOf(asked)
          const { day } = asked
          if (boundsOf(source, day).to > (yield* DateTime.nowAsDate)) return yield* new DayNotOver({ day })
          return yield* enqueue(source, day, actor, id)
        })
      })
    })
  )
}
