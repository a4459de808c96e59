import { SweepFailed, SweepStatus, UnknownSweep } from "@mall/domain/operations/Sweep"
import { Cause, Config, Context, DateTime, Duration, Effect, Exit, Layer, Metric, Option, Random } from "effect"
import type { Scope } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { makeAuditRecorder } from "./audit/AuditRecorder.ts"
import { SweepRunRepo } from "./SweepRunRepo.ts"

export interface RegisteredSweep {
  readonly name: string
  readonly every: Duration.Duration
  readonly limit: number
  /** How many times as long as a run took the next one waits at least. */
  readonly rests: number
  readonly batch: (limit: number) => Effect.Effect<number, unknown>
  /** When the item became due that has waited longest, if any waits: how far the sweep lags. */
  readonly oldestDue: Effect.Effect<Option.Option<DateTime.Utc>, unknown> | undefined
}

/** How far a wait may differ from what was asked, so that many workers do not come at once. */
const jitter = 0.1

/** `SWEEP_FIRST_WITHIN` (10 s): each sweep of a process first runs at some time within so long, or within its interval. */
const FirstWithin = Config.Duration("SWEEP_FIRST_WITHIN").pipe(Config.withDefault(Duration.seconds(10)))

const runs = (sweep: string, outcome: string) =>
  Metric.counter("sweep_runs_total", { incremental: true, attributes: { sweep, outcome } })
const items = (sweep: string) => Metric.counter("sweep_items_total", { incremental: true, attributes: { sweep } })
const duration = (sweep: string) =>
  Metric.histogram("sweep_duration_seconds", {
    attributes: { sweep },
    boundaries: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300]
  })
/** Or since when the process runs it, where it has not succeeded since: one that always fails has to be seen too. */
const lastSuccess = (sweep: string) => Metric.gauge("sweep_last_success_timestamp_seconds", { attributes: { sweep } })
/** After how long without a success somebody has to look differs from sweep to sweep. */
const interval = (sweep: string) => Metric.gauge("sweep_interval_seconds", { attributes: { sweep } })
const lag = (sweep: string) => Metric.gauge("sweep_lag_seconds", { attributes: { sweep } })

/** The sweeps that this process knows. Any process may run one now; those of `layerScheduled` also run each on its own. */
export class Sweeps extends Context.Service<
  Sweeps,
  {
    /** Makes a sweep known until the scope closes, and runs it on its schedule where this process does so. */
    register(sweep: RegisteredSweep): Effect.Effect<void, never, Scope.Scope>
    /** By name. */
    list: Effect.Effect<ReadonlyArray<SweepStatus>, SqlError>
    /**
     * Runs a sweep now, here, to its end, beside whoever else runs it; answers with the number of items done. `by` names who
     * asked for it and is logged.
     */
    run(name: string, by: string): Effect.Effect<number, UnknownSweep | SweepFailed>
  }
>()("@mall/platform/Sweeps") {
  static readonly layerNoDeps = Layer.effect(Sweeps, make({ isScheduled: false }))

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(SweepRunRepo.layer))

  /** For the worker role. */
  static readonly layerScheduled = Layer.effect(Sweeps, make({ isScheduled: true })).pipe(
    Layer.provide(SweepRunRepo.layer)
  )
}

