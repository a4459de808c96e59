import { CallerBlocked, Overloaded, PayloadTooLarge } from "@mall/domain/kernel/EdgeError"
import { ByteSize, Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { EdgeConfig } from "./EdgeConfig.ts"
import { bytesInOf } from "./Exchange.ts"
import type { Exchange } from "./Exchange.ts"
import { Gate } from "./Gate.ts"
import { Load } from "./Load.ts"
import { toResponse } from "./problems.ts"
import { RateLimits } from "./RateLimits.ts"
import { refuse } from "./refuse.ts"
import { preflightHeaders } from "./ResponseHeaders.ts"

type Response = HttpServerResponse.HttpServerResponse

/** The load is looked at twice a second, so that earlier makes no sense. */
const retryAfterSeconds = 1

/**
 * Turns away, before any work is done for it, a request of somebody who is blocked, one that is one too many or too large,
 * and answers preflights. `undefined` lets it in. Costs nothing but a look at the lists and the client's bucket.
 */
export const makeAdmit = Effect.gen(function* () {
  const isLetIn = yield* Gate
  const load = yield* Load
  const { ip } = yield* RateLimits
  const maxBody = ByteSize.toNumberUnsafe((yield* EdgeConfig).maxBody)
  const limit = String(ip.burst)

  const overloaded = Effect.map(
    toResponse(new Overloaded({ retryAfterSeconds })),
    HttpServerResponse.setHeader("retry-after", String(retryAfterSeconds))
  )
  const blocked = toResponse(new CallerBlocked({}))
  const tooLarge = toResponse(new PayloadTooLarge({ limit: maxBody }))

  return (exchange: Exchange): Effect.Effect<Response> | undefined => {
    if (exchange.isQuiet) return undefined
    const { headers, method } = exchange.source
    const deviceId = headers["x-device-id"]
    if (!isLetIn(exchange.info.clientIp, typeof deviceId === "string" ? deviceId : undefined)) return blocked
    if (load.inFlight >= load.maxInFlight || load.lagging) return overloaded

    const bucket = ip.take(exchange.info.limitKey, exchange.startedAt)
    if (!bucket.allowed) {
      return refuse({
        allowed: false,
        limit: ip.burst,
        remaining: 0,
        resetSeconds: ip.resetSeconds(bucket),
        retryAfterSeconds: ip.retryAfterSeconds(bucket)
      })
    }
    exchange.limitHeaders = [
      "ratelimit-limit",
      limit,
      "ratelimit-remaining",
      String(Math.floor(bucket.tokens)),
      "ratelimit-reset",
      String(ip.resetSeconds(bucket))
    ]

    const bytesIn = bytesInOf(exchange.source)
    if (bytesIn !== undefined && bytesIn > maxBody) return tooLarge

    if (method === "OPTIONS" && exchange.origin !== undefined && "access-control-request-method" in headers) {
      const requested = headers["access-control-request-headers"]
      return Effect.succeed(HttpServerResponse.empty({ status: 204, headers: preflightHeaders(requested) }))
    }
    return undefined
  }
})
