import { Effect } from "effect"
import { monitorEventLoopDelay } from "node:perf_hooks"

const resolutionMillis = 20

/**
 * How late the event loop is, in milliseconds, until the scope closes. Node measures how long its timer took, which
 * includes the time that it was set to; here that is taken off.
 */
export const measure = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const histogram = monitorEventLoopDelay({ resolution: resolutionMillis })
      histogram.enable()
      return histogram
    }),
    (histogram) => Effect.sync(() => histogram.disable())
  ),
  (histogram) => {
    const late = (nanos: number) => (histogram.count === 0 ? 0 : Math.max(0, nanos / 1e6 - resolutionMillis))
    return {
      mean: () => late(histogram.mean),
      p99: () => late(histogram.percentile(99)),
      max: () => late(histogram.max),
      reset: () => histogram.reset()
    }
  }
)
