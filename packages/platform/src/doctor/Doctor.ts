import { AccountFreezes, freezesItself } from "@mall/domain/ledger/AccountFreezes"
import type { AccountCode } from "@mall/domain/ledger/Account"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { UnknownCheck, ViolationId, ViolationNotFound } from "@mall/domain/operations/Doctor"
import type {
  CheckResult,
  CheckStatus,
  DoctorOrder,
  DoctorReport,
  Finding,
  Violation,
  ViolationDetails
} from "@mall/domain/operations/Doctor"
import { Cause, Context, DateTime, Duration, Effect, Exit, Layer, Metric, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { Alerts } from "../alerts/Alerts.ts"
import { makeAuditRecorder } from "../audit/AuditRecorder.ts"
import { CurrentActor } from "../audit/CurrentActor.ts"
import { currentTraceId } from "../currentTraceId.ts"
import { retryConflicts } from "../retryConflicts.ts"
import { Checks } from "./Checks.ts"
import type { Check, Selection } from "./Checks.ts"
import { ViolationRepo } from "./ViolationRepo.ts"
import type { RunRow } from "./ViolationRepo.ts"

/** Who acts where no person does. */
const doctor = "doctor"

/** A transaction that was open at the last look may commit rows that carry an earlier time. */
const overlap = Duration.minutes(10)

/** Findings that one run writes down; with more of them nothing is taken for resolved. */
const maxFindings = 200

/** Events that an explanation shows of all its subjects. */
const maxEvents = 300

const violations = (check: string) =>
  Metric.gauge("doctor_violations", { description: "open and not acknowledged", attributes: { check } })
const lastRun = (check: string) =>
  Metric.gauge("doctor_last_run_seconds", { description: "when it ended, Unix time", attributes: { check } })

const keyOf = ({ id, type }: Finding["subject"]) => `${type}/${id}`
const cursor = cursorOf(ViolationId)

interface Seen {
  readonly looked: number
  readonly findings: ReadonlyArray<Finding>
  readonly isCut: boolean
}

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
      const freezes = yield* Effect.serviceOption(AccountFreezes)
      const audit = yield* makeAuditRecorder

      const lookThrough = Effect.fnUntraced(function* (check: Check, selection: Selection) {
        const findings: Array<Finding> = []
        let looked = 0
        let after: string | null = null
        do {
          const page: Effect.Success<ReturnType<Check["look"]>> = yield* check.look({
            selection,
            after,
            now: yield* DateTime.nowAsDate
          })
          looked += page.looked
          findings.push(...page.findings)
          after = page.next
        } while (after !== null && findings.length < maxFindings)
        const seen: Seen = { looked, findings: findings.slice(0, maxFindings), isCut: after !== null }
        return seen
      })

      /** What is selected, and what was wrong before. */
      const lookAgain = Effect.fnUntraced(function* (
        check: Check,
        selection: Selection,
        open: ReadonlyArray<Violation>
      ): Effect.fn.Return<Seen, unknown> {
        const selected = yield* lookThrough(check, selection)
        if (open.length === 0) return selected
        const ids = open.map(({ subject }) => subject.id)
        const again = yield* lookThrough(check, { type: "subjects", ids })
        const known = new Set(selected.findings.map(({ subject }) => keyOf(subject)))
        return {
          looked: selected.looked + again.looked,
          findings: [...selected.findings, ...again.findings.filter(({ subject }) => !known.has(keyOf(subject)))],
          isCut: selected.isCut || again.isCut
        }
      })

      /** What was not looked at is not right for that: a sample says nothing of what it left out. */
      const lookAtAll = (check: Check, open: ReadonlyArray<Violation>) =>
        check.reach === "channels" ? lookAgain(check, { type: "all" }, open) : lookThrough(check, { type: "all" })

      const freezeFor = Effect.fnUntraced(function* (violation: Violation, account: AccountCode) {
        const order = { by: doctor, reason: violation.summary.slice(0, 400), violation: violation.id }
        // A process without the ledger has no checks that name accounts of it.
        if (Option.isNone(freezes)) return
        const isFrozen = yield* freezes.value.freeze(account, order).pipe(
          // whoever had it look did not freeze
          Effect.provideService(CurrentActor, { kind: "system", id: doctor, roles: [] }),
          Effect.catchTag("LedgerAccountNotFound", () => Effect.succeed(false))
        )
        yield* repo.addFrozen(violation.id, account)
        if (!isFrozen) return
        yield* Effect.logWarning("an account was frozen").pipe(
          Effect.annotateLogs({ account, violation: violation.id, check: violation.check })
        )
        const stamp = { actor: doctor, traceId: yield* currentTraceId, at: yield* DateTime.nowAsDate }
        yield* repo.note(violation.id, { ...stamp, change: "frozen", detail: account })
      })

      const writeDown = Effect.fnUntraced(
        function* (check: Check, seen: Seen, open: ReadonlyArray<Violation>, at: Date) {
          const stamp = { actor: doctor, traceId: yield* currentTraceId, at }
          const standing: Array<Violation> = []
          let news = 0
          for (const finding of seen.findings) {
            const { isChanged, isNew, violation } = yield* repo.see(check, finding, stamp)
            standing.push(violation)
            if (isNew || isChanged) {
              yield* repo.note(violation.id, { ...stamp, change: isNew ? "found" : "changed", detail: finding.summary })
            }
            if (isNew) news++
          }
          const found = new Set(seen.findings.map(({ subject }) => keyOf(subject)))
          for (const { id, subject } of seen.isCut ? [] : open) {
            if (found.has(keyOf(subject))) continue
            const isResolved = yield* repo.resolve(id, at)
            if (isResolved) yield* repo.note(id, { ...stamp, change: "resolved", detail: "it is as it has to be" })
          }
          return { standing, news }
        },
        sql.withTransaction,
        retryConflicts
      )

      const tell = Effect.fnUntraced(
        function* (check: Check, isNews: boolean) {
          const open = (yield* repo.open(check.name)).filter(({ acknowledgedAt }) => acknowledgedAt === null)
          yield* Metric.update(violations(check.name), open.length)
          const [first] = open
          if (first === undefined) return yield* alerts.settle("doctor_violation", check.name)
          const more = open.length === 1 ? "" : ` (and ${open.length - 1} more)`
          const message = `${check.says}: not so. ${first.summary}${more}. mall doctor show ${first.id}`
          const { name: subject, severity } = check
          yield* alerts.report({ kind: "doctor_violation", subject, severity, message, isNews })
        },
        sql.withTransaction,
        retryConflicts
      )

      const conclude = Effect.fnUntraced(function* (
        check: Check,
        seen: Seen,
        open: ReadonlyArray<Violation>,
        at: Date
      ) {
        const { news, standing } = yield* writeDown(check, seen, open, at)
        for (const violation of standing) {
          if (violation.acknowledgedAt !== null) continue
          for (const account of violation.accounts) {
            if (freezesItself(account) && !violation.frozen.includes(account)) yield* freezeFor(violation, account)
          }
        }
        yield* tell(check, news > 0)
        return { seen, acknowledged: standing.filter(({ acknowledgedAt }) => acknowledgedAt !== null).length }
      })

      const examine = Effect.fnUntraced(function* (check: Check, previous: RunRow | undefined, isFull: boolean) {
        const at = yield* DateTime.nowAsDate
        const open = yield* repo.open(check.name)
        const covered = previous?.coveredUntil ?? null
        const seen =
          isFull || covered === null
            ? yield* lookAtAll(check, open)
            : yield* lookAgain(
                check,
                { type: "since", since: new Date(covered.getTime() - Duration.toMillis(overlap)) },
                open
              )
        return yield* conclude(check, seen, open, at)
      })

      /** Of a check that looks at all each time the rest is left out: nothing is found or resolved but what is about the subject. */
      const examineSubject = Effect.fnUntraced(function* (check: Check, id: string) {
        const at = yield* DateTime.nowAsDate
        const open = (yield* repo.open(check.name)).filter(({ subject }) => subject.id === id)
        const seen = yield* lookThrough(check, { type: "subjects", ids: [id] })
        const findings = seen.findings.filter(({ subject }) => subject.id === id)
        return yield* conclude(check, { ...seen, findings }, open, at)
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
        examineSubject(check, id).pipe(
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
        yield* Metric.update(lastRun(check.name), finishedAt.getTime() / 1000)
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
