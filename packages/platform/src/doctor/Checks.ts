import type { CheckReach, Finding, Subject, SubjectEvent } from "@mall/domain/operations/Doctor"
import type { Severity } from "@mall/domain/operations/Alert"
import type { AccountCode } from "@mall/domain/ledger/Account"
import { Context, Effect, Layer } from "effect"
import type { Scope } from "effect"

/** Which subjects to look at: all, those that changed since a time, or these. A check that is cheap may always look at all. */
export type Selection =
  | { readonly type: "all" }
  | { readonly type: "since"; readonly since: Date }
  | { readonly type: "subjects"; readonly ids: ReadonlyArray<string> }

export interface Look {
  readonly selection: Selection
  /** Where the page before ended; null for the first. */
  readonly after: string | null
  readonly now: Date
}

/** One page: how many subjects were looked at, what is wrong with them, and where the next page begins. */
export interface Looked {
  readonly looked: number
  readonly findings: ReadonlyArray<Finding>
  readonly next: string | null
}

/** Something that is always true. `look` reads a bounded page, in one statement or one snapshot where two things are compared. */
export interface Check<E = unknown, R = never> {
  readonly name: string
  /** What it makes sure of, in one sentence. */
  readonly says: string
  readonly severity: Severity
  readonly reach: CheckReach
  look(look: Look): Effect.Effect<Looked, E, R>
}

/** What happened to a subject; nothing where it is not of a type that this source knows. Oldest first, at most some hundred. */
export type EventSource<E = unknown, R = never> = (subject: Subject) => Effect.Effect<ReadonlyArray<SubjectEvent>, E, R>

/** Rows that one page of a check reads. */
export const pageSize = 500

/** A finding without what it need not say. */
export const finding = (
  subject: Subject,
  summary: string,
  rest: {
    readonly expected?: string | number
    readonly found?: string | number
    readonly accounts?: ReadonlyArray<AccountCode>
    readonly related?: ReadonlyArray<Subject>
  } = {}
): Finding => ({
  subject,
  summary,
  expected: rest.expected === undefined ? null : String(rest.expected),
  found: rest.found === undefined ? null : String(rest.found),
  accounts: rest.accounts ?? [],
  related: rest.related ?? []
})

/** A page of rows that a query found wrong or right; `of` says which row of it is a violation. */
export const lookedAt = <Row extends { readonly id: string }>(
  rows: ReadonlyArray<Row>,
  of: (row: Row) => Finding | undefined
): Looked => ({
  looked: rows.length,
  findings: rows.flatMap((row) => of(row) ?? []),
  next: rows.length < pageSize ? null : (rows.at(-1)?.id ?? null)
})

/** The checks and the sources of events that this process knows: each context registers its own. */
export class Checks extends Context.Service<
  Checks,
  {
    register(check: Check): Effect.Effect<void, never, Scope.Scope>
    registerEvents(source: EventSource): Effect.Effect<void, never, Scope.Scope>
    /** By name. */
    list(): ReadonlyArray<Check>
    eventsOf(subject: Subject): Effect.Effect<ReadonlyArray<SubjectEvent>, unknown>
  }
>()("@mall/platform/doctor/Checks") {
  static readonly layer = Layer.sync(Checks, () => {
    const known = new Map<string, Check>()
    const sources = new Set<EventSource>()
    return Checks.of({
      register: Effect.fnUntraced(function* (check) {
        if (known.has(check.name)) return yield* Effect.die(new Error(`There are two checks named ${check.name}`))
        yield* Effect.acquireRelease(
          Effect.sync(() => known.set(check.name, check)),
          () => Effect.sync(() => known.delete(check.name))
        )
      }),
      registerEvents: (source) =>
        Effect.asVoid(
          Effect.acquireRelease(
            Effect.sync(() => sources.add(source)),
            () => Effect.sync(() => sources.delete(source))
          )
        ),
      list: () => [...known.values()].toSorted((a, b) => a.name.localeCompare(b.name)),
      eventsOf: (subject) =>
        Effect.map(
          Effect.forEach([...sources], (source) => source(subject)),
          (found) => found.flat()
        )
    })
  })
}

/** Registers what a context makes: its checks, and where it keeps what happened. */
export const layer = <E, R>(
  made: Effect.Effect<{ readonly checks: ReadonlyArray<Check>; readonly events?: ReadonlyArray<EventSource> }, E, R>
): Layer.Layer<never, E, Checks | Exclude<R, Scope.Scope>> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const registry = yield* Checks
      const { checks, events = [] } = yield* made
      yield* Effect.forEach(checks, (check) => registry.register(check), { discard: true })
      yield* Effect.forEach(events, (source) => registry.registerEvents(source), { discard: true })
    })
  )
