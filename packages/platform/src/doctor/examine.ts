import type { Finding, Violation } from "@mall/domain/operations/Doctor"
import { DateTime, Duration, Effect } from "effect"
import type { Check, Selection } from "./Checks.ts"

/** A transaction that was open at the last look may commit rows that carry an earlier time. */
const overlap = Duration.minutes(10)

/** Findings that one run writes down; with more of them nothing is taken for resolved. */
const maxFindings = 200

/** What a check saw, of all its pages or of as many as a run takes. */
export interface Seen {
  readonly looked: number
  readonly findings: ReadonlyArray<Finding>
  readonly isCut: boolean
}

/** A subject's name among those of one check. */
export const keyOf = ({ id, type }: Finding["subject"]) => `${type}/${id}`

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
export const examineAll = (check: Check, open: ReadonlyArray<Violation>) =>
  check.reach === "channels" ? lookAgain(check, { type: "all" }, open) : lookThrough(check, { type: "all" })

/** What changed since the last look, and what was wrong before. */
export const examineSince = (check: Check, coveredUntil: Date, open: ReadonlyArray<Violation>) =>
  lookAgain(check, { type: "since", since: new Date(coveredUntil.getTime() - Duration.toMillis(overlap)) }, open)

/** Of a check that looks at all each time the rest is left out: nothing is found but what is about the subject. */
export const examineSubject = (check: Check, id: string) =>
  Effect.map(lookThrough(check, { type: "subjects", ids: [id] }), (seen): Seen => ({
    ...seen,
    findings: seen.findings.filter(({ subject }) => subject.id === id)
  }))
