import { Context, Effect, Layer } from "effect"
import { EdgeConfig } from "../http/EdgeConfig.ts"
import { durationBounds, makeRegistrar, Tally } from "./Tally.ts"

/** Bytes. */
const sizes = [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000]

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
      const register = yield* makeRegistrar

      const ofRoute = (app: string, path: string) => {
        const durations = new Tally(durationBounds)
        register.histogram("http_server_requests_duration_ms", "Time to answer, in milliseconds", { app, path }, () =>
          durations.state(1000)
        )
        return { durations, series: new Map<string, Map<number, Series>>() }
      }

      const ofAnswer = (path: string, method: string, code: number): Series => {
        const labels = { method, path, status: String(code) }
        const [durations, requestSizes, responseSizes] = [new Tally(durationBounds), new Tally(sizes), new Tally(sizes)]
        register.counter(
          "http_requests_total",
          "Requests answered",
          { service: serviceName, ...labels },
          () => durations.count
        )
        register.histogram("http_request_duration_seconds", "Time to answer, in seconds", labels, () =>
          durations.state(1)
        )
        register.histogram("http_request_size_bytes", "Size of request bodies", labels, () => requestSizes.state(1))
        register.histogram("http_response_size_bytes", "Size of answers' bodies", labels, () => responseSizes.state(1))
        return { durations, requestSizes, responseSizes }
      }

      const routes = new Map<string, ReturnType<typeof ofRoute>>()

      return HttpMetrics.of({
        record: (path, method, status, durationMillis, bytesIn, bytesOut) => {
          let route = routes.get(path)
          if (route === undefined) routes.set(path, (route = ofRoute(serviceName, path)))
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
