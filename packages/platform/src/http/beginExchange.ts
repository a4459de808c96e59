import { Effect, Option, Tracer } from "effect"
import type { IncomingMessage } from "node:http"
import { performance } from "node:perf_hooks"
import { makeTraceId, parseTraceparent } from "../telemetry/traceContext.ts"
import { Tracing } from "../telemetry/Tracing.ts"
import { rootOf } from "../telemetry/UnsampledSpan.ts"
import { limitKey, makeClientAddress } from "./ClientAddress.ts"
import { EdgeConfig } from "./EdgeConfig.ts"
import type { Exchange } from "./Exchange.ts"
import { peerCertificateOf } from "./peerCertificate.ts"
import type { PeerCertificate } from "./peerCertificate.ts"
import { requestIdOf } from "./requestId.ts"
import { RequestInfo } from "./RequestInfo.ts"
import { makeIsAllowed } from "./ResponseHeaders.ts"

/** Paths of operators and orchestrators. */
export const quietPaths = { live: "/healthz", ready: "/readyz", metrics: "/metrics" } as const

const isQuiet = (path: string) =>
  path.length <= 8 && (path === quietPaths.live || path === quietPaths.ready || path === quietPaths.metrics)

const pathOf = (url: string) => {
  const query = url.indexOf("?")
  return query === -1 ? url : url.slice(0, query)
}

interface Peer {
  readonly address: string
  readonly limitKey: string
  readonly isProxy: boolean
  readonly certificate: PeerCertificate | undefined
}

/** Reads off a request, once and for all, what the edge needs of it. */
export const makeBegin = Effect.gen(function* () {
  const config = yield* EdgeConfig
  const tracing = yield* Tracing
  const clients = yield* makeClientAddress(config.trustedProxies)
  const isAllowed = config.corsOrigins.length === 0 ? undefined : makeIsAllowed(config)

  // A connection stays with its peer, and asking the system for the address costs more than all the rest here.
  const peers = new WeakMap<object, Peer>()
  const peerOf = (source: IncomingMessage) => {
    const known = peers.get(source.socket)
    if (known !== undefined) return known
    const remote = source.socket.remoteAddress ?? "0.0.0.0"
    const address = clients.of(remote, undefined)
    const peer = {
      address,
      limitKey: limitKey(address),
      isProxy: clients.isProxy(remote),
      certificate: peerCertificateOf(source.socket)
    }
    peers.set(source.socket, peer)
    return peer
  }

  return (source: IncomingMessage): Exchange => {
    const headers = source.headers
    const path = pathOf(source.url ?? "/")
    const quiet = isQuiet(path)

    const peer = peerOf(source)
    const forwarded = peer.isProxy ? headers["x-forwarded-for"] : undefined
    const clientIp = forwarded === undefined ? peer.address : clients.of(peer.address, String(forwarded))
    const key = clientIp === peer.address ? peer.limitKey : limitKey(clientIp)

    const traceparent = headers["traceparent"]
    const parent = typeof traceparent === "string" ? parseTraceparent(traceparent) : undefined
    const traceId = parent?.traceId ?? makeTraceId()
    const recorded = !quiet && tracing.isSampled(traceId, parent) ? tracing.begin(traceId, parent) : undefined

    const given = headers["x-request-id"]
    const requestId = requestIdOf(typeof given === "string" ? given : undefined)
    const origin = headers.origin
    return {
      source,
      path,
      info: new RequestInfo(requestId, traceId, clientIp, key, peer.certificate),
      startedAt: performance.now(),
      isQuiet: quiet,
      isEncrypted: "encrypted" in source.socket || (peer.isProxy && headers["x-forwarded-proto"] === "https"),
      origin: isAllowed !== undefined && origin !== undefined && isAllowed(origin) ? origin : undefined,
      span:
        recorded?.span ??
        rootOf(traceId, parent === undefined ? Option.none() : Option.some(Tracer.externalSpan(parent))),
      recorded,
      isAdmitted: false,
      limitHeaders: undefined
    }
  }
})
