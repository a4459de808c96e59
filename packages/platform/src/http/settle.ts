import { Clock, Effect, LogLevel, References } from "effect"
import { HttpBody, HttpServerResponse, ProblemDetails } from "effect/http"
import { performance } from "node:perf_hooks"
import { CallerCounts } from "../alerts/CallerCounts.ts"
import { HttpMetrics } from "../telemetry/HttpMetrics.ts"
import { LineWriter } from "../telemetry/LineWriter.ts"
import { accessLine, shownPath } from "./accessLine.ts"
import { EdgeConfig } from "./EdgeConfig.ts"
import { EdgeResponse } from "./EdgeResponse.ts"
import { bytesInOf, isAuthenticated } from "./Exchange.ts"
import type { Exchange } from "./Exchange.ts"
import { Load } from "./Load.ts"
import { addCors, addSecurity } from "./ResponseHeaders.ts"

type Response = HttpServerResponse.HttpServerResponse

/** Problem bodies are flat objects made here, so that the trace id can be put in front of their last brace. */
const withTraceId = (response: Response, traceId: string): Response => {
  const body = response.body
  if (body._tag !== "Uint8Array" || !body.contentType.startsWith(ProblemDetails.contentType)) return response
  const text = body.text ?? Buffer.from(body.body).toString()
  if (!text.endsWith("}") || text.includes('"traceId":')) return response
  const traced = `${text.slice(0, -1)}${text === "{}" ? "" : ","}"traceId":"${traceId}"}`
  return HttpServerResponse.setBody(response, HttpBody.text(traced, body.contentType))
}

/** A page that says nothing of its own about what may run on it. */
const isPage = ({ headers }: Response) =>
  headers["content-type"]?.startsWith("text/html") === true && headers["content-security-policy"] === undefined

/** Completes an answer with the headers every answer has. */
export const makeDress = Effect.gen(function* () {
  const load = yield* Load
  const hasCors = (yield* EdgeConfig).corsOrigins.length > 0

  return (out: object, exchange: Exchange, answer: Response): Response => {
    const { info, isEncrypted, limitHeaders, origin, source } = exchange
    const response = answer.status >= 400 ? withTraceId(answer, info.traceId) : answer
    const headers = ["x-request-id", info.requestId, "x-trace-id", info.traceId]
    addSecurity(headers, { isPage: isPage(response), isEncrypted })
    if (origin !== undefined) addCors(headers, origin)
    if (hasCors) headers.push("vary", "Origin")
    if (response.headers["cache-control"] === undefined && isAuthenticated(source)) {
      headers.push("cache-control", "no-store")
    }
    if (limitHeaders !== undefined && response.headers["ratelimit-limit"] === undefined) headers.push(...limitHeaders)
    if (load.draining) headers.push("connection", "close")

    if (out instanceof EdgeResponse) {
      out.edgeHeaders = headers
      return response
    }
    const pairs: Array<readonly [string, string]> = []
    for (let i = 0; i < headers.length; i += 2) pairs.push([headers[i] ?? "", headers[i + 1] ?? ""])
    return HttpServerResponse.setHeaders(response, pairs)
  }
})

const never = Number.POSITIVE_INFINITY

/** The statuses that `LOG_LEVEL` lets through: answers from 500 on are warnings, all others information. */
const lowestLogged = (level: LogLevel.LogLevel) =>
  LogLevel.isGreaterThan(level, "Warn") ? never : LogLevel.isGreaterThan(level, "Info") ? 500 : 0

/** Counts, logs and ends the span of what was answered. Called once for each request, when its last byte is handed over. */
export const makeRecord = Effect.gen(function* () {
  const config = yield* EdgeConfig
  const metrics = yield* HttpMetrics
  const callers = yield* CallerCounts
  const writer = yield* LineWriter
  const clock = yield* Clock.Clock
  const level = yield* References.MinimumLogLevel
  const logsFrom = config.accessLog ? lowestLogged(level) : never

  return (exchange: Exchange, route: string, status: number, bytesOut: number | undefined) => {
    const { info, isQuiet, recorded, source, startedAt } = exchange
    const path = shownPath(exchange.path)
    const method = source.method ?? "GET"
    const durationMillis = performance.now() - startedAt
    const bytesIn = bytesInOf(source)
    metrics.record(route, method, status, durationMillis, bytesIn, bytesOut)
    callers.record(route, status, info)
    if (!isQuiet && status >= logsFrom) {
      writer.write(
        accessLine(clock.currentTimeMillisUnsafe(), {
          info,
          method,
          route,
          path,
          status,
          durationMillis,
          bytesIn,
          bytesOut
        })
      )
    }
    recorded?.end(`${method} ${route}`, status, {
      "http.request.method": method,
      "http.route": route,
      "http.response.status_code": status,
      "url.path": path,
      "url.scheme": exchange.isEncrypted ? "https" : "http",
      "client.address": info.clientIp,
      "user_agent.original": source.headers["user-agent"],
      "enduser.id": info.userId,
      "mall.request_id": info.requestId
    })
  }
})
