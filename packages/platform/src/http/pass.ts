import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { InternalError, Overloaded, UnsupportedMediaType } from "@mall/domain/kernel/EdgeError"
import { Cause, Context, Effect, Exit, References, Scope, Tracer } from "effect"
import type { Fiber } from "effect"
import { HttpRouter, HttpServerError, HttpServerRequest } from "effect/http"
import type { HttpServerResponse } from "effect/http"
import type { IncomingMessage } from "node:http"
import { makeAdmit } from "./admission.ts"
import { makeBegin } from "./beginExchange.ts"
import { EdgeConfig } from "./EdgeConfig.ts"
import { bytesInOf, underWay } from "./Exchange.ts"
import type { Exchange } from "./Exchange.ts"
import { Load } from "./Load.ts"
import { readCause, toResponse } from "./problems.ts"
import { CurrentRequest } from "./RequestInfo.ts"
import { RouteTable } from "./RouteTable.ts"
import { makeDress, makeRecord } from "./settle.ts"
import { withStrictText } from "./strictText.ts"
import { answerUnrouted } from "./unrouted.ts"

type Response = HttpServerResponse.HttpServerResponse
type App = Effect.Effect<Response, unknown, HttpServerRequest.HttpServerRequest | Scope.Scope>

/** The route of requests that were turned away or that nothing serves: one label, whatever they asked for. */
const unmatched = "unmatched"

/** What clients that went away are counted as; nobody is answered this. */
const clientClosed = 499

const isUnrouted = (cause: Cause.Cause<unknown>) =>
  cause.reasons.some(
    (reason) =>
      Cause.isFailReason(reason) &&
      HttpServerError.isHttpServerError(reason.error) &&
      reason.error.reason._tag === "RouteNotFound"
  )

const isAborted = (cause: Cause.Cause<unknown>) =>
  cause.reasons.some((reason) => reason.annotations.has(HttpServerError.ClientAbort.key))

const isUnreadableType = (response: Response) =>
  response.status === 415 && response.headers["content-type"]?.startsWith("text/plain") === true

const sizeOf = (body: Response["body"]) => (body._tag === "Uint8Array" ? body.contentLength : 0)

/**
 * The one pass that every request makes: it is let in or turned away, gets its ids, limits and span, runs, and its answer
 * is completed, counted and logged. All of it is one step around `app`, as a stack of middlewares would cost more than the
 * work of a small answer does.
 */
export const makePass = Effect.gen(function* () {
  const { maxBody } = yield* EdgeConfig
  const load = yield* Load
  const table = yield* RouteTable
  const begin = yield* makeBegin
  const admit = yield* makeAdmit
  const dress = yield* makeDress
  const record = yield* makeRecord

  /** The last step. Whatever runs on after it (a body that streams) is counted when the request's scope closes. */
  const settle = (fiber: Fiber.Fiber<unknown, unknown>, exchange: Exchange, route: string, answer: Response) => {
    const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
    const response = dress(NodeHttpServerRequest.toServerResponse(request), exchange, answer)
    const { body, status } = response
    if (body._tag === "Stream" || body._tag === "Raw") {
      const scope = Context.getUnsafe(fiber.context, Scope.Scope)
      const done = Effect.sync(() => {
        load.inFlight--
        record(exchange, route, status, body.contentLength)
      })
      return Effect.as(Scope.addFinalizer(scope, done), response)
    }
    load.inFlight--
    record(exchange, route, status, exchange.source.method === "HEAD" ? 0 : sizeOf(body))
    return Exit.succeed(response)
  }

  const answerCause = Effect.fnUntraced(function* (exchange: Exchange, route: string, cause: Cause.Cause<unknown>) {
    if (isUnrouted(cause)) return yield* answerUnrouted(table, exchange)
    const reading = readCause(cause, maxBody)
    if (reading.kind === "problem") return yield* toResponse(reading.problem)
    if (reading.kind === "defect") {
      yield* Effect.logError(`Defect in ${exchange.source.method} ${route}`, cause)
      return yield* toResponse(new InternalError({ traceId: exchange.info.traceId }))
    }
    // This process is about to end and could wait no longer.
    if (Cause.hasInterruptsOnly(cause)) return yield* toResponse(new Overloaded({ retryAfterSeconds: 1 }))
    const [response] = yield* HttpServerError.causeResponse(cause)
    return response
  })

  return (app: App): App =>
    Effect.withFiber((fiber) => {
      const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
      // HTTP/2 ends at the gateway, so that this is always Node's own HTTP/1.1 message.
      const source = NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage
      const exchange = underWay.get(source) ?? begin(source)
      const refusal = exchange.isAdmitted ? undefined : admit(exchange)
      load.inFlight++
      if (refusal !== undefined) {
        return Effect.flatMapEager(refusal, (response) => settle(fiber, exchange, unmatched, response))
      }

      const { info } = exchange
      const { context } = fiber
      const read =
        bytesInOf(source) === 0
          ? context
          : Context.add(context, HttpServerRequest.HttpServerRequest, withStrictText(request))
      fiber.setContext(
        Context.add(
          Context.add(Context.add(read, CurrentRequest, info), References.CurrentLogAnnotations, {
            requestId: info.requestId,
            traceId: info.traceId
          }),
          Tracer.ParentSpan,
          exchange.span
        )
      )
      // The router leaves the route it took in the fiber's context.
      const routeOf = () => {
        const context = Context.getOrUndefined(fiber.context, HttpRouter.RouteContext)
        return context === undefined ? unmatched : context.route.path
      }
      return Effect.matchCauseEffect(app, {
        onSuccess: (response) =>
          isUnreadableType(response)
            ? Effect.flatMap(
                toResponse(new UnsupportedMediaType({ contentType: exchange.source.headers["content-type"] ?? "" })),
                (problem) => settle(fiber, exchange, routeOf(), problem)
              )
            : settle(fiber, exchange, routeOf(), response),
        onFailure: (cause) => {
          const route = routeOf()
          if (isAborted(cause)) {
            load.inFlight--
            record(exchange, route, clientClosed, undefined)
            return Effect.failCause(cause)
          }
          return Effect.flatMap(answerCause(exchange, route, cause), (response) =>
            settle(fiber, exchange, route, response)
          )
        }
      })
    })
})
