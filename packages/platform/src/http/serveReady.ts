import { Context, Effect, Exit } from "effect"
import type { ServerResponse } from "node:http"
import { makeAdmit } from "./admission.ts"
import { makeBegin } from "./beginExchange.ts"
import { underWay } from "./Exchange.ts"
import type { Exchange } from "./Exchange.ts"
import { Load } from "./Load.ts"
import { RateLimits } from "./RateLimits.ts"
import { ReadyAnswers } from "./ReadyAnswers.ts"
import type { ReadyAnswer, Serve } from "./ReadyAnswers.ts"
import { makeDress, makeRecord } from "./settle.ts"

/**
 * The pass of a request whose answer is ready. Whatever is not plainly that (a body, a condition, a sampled trace, a
 * limit that is used up, an answer that is not at hand) makes the whole pass, with what is known of it by now.
 */
export const makeServeReady = Effect.gen(function* () {
  const load = yield* Load
  const limits = yield* RateLimits
  const ready = yield* ReadyAnswers
  const begin = yield* makeBegin
  const admit = yield* makeAdmit
  const dress = yield* makeDress
  const record = yield* makeRecord

  const send = (out: ServerResponse, exchange: Exchange, route: string, { response, userId }: ReadyAnswer) => {
    const { body, headers, status } = response
    if (body._tag !== "Uint8Array") return false
    if (userId !== undefined) {
      if (!limits.user.take(userId, exchange.startedAt).allowed) return false
      exchange.info.userId = userId
    }
    dress(out, exchange, response)
    out.writeHead(status, headers)
    out.end(body.text ?? body.body)
    record(exchange, route, status, body.contentLength)
    return true
  }

  return (context: Context.Context<never>): Serve => {
    const run = Effect.runForkWith(context)
    return (source, out, otherwise) => {
      const { headers, method, url = "" } = source
      const mark = url.indexOf("?")
      const path = mark === -1 ? url : url.slice(0, mark)
      const endpoint = method === "GET" ? ready.of(path) : undefined
      if (
        endpoint === undefined ||
        headers["if-none-match"] !== undefined ||
        headers["content-length"] !== undefined ||
        headers["transfer-encoding"] !== undefined
      ) {
        return otherwise()
      }
      const exchange = begin(source)
      const goOn = () => {
        underWay.set(source, exchange)
        otherwise()
      }
      if (exchange.recorded !== undefined || admit(exchange) !== undefined) return goOn()
      exchange.isAdmitted = true

      load.inFlight++
      const finish = (exit: Exit.Exit<ReadyAnswer | undefined>) => {
        load.inFlight--
        if (Exit.isFailure(exit) || exit.value === undefined || !send(out, exchange, endpoint.route, exit.value)) {
          goOn()
        }
      }
      const target = { last: path.slice(path.lastIndexOf("/") + 1), query: mark === -1 ? "" : url.slice(mark + 1) }
      const fiber = run(endpoint.find(source, target))
      const exit = fiber.pollUnsafe()
      if (exit === undefined) fiber.addObserver(finish)
      else finish(exit)
    }
  }
})
