import { Context, Effect, Layer, Metric } from "effect"
import { EdgeConfig } from "../http/EdgeConfig.ts"

/** Seconds. The documents ask for 0.1 and up; answers of this server need finer ones below. */
const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 2, 5, 10]
/** Bytes. */
const sizes = [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000]

/** A histogram that is only turned into Effect's shape when it is read. */
class Tally {
  count = 0
  sum = 0
  min = Number.MAX_VALUE
  max = -Number.MAX_VALUE
  private readonly bounds: ReadonlyArray<number>
  private readonly below: Float64Array

  constructor(bounds: ReadonlyArray<number>) {
    this.bounds = bounds
    this.below = new Float64Array(bounds.length + 1)
  }

  add(value: number) {
    const bounds = this.bounds
    let i = 0
    while (i < bounds.length && value > bounds[i]!) i++
    this.below[i]!++
    this.count++
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
  }

  /** `scale` turns the unit it was counted in into another. */
  state(scale: number): Metric.HistogramState {
    let cumulative = 0
    return {
      buckets: this.bounds.map((bound, i) => [bound * scale, (cumulative += this.below[i]!)]),
      count: this.count,
      min: this.min * scale,
      max: this.max * scale,
      sum: this.sum * scale
    }
  }
}

const histogram = (name: string, description: string, attributes: Record<string, string>) =>
  Metric.histogram(name, { description, attributes, boundaries: [] })
const counter = (name: string, description: string, attributes: Record<string, string>) =>
  Metric.counter(name, { description, attributes, incremental: true })

const noop = () => {}

/** The series of one route, method and status; a request adds to plain numbers, a scrape reads them. */
interface Series {
  readonly durations: Tally
  readonly requestSizes: Tally
  readonly responseSizes: Tally
}

/**
 * The HTTP metrics by the names that dashboards know. `path` is the route's template, so that there are as many series as
 * routes, and `unmatched` for what no route answered.
 */
export class HttpMetrics extends Context.Service<
  HttpMetrics,
  {
    /** Sizes are bytes; one that is not known (a chunked body) is left out. */
    record(
      route: string,
      method: string,
      status: number,
      durationMillis: number,
      bytesIn: number | undefined,
      bytesOut: number | undefined
    ): void
  }
>()("@mall/platform/telemetry/HttpMetrics") {
  static readonly layer = Layer.effect(
    HttpMetrics,
    Effect.gen(function* () {
      const { serviceName } = yield* EdgeConfig
      const context = yield* Effect.context<never>()
      const register = <I, S>(metric: Metric.Metric<I, S>, get: () => S) =>
        Metric.registerUnsafe(metric, context, { get, update: noop, modify: noop })

      const ofRoute = (path: string) => {
        const durationsOfRoute = new Tally(durations)
        register(
          histogram("http_server_requests_duration_ms", "Time to answer, in milliseconds", { app: serviceName, path }),
          () => durationsOfRoute.state(1000)
        )
        return { durations: durationsOfRoute, series: new Map<string, Map<number, Series>>() }
      }

      const ofAnswer = (path: string, method: string, code: number): Series => {
        const series = {
          durations: new Tally(durations),
          requestSizes: new Tally(sizes),
          responseSizes: new Tally(sizes)
        }
        const labels = { method, path, status: String(code) }
        register(counter("http_requests_total", "Requests answered", { service: serviceName, ...labels }), () => ({
          count: series.durations.count,
          incremental: true
        }))
        register(histogram("http_request_duration_seconds", "Time to answer, in seconds", labels), () =>
          series.durations.state(1)
        )
        register(histogram("http_request_size_bytes", "Size of request bodies", labels), () =>
          series.requestSizes.state(1)
        )
        register(histogram("http_response_size_bytes", "Size of answers' bodies", labels), () =>
          series.responseSizes.state(1)
        )
        return series
      }

      const routes = new Map<string, ReturnType<typeof ofRoute>>()

      return HttpMetrics.of({
        record: (path, method, status, durationMillis, bytesIn, bytesOut) => {
          let route = routes.get(path)
          if (route === undefined) routes.set(path, (route = ofRoute(path)))
          let statuses = route.series.get(method)
          if (statuses === undefined) route.series.set(method, (statuses = new Map()))
          let series = statuses.get(status)
          if (series === undefined) statuses.set(status, (series = ofAnswer(path, method, status)))
          const seconds = durationMillis / 1000
          route.durations.add(seconds)
          series.durations.add(seconds)
          if (bytesIn !== undefined) series.requestSizes.add(bytesIn)
          if (bytesOut !== undefined) series.responseSizes.add(bytesOut)
        }
      })
    })
  )
}
