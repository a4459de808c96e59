import { Context } from "effect"
import type { PeerCertificate } from "./peerCertificate.ts"

/** What the edge knows of the request in hand. */
export class RequestInfo {
  readonly requestId: string
  readonly traceId: string
  readonly clientIp: string
  /** What limits count by: an address of IPv4, the /64 network of one of IPv6. */
  readonly limitKey: string
  /** What the caller's connection has proved by a client certificate; undefined where it has none. */
  readonly certificate: PeerCertificate | undefined
  /** Filled in once the caller has proved who they are. */
  userId: string | undefined = undefined

  constructor(requestId: string, traceId: string, clientIp: string, limitKey: string, certificate?: PeerCertificate) {
    this.requestId = requestId
    this.traceId = traceId
    this.clientIp = clientIp
    this.limitKey = limitKey
    this.certificate = certificate
  }
}

/** The request that this fiber serves; none in background work. */
export const CurrentRequest = Context.Reference<RequestInfo | undefined>("@mall/platform/http/CurrentRequest", {
  defaultValue: () => undefined
})
