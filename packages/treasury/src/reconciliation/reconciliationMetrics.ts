import type { Run } from "@mall/domain/treasury/Run"
import { Effect, Metric } from "effect"

const counter = (name: string, description: string, attributes: Record<string, string>) =>
  Metric.counter(name, { description, incremental: true, attributes })

/** Whose account it is: never which, since there may be thousands. */
const accountOf = ({ channel, merchantId }: Pick<Run, "channel" | "merchantId">) => ({
  channel,
  owner: merchantId === null ? "platform" : "merchant"
})

/** What a run came to, by its channel. */
export const countRun = (run: Run) =>
  Effect.gen(function* () {
    if (run.status !== "completed") return
    const of = accountOf(run)
    yield* Metric.update(counter("reconciliation_lines_total", "Lines of bills that were compared", of), run.lines)
    for (const [found, count] of Object.entries(run.counts ?? {})) {
      yield* Metric.update(
        counter("reconciliation_results_total", "Movements by what the comparison found", { ...of, found }),
        count
      )
    }
  })

export const countFailure = (run: Run) =>
  Metric.update(counter("reconciliation_failures_total", "Tries that came to no result", accountOf(run)), 1)

/** How many days of a channel's accounts have no result though somebody should know, and how many runs are tried again or given up. */
export const showRuns = (channel: string, late: number, failed: number) =>
  Effect.andThen(
    Metric.update(
      Metric.gauge("reconciliation_late_days", {
        description: "Days whose bill should have been compared by now",
        attributes: { channel }
      }),
      late
    ),
    Metric.update(
      Metric.gauge("reconciliation_failed_days", {
        description: "Days whose last try failed",
        attributes: { channel }
      }),
      failed
    )
  )

/** How many differences of a channel nobody has resolved, and how many seconds the oldest waits. */
export const showOpen = (channel: string, open: number, oldestSeconds: number) =>
  Effect.andThen(
    Metric.update(
      Metric.gauge("reconciliation_open_differences", {
        description: "Differences that are not resolved",
        attributes: { channel }
      }),
      open
    ),
    Metric.update(
      Metric.gauge("reconciliation_oldest_difference_seconds", {
        description: "Age of the oldest difference that is not resolved",
        attributes: { channel }
      }),
      oldestSeconds
    )
  )
