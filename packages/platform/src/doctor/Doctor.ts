import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { UnknownCheck, ViolationId, ViolationNotFound } from "@mall/domain/operations/Doctor"
import type {
  CheckResult,
  CheckStatus,
  DoctorOrder,
  DoctorReport,
  Violation,
  ViolationDetails
} from "@mall/domain/operations/Doctor"
import { Cause, Context, DateTime, Effect, Exit, Layer, Metric } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { Alerts } from "../alerts/Alerts.ts"
import { makeAuditRecorder } from "../audit/AuditRecorder.ts"
import { currentTraceId } from "../currentTraceId.ts"
import { retryConflicts } from "../retryConflicts.ts"
import { Checks } from "./Checks.ts"
import type { Check } from "./Checks.ts"
import { makeConclude } from "./conclude.ts"
import { examineAll, examineSince, examineSubject } from "./examine.ts"
import { ViolationRepo } from "./ViolationRepo.ts"
import type { RunRow } from "./ViolationRepo.ts"

/** Events that an explanation shows of all its subjects. */
const maxEvents = 300

const lastRun = (check: string) =>
  Metric.gauge("doctor_last_run_seconds", {
    description: "when it ended that could look, else when it was first tried, Unix time",
    attributes: { check }
  })

const cursor = cursorOf(ViolationId)

export interface ViolationFilter {
  readonly check?: string
  readonly isOpen?: boolean
  readonly limit?: number
  readonly after?: string
}

/**
 * Runs the checks that the contexts registered. What is found becomes a violation: told once, and the accounts that it makes
 * doubtful are frozen once. Any number of processes may run the same check.
 */
export class Doctor extends Context.Service<
  Doctor,
  {
    readonly checks: Effect.Effect<ReadonlyArray<CheckStatus>>
    /** Never fails for a check that could not look: its result says so. */
    run(order: DoctorOrder): Effect.Effect<DoctorReport, UnknownCheck>
    /** Newest first. */
    violations(filter: ViolationFilter): Effect.Effect<Page<Violation>, InvalidCursor>
    show(id: ViolationId): Effect.Effect<ViolationDetails, ViolationNotFound>
    /** Acknowledged before, it stays with who did so first. */
    acknowledge(id: ViolationId, reason: string, actor: string): Effect.Effect<Violation, ViolationNotFound>
  }
