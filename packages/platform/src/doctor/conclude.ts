import { AccountFreezes, freezesItself } from "@mall/domain/ledger/AccountFreezes"
import type { AccountCode } from "@mall/domain/ledger/Account"
import type { Violation } from "@mall/domain/operations/Doctor"
import { DateTime, Effect, Metric, Option } from "effect"
import { SqlClient } from "effect/sql"
import { Alerts } from "../alerts/Alerts.ts"
import { CurrentActor } from "../audit/CurrentActor.ts"
import { currentTraceId } from "../currentTraceId.ts"
import { retryConflicts } from "../retryConflicts.ts"
import type { Check } from "./Checks.ts"
import { keyOf } from "./examine.ts"
import type { Seen } from "./examine.ts"
import { ViolationRepo } from "./ViolationRepo.ts"

/** Who acts where no person does. */
const doctor = "doctor"

const violations = (check: string) =>
  Metric.gauge("doctor_violations", { description: "open and not acknowledged", attributes: { check } })

/** What follows of an examination: violations are opened and resolved, accounts frozen, and operators told. */
export const makeConclude = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const repo = yield* ViolationRepo
  const alerts = yield* Alerts
  const freezes = yield* Effect.serviceOption(AccountFreezes)

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

  /** Makes violations of what was seen, freezes for them, and tells. `open` are those of before. */
  const conclude = Effect.fnUntraced(function* (check: Check, seen: Seen, open: ReadonlyArray<Violation>, at: Date) {
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

  return conclude
})
