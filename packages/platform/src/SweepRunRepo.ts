import { SweepRun } from "@mall/domain/operations/Sweep"
import type { SweepOutcome } from "@mall/domain/operations/Sweep"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

export interface FinishedRun {
  readonly name: string
  readonly startedAt: Date
  readonly finishedAt: Date
  readonly outcome: typeof SweepOutcome.Type
  readonly items: number
  readonly error: string | null
  readonly nextRunAt: Date | null
}

/** `platform.sweep_runs`. */
export class SweepRunRepo extends Context.Service<
  SweepRunRepo,
  {
    record(run: FinishedRun): Effect.Effect<void, SqlError>
    /** By name. */
    list: Effect.Effect<ReadonlyArray<SweepRun>, SqlError>
  }
>()("@mall/platform/SweepRunRepo") {
  static readonly layer = Layer.effect(
    SweepRunRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const record = Effect.fnUntraced(function* (run: FinishedRun) {
        const isOk = run.outcome === "ok"
        yield* sql`
          INSERT INTO platform.sweep_runs AS kept
            (name, started_at, finished_at, outcome, items, error, last_success_at, next_run_at,
              total_runs, total_failures, total_items)
          VALUES (${run.name}, ${run.startedAt}, ${run.finishedAt}, ${run.outcome}, ${run.items}, ${run.error},
            ${isOk ? run.finishedAt : null}, ${run.nextRunAt}, 1, ${isOk ? 0 : 1}, ${run.items})
          ON CONFLICT ON CONSTRAINT sweep_runs_pkey DO UPDATE SET
            started_at = excluded.started_at, finished_at = excluded.finished_at, outcome = excluded.outcome,
            items = excluded.items, error = excluded.error,
            last_success_at = COALESCE(excluded.last_success_at, kept.last_success_at),
            next_run_at = COALESCE(excluded.next_run_at, kept.next_run_at),
            total_runs = kept.total_runs + 1,
            total_failures = kept.total_failures + excluded.total_failures,
            total_items = kept.total_items + excluded.total_items`
      })

      const selectAll = SqlSchema.findAll({
        Request: Schema.Void,
        Result: SweepRun,
        execute: () => sql`SELECT * FROM platform.sweep_runs AS run ORDER BY run.name`
      })

      return SweepRunRepo.of({ record, list: Effect.catchTag(selectAll(), "SchemaError", Effect.die) })
    })
  )
}
