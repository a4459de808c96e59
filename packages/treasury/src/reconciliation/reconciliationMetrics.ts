import type { Run } from "@mall/domain/treasury/Run"
import { Effect, Metric } from "effect"

const counter = (name: string, description: string, attributes: Record<string, string>) =>
  Metric.counter(name, { description, incremental: true, attributes })

/** What a run came to, by its channel. */
export const countRun = ({ channel, counts, lines }: Run) =>
  Effect.gen(function* () {
    yield* Metric.update(counter("reconciliation_lines_total", "Lines of bills that were compared", { channel }), lines)
    for (const [found, count] of Object.entries(counts ?? {})) {
      yield* Metric.update(
        counter("reconciliation_results_total", "Movements by what the comparison found", { channel, found }),
        count
      )
    }
  })

export const countFailure = (channel: string) =>
  Metric.update(counter("reconciliation_failures_total", "Runs that came to no result", { channel }), 1)

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