>()("@mall/platform/doctor/Doctor") {
  static readonly layerNoDeps = Layer.effect(
    Doctor,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const registry = yield* Checks
      const repo = yield* ViolationRepo
      const alerts = yield* Alerts
      const audit = yield* makeAuditRecorder
      const conclude = yield* makeConclude
      /** When each check last could look; where it never could, when it was first tried. */
      const shown = new Map<string, Date>()

      const examine = Effect.fnUntraced(function* (check: Check, previous: RunRow | undefined, isFull: boolean) {
        const at = yield* DateTime.nowAsDate
        const open = yield* repo.open(check.name)
        const covered = previous?.coveredUntil ?? null
        const seen =
          isFull || covered === null ? yield* examineAll(check, open) : yield* examineSince(check, covered, open)
        return yield* conclude(check, seen, open, at)
      })

      /** Nothing is found or resolved but what is about the subject. */
      const inspect = Effect.fnUntraced(function* (check: Check, id: string) {
        const at = yield* DateTime.nowAsDate
        const open = (yield* repo.open(check.name)).filter(({ subject }) => subject.id === id)
        return yield* conclude(check, yield* examineSubject(check, id), open, at)
      })

      const resultOf = Effect.fnUntraced(function* (
        check: Check,
        isFull: boolean,
        exit: Exit.Exit<Effect.Success<ReturnType<typeof examine>>, unknown>
      ) {
        const failure = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : null
        if (failure !== null) {
          yield* Effect.logError("A check could not look").pipe(Effect.annotateLogs({ check: check.name, failure }))
        }
        const { acknowledged, seen } = Exit.isSuccess(exit)
          ? exit.value
          : { acknowledged: 0, seen: { looked: 0, findings: [], isCut: false } }
        const counts = { looked: seen.looked, found: seen.findings.length }
        const result: CheckResult = { check: check.name, says: check.says, isFull, ...counts, acknowledged, failure }
        return { result, isCut: seen.isCut }
      })

      /** Leaves no trace of a run: it tells nothing of what it did not look at. */
      const runSubject = (check: Check, id: string) =>
        inspect(check, id).pipe(
          Effect.withSpan(`doctor ${check.name}`),
          Effect.exit,
          Effect.flatMap((exit) => resultOf(check, false, exit)),
          Effect.map(({ result }) => result)
        )

      const runCheck = Effect.fnUntraced(function* (
        check: Check,
        previous: RunRow | undefined,
        wantsFull: boolean
      ): Effect.fn.Return<CheckResult, SqlError> {
        const isFull = wantsFull || (previous?.coveredUntil ?? null) === null
        const startedAt = yield* DateTime.nowAsDate
        const exit = yield* examine(check, previous, isFull).pipe(Effect.withSpan(`doctor ${check.name}`), Effect.exit)
        const finishedAt = yield* DateTime.nowAsDate
        const { isCut, result } = yield* resultOf(check, isFull, exit)
        const { failure, found, looked } = result
        const coveredUntil = failure === null && !isCut ? startedAt : null
        yield* repo.recordRun({
          check: check.name,
          isFull,
          startedAt,
          finishedAt,
          failure,
          coveredUntil,
          looked,
          found
        })
        const at = failure === null ? finishedAt : (shown.get(check.name) ?? startedAt)
        shown.set(check.name, at)
        yield* Metric.update(lastRun(check.name), at.getTime() / 1000)
        return result
      })

      const wanted = Effect.fnUntraced(function* ({ check, withChannels = false }: DoctorOrder) {
        const known = registry.list()
        if (check === undefined) return known.filter(({ reach }) => withChannels || reach === "database")
        const one = known.filter(({ name }) => name === check)
        if (one.length === 0) return yield* new UnknownCheck({ known: known.map(({ name }) => name) })
        return one
      })

      const run = Effect.fn("Doctor.run")(
        function* (order: DoctorOrder) {
          const chosen = yield* wanted(order)
          const previous = new Map((yield* repo.runs).map((row) => [row.check, row]))
          const { isFull = false, subject } = order
          const results = yield* Effect.forEach(chosen, (check) =>
            subject === undefined ? runCheck(check, previous.get(check.name), isFull) : runSubject(check, subject)
          )
          const isSound = results.every(
            ({ acknowledged, failure, found }) => failure === null && found === acknowledged
          )
          return { isSound, results }
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const statusOf = Effect.gen(function* () {
        const counts = new Map((yield* repo.counts).map((row) => [row.check, row]))
        const runs = new Map((yield* repo.runs).map((row) => [row.check, row]))
        return registry.list().map(({ name, reach, says, severity }): CheckStatus => ({
          ...{ name, says, severity, reach, lastRun: runs.get(name) ?? null },
          ...{ open: counts.get(name)?.open ?? 0, acknowledged: counts.get(name)?.acknowledged ?? 0 }
        }))
      }).pipe(Effect.orDie, Effect.withSpan("Doctor.checks"))

      const find = Effect.fnUntraced(function* (id: ViolationId) {
        const violation = yield* repo.find(id)
        return violation ?? (yield* new ViolationNotFound({ violationId: id }))
      })

      return Doctor.of({
        checks: statusOf,
        run,
        violations: Effect.fn("Doctor.violations")(
          function* ({ after, check, isOpen, limit = defaultLimit }) {
            const before = after === undefined ? undefined : yield* cursor.decode(after)
            const rows = yield* repo.list({ check, isOpen, before, limit: limit + 1 })
            return toPage(rows, limit, ({ id }) => cursor.encode(id))
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        show: Effect.fn("Doctor.show")(
          function* (id) {
            const violation = yield* find(id)
            const found = yield* Effect.forEach([violation.subject, ...violation.related], (subject) =>
              Effect.orDie(registry.eventsOf(subject))
            )
            const events = found.flat().toSorted((a, b) => a.at.getTime() - b.at.getTime())
            return { violation, history: yield* repo.history(id), events: events.slice(-maxEvents) }
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        acknowledge: Effect.fn("Doctor.acknowledge")(
          function* (id, reason, actor) {
            const { check } = yield* find(id)
            const at = yield* DateTime.nowAsDate
            if (yield* repo.acknowledge(id, { actor, reason, at })) {
              yield* repo.note(id, {
                change: "acknowledged",
                actor,
                detail: reason,
                traceId: yield* currentTraceId,
                at
              })
              const left = (yield* repo.open(check)).filter(({ acknowledgedAt }) => acknowledgedAt === null)
              if (left.length === 0) yield* alerts.settle("doctor_violation", check)
              yield* audit.record({ action: "violation.acknowledge", resource: { type: "violation", id }, reason })
            }
            return yield* find(id)
          },
          sql.withTransaction,
          retryConflicts,
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )

  /** Needs `SqlClient`, `Checks` and `Alerts`, and the port `AccountFreezes` where checks name accounts. */
  static readonly layer = Doctor.layerNoDeps.pipe(Layer.provide(ViolationRepo.layer))
}
