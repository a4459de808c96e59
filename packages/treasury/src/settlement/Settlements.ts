import { generator } from "@mall/domain/kernel/Id"
import { PayableEntries } from "@mall/domain/ledger/PayableEntries"
import { Settlement, SettlementId, SettlementRequested } from "@mall/domain/treasury/Settlement"
import type { NewSettlement } from "@mall/domain/treasury/Settlement"
import {
  CutOffNotPossible,
  NothingToSettle,
  SettlementNotFailed,
  SettlementNotFound,
  SettlementUnderWay
} from "@mall/domain/treasury/SettlementError"
import type { RequestRefused, RetryRefused } from "@mall/domain/treasury/SettlementError"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { Outbox } from "@mall/platform/Outbox"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Duration, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { Calendars } from "./Calendars.ts"
import { latestCutOff, nextDue } from "./cycles.ts"
import { pageSize, spanOf } from "./gathering.ts"
import { SettlementRepo } from "./SettlementRepo.ts"
import type { Act, Owed, Schedule } from "./SettlementRepo.ts"
import { Terms } from "./Terms.ts"

const newSettlementId = generator(SettlementId)

/** An account may be opened by a transaction that commits later than one that opened another after it. */
const openingMargin = Duration.toMillis("1 hour")
/** While a settlement of the merchant is under way the next one waits so long. */
const busyWait = Duration.toMillis("1 minute")

/** Begins settlements: the worker carries them out. */
export class Settlements extends Context.Service<
  Settlements,
  {
    /** Asked again for the same cut-off it answers with the settlement that there is. */
    run(asked: NewSettlement, actor: string, id: SettlementId): Effect.Effect<Settlement, RequestRefused>
    retry(id: SettlementId, actor: string, reason: string): Effect.Effect<Settlement, RetryRefused>
    /** Begins up to `limit` of those whose time has come; answers with how many merchants it looked at. */
    startDue(limit: number): Effect.Effect<number>
  }
>()("@mall/treasury/settlement/Settlements") {
  static readonly layerNoDeps = Layer.effect(
    Settlements,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      const calendars = yield* Calendars
      const entries = yield* PayableEntries
      const outbox = yield* Outbox
      const repo = yield* SettlementRepo
      const terms = yield* Terms

      const hasNew = Effect.fnUntraced(function* (owed: Owed, settledThrough: Date | null, until: Date) {
        let after = 0
        for (;;) {
          const page = yield* entries.page(spanOf(owed, settledThrough, until), after, pageSize)
          if ((yield* repo.countNew(page)) > 0) return true
          if (page.length < pageSize) return false
          after = page.at(-1)?.entryId ?? after
        }
      })

      const open = Effect.fnUntraced(function* (
        id: SettlementId,
        { settledThrough, ...owed }: Schedule,
        cutOff: Date,
        act: Act
      ) {
        const known = yield* repo.ofCutOff(owed, cutOff)
        if (known !== undefined) return known
        const busy = yield* repo.underWay(owed)
        if (busy !== undefined) return yield* new SettlementUnderWay({ settlementId: busy.id })
        if (settledThrough !== null && cutOff <= settledThrough) {
          return yield* new CutOffNotPossible({ cutOff, reason: "A later time is settled already" })
        }
        if (!(yield* hasNew(owed, settledThrough, cutOff))) return yield* new NothingToSettle({ ...owed })
        const { currency, merchantId } = owed
        const agreed = yield* terms.inForce(merchantId, currency, cutOff)
        const row = yield* repo.insert({ id, merchantId, currency, cutOff, terms: agreed }, act)
        yield* outbox.publish(SettlementRequested, { id, attempt: 1 })
        return row
      })

      const startOne = Effect.fnUntraced(function* (schedule: Schedule, now: Date) {
        const { currency, merchantId } = schedule
        const agreed = yield* terms.inForce(merchantId, currency, now)
        const calendar = yield* calendars.current(agreed.calendar)
        const change = yield* terms.changeAfter(merchantId, currency, now)
        const due = nextDue(agreed, calendar, now)
        const regular = change !== null && change < due ? change : due
        const cutOff = latestCutOff(agreed, calendar, now)
        const isLater = cutOff !== undefined && (schedule.settledThrough === null || cutOff > schedule.settledThrough)
        const act = { actor: "sweep:settlements", reason: `cycle ${agreed.cycle.type}` }
        const next = !isLater
          ? regular
          : yield* open(yield* newSettlementId, schedule, cutOff, act).pipe(
              Effect.as(regular),
              Effect.catchTags({
                NothingToSettle: () => Effect.succeed(regular),
                CutOffNotPossible: () => Effect.succeed(regular),
                SettlementUnderWay: () => Effect.succeed(new Date(now.getTime() + busyWait))
              })
            )
        yield* repo.reschedule(schedule, next)
      })

      /** Merchants for whom something was posted for the first time. */
      const adopt = Effect.fnUntraced(function* (now: Date) {
        const newest = (yield* repo.newestOpening)?.getTime() ?? 0
        const opened = yield* entries.openedSince(new Date(Math.max(0, newest - openingMargin)))
        if (opened.length > 0) yield* repo.adopt(opened, now)
      })

      return Settlements.of({
        run: Effect.fn("Settlements.run")(
          function* ({ cutOff: asked, currency, merchantId, reason }, actor, id) {
            const schedule = yield* repo.holdSchedule({ merchantId, currency })
            const now = yield* DateTime.nowAsDate
            const cutOff = asked ?? now
            if (cutOff > now) return yield* new CutOffNotPossible({ cutOff, reason: "The time is not over" })
            const row = yield* open(id, schedule, cutOff, { actor, reason })
            yield* audit.record({
              action: "settlement.run",
              resource: { type: "settlement", id: row.id },
              merchantId,
              reason
            })
            return new Settlement(row)
          },
          sql.withTransaction,
          retryConflicts,
          Effect.catchTag("SqlError", Effect.die)
        ),
        retry: Effect.fn("Settlements.retry")(
          function* (id, actor, reason) {
            const known = yield* repo.find(id)
            if (known === undefined) return yield* new SettlementNotFound({ settlementId: id })
            const schedule = yield* repo.holdSchedule(known)
            const found = (yield* repo.hold(id)) ?? known
            const { cutOff, merchantId, status } = found
            if (status !== "failed") return yield* new SettlementNotFailed({ settlementId: id, state: status })
            const busy = yield* repo.underWay(found)
            if (busy !== undefined) return yield* new SettlementUnderWay({ settlementId: busy.id })
            if (schedule.settledThrough !== null && cutOff <= schedule.settledThrough) {
              return yield* new CutOffNotPossible({ cutOff, reason: "A later settlement has its items" })
            }
            yield* repo.move(found, "requested", { actor, reason })
            yield* outbox.publish(SettlementRequested, { id, attempt: found.attempt + 1 })
            yield* audit.record({
              action: "settlement.retry",
              resource: { type: "settlement", id },
              merchantId,
              reason
            })
            return new Settlement((yield* repo.hold(id)) ?? found)
          },
          sql.withTransaction,
          retryConflicts,
          Effect.catchTag("SqlError", Effect.die)
        ),
        startDue: Effect.fn("Settlements.startDue")(
          function* (limit) {
            const now = yield* DateTime.nowAsDate
            yield* adopt(now)
            const due = yield* repo.claimDue(now, limit)
            for (const schedule of due) yield* startOne(schedule, now)
            return due.length
          },
          sql.withTransaction,
          retryConflicts,
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}
