import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import * as ProcessMetrics from "../../src/telemetry/ProcessMetrics.ts"

describe("ProcessMetrics", () => {
  it.live("shows figures of this process that are above zero", () =>
    Effect.gen(function* () {
      const text = yield* PrometheusMetrics.format()
      for (const name of [
        "process_cpu_seconds_total",
        "process_start_time_seconds",
        "process_resident_memory_bytes",
        "nodejs_heap_size_used_bytes",
        "nodejs_active_resources_total"
      ]) {
        assert.isAbove(Number(new RegExp(`^${name} (.+)$`, "m").exec(text)?.[1]), 0, name)
      }
      assert.match(text, /^nodejs_eventloop_lag_p99_seconds \d/m)
      assert.match(text, /^nodejs_eventloop_utilization (0|1|0\.\d+)$/m)
    }).pipe(
      Effect.provide(
        Layer.fresh(ProcessMetrics.layer).pipe(Layer.provideMerge(Layer.succeed(Metric.MetricRegistry, new Map())))
      )
    )
  )
})