function make({ isScheduled }: { readonly isScheduled: boolean }) {
  return Effect.gen(function* () {
    const repo = yield* SweepRunRepo
    const audit = yield* makeAuditRecorder
    const firstWithin = yield* FirstWithin
    const known = new Map<string, RegisteredSweep>()

    const measureLag = Effect.fnUntraced(function* ({ name, oldestDue }: RegisteredSweep) {
      if (oldestDue === undefined) return
      const oldest = yield* oldestDue
      const now = yield* DateTime.now
      const waited = Option.match(oldest, {
        onNone: () => 0,
        onSome: (due) => now.epochMilliseconds - due.epochMilliseconds
      })
      yield* Metric.update(lag(name), Math.max(0, waited) / 1000)
    })

    const runToEnd = Effect.fnUntraced(function* (sweep: RegisteredSweep, progress: { items: number }) {
      yield* measureLag(sweep)
      let done: number
      do {
        done = yield* sweep.batch(sweep.limit)
        progress.items += done
        yield* Metric.update(items(sweep.name), done)
      } while (done >= sweep.limit)
    })

    /** `isScheduled`: another run follows by itself, after the wait that this one answers with. */
    const runOnce = Effect.fnUntraced(function* (sweep: RegisteredSweep, isScheduled: boolean) {
      const { every, name, rests } = sweep
      const progress = { items: 0 }
      const startedAt = yield* DateTime.now
      const exit = yield* runToEnd(sweep, progress).pipe(Effect.withSpan(`sweep ${name}`, { root: true }), Effect.exit)
      const finishedAt = yield* DateTime.now
      const failure = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : null
      const outcome = failure === null ? "ok" : "failed"
      const taken = DateTime.distance(startedAt, finishedAt)
      const seconds = Duration.toSeconds(taken)
      const rest = Duration.times(taken, rests)
      const wait = Duration.max(Duration.times(every, yield* Random.nextBetween(1 - jitter, 1 + jitter)), rest)

      yield* Metric.update(runs(name, outcome), 1)
      yield* Metric.update(duration(name), seconds)
      yield* Metric.update(interval(name), Duration.toSeconds(Duration.max(every, rest)))
      if (failure === null) yield* Metric.update(lastSuccess(name), finishedAt.epochMilliseconds / 1000)
      yield* failure === null
        ? Effect.logDebug("A sweep ran", { items: progress.items, seconds })
        : Effect.logError("A sweep failed; it runs again at its time", { items: progress.items, seconds, failure })
      yield* repo
        .record({
          name,
          startedAt: DateTime.toDateUtc(startedAt),
          finishedAt: DateTime.toDateUtc(finishedAt),
          outcome,
          items: progress.items,
          error: failure,
          nextRunAt: isScheduled ? DateTime.toDateUtc(DateTime.addDuration(finishedAt, wait)) : null
        })
        .pipe(Effect.catchTag("SqlError", (error) => Effect.logWarning("A sweep's run could not be recorded", error)))
      return { items: progress.items, failure, wait }
    })

    const schedule = Effect.fnUntraced(function* (sweep: RegisteredSweep) {
      const first = Duration.min(sweep.every, firstWithin)
      yield* Effect.sleep(Duration.times(first, yield* Random.next))
      while (true) {
        const { wait } = yield* runOnce(sweep, true)
        yield* Effect.sleep(wait)
      }
    })

    const register = Effect.fnUntraced(function* (sweep: RegisteredSweep) {
      if (known.has(sweep.name)) return yield* Effect.die(new Error(`There are two sweeps named ${sweep.name}`))
      yield* Effect.acquireRelease(
        Effect.sync(() => known.set(sweep.name, sweep)),
        () => Effect.sync(() => known.delete(sweep.name))
      )
      if (isScheduled) {
        const now = yield* DateTime.now
        yield* Metric.update(interval(sweep.name), Duration.toSeconds(sweep.every))
        yield* Metric.update(lastSuccess(sweep.name), now.epochMilliseconds / 1000)
        yield* schedule(sweep).pipe(Effect.annotateLogs({ sweep: sweep.name }), Effect.forkScoped)
      }
    })

    const run = Effect.fn("Sweeps.run")(function* (name: string, by: string) {
      yield* Effect.annotateCurrentSpan({ name, by })
      const sweep = known.get(name)
      if (sweep === undefined) return yield* new UnknownSweep({ sweep: name, known: [...known.keys()].toSorted() })
      yield* Effect.orDie(audit.record({ action: "sweep.run", resource: { type: "sweep", id: name } }))
      yield* Effect.logInfo("A sweep is run by hand", { sweep: name, by })
      const { failure, items } = yield* runOnce(sweep, false).pipe(Effect.annotateLogs({ sweep: name }))
      return failure === null ? items : yield* new SweepFailed({ sweep: name, items, reason: failure })
    })

    const list = Effect.gen(function* () {
      const lastRuns = new Map((yield* repo.list).map((lastRun) => [lastRun.name, lastRun]))
      return [...known.values()]
        .toSorted((a, b) => a.name.localeCompare(b.name))
        .map(
          ({ every, name }) =>
            new SweepStatus({ name, everySeconds: Duration.toSeconds(every), lastRun: lastRuns.get(name) ?? null })
        )
    }).pipe(Effect.withSpan("Sweeps.list"))

    return Sweeps.of({ register, list, run })
  })
}
