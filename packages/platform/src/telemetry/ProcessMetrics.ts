import { Effect, Layer } from "effect"
import { performance, PerformanceObserver } from "node:perf_hooks"
import * as process from "node:process"
import * as EventLoopDelay from "./eventLoopDelay.ts"
import { makeRegistrar, Tally } from "./Tally.ts"

const gcBounds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1]

const gcKinds: Record<number, string> = { 1: "minor", 2: "mark_sweep_compact", 4: "incremental", 8: "weak_callbacks" }

/** What a PerformanceObserver says of a collection. */
interface Collection {
  readonly duration: number
  readonly detail?: unknown
}

const kindOf = ({ detail }: Collection) =>
  typeof detail === "object" && detail !== null && "kind" in detail
    ? (gcKinds[Number(detail.kind)] ?? "other")
    : "other"

const observeCollections = (onCollection: (collection: Collection) => void) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const observer = new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) onCollection(entry)
      })
      observer.observe({ entryTypes: ["gc"] })
      return observer
    }),
    (observer) => Effect.sync(() => observer.disconnect())
  )

/**
 * Figures of this process by the names of Prometheus' own clients: CPU, memory, handles, garbage collection, and how late
 * and how busy the event loop is. Read when they are scraped.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { counter, gauge, histogram } = yield* makeRegistrar
    const cpu = (part: "user" | "system") => () => process.cpuUsage()[part] / 1e6
    counter("process_cpu_user_seconds_total", "CPU time spent in this program", {}, cpu("user"))
    counter("process_cpu_system_seconds_total", "CPU time spent in the system for it", {}, cpu("system"))
    counter("process_cpu_seconds_total", "CPU time", {}, () => cpu("user")() + cpu("system")())
    gauge(
      "process_start_time_seconds",
      "When the process began, in seconds since 1970",
      {},
      () => performance.timeOrigin / 1000
    )
    gauge("process_resident_memory_bytes", "Memory held in RAM", {}, () => process.memoryUsage.rss())
    gauge("nodejs_heap_size_used_bytes", "Heap in use", {}, () => process.memoryUsage().heapUsed)
    gauge("nodejs_heap_size_total_bytes", "Heap reserved", {}, () => process.memoryUsage().heapTotal)
    gauge("nodejs_external_memory_bytes", "Memory of buffers", {}, () => process.memoryUsage().external)
    gauge(
      "nodejs_active_resources_total",
      "Handles and requests that keep the event loop alive",
      {},
      () => process.getActiveResourcesInfo().length
    )

    const delay = yield* EventLoopDelay.measure
    gauge("nodejs_eventloop_lag_mean_seconds", "How late the event loop is", {}, () => delay.mean() / 1000)
    gauge("nodejs_eventloop_lag_p99_seconds", "How late the event loop is", {}, () => delay.p99() / 1000)
    gauge("nodejs_eventloop_lag_max_seconds", "How late the event loop was at worst", {}, () => delay.max() / 1000)
    let before = performance.eventLoopUtilization()
    gauge("nodejs_eventloop_utilization", "Share of the time since the last scrape that the loop was busy", {}, () => {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, before)
      before = now
      return utilization
    })

    const collections = new Map<string, Tally>()
    yield* observeCollections((collection) => {
      const kind = kindOf(collection)
      let tally = collections.get(kind)
      if (tally === undefined) {
        const made = (tally = new Tally(gcBounds))
        collections.set(kind, made)
        histogram("nodejs_gc_duration_seconds", "Pauses for garbage collection", { kind }, () => made.state(1))
      }
      tally.add(collection.duration / 1000)
    })
  })
)
