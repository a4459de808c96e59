import { fromUri } from "@mall/domain/identity/ServiceName"
import type { ServiceName } from "@mall/domain/identity/ServiceName"
import { Option } from "effect"
import type { Socket } from "node:net"
import { TLSSocket } from "node:tls"

/** A client certificate that our authority signed. */
export interface PeerCertificate {
  /** Undefined where the certificate names no service, or more than one. */
  readonly service: ServiceName | undefined
}

/**
 * The services among the alternative names of a certificate, as Node writes them: `URI:spiffe://mall/payments, DNS:payments`.
 * Names that Node had to quote could look like several, so where there is one nothing is believed.
 */
const servicesIn = (names: string) =>
  names.includes('"')
    ? []
    : names.split(", ").flatMap((name) => (name.startsWith("URI:") ? Option.toArray(fromUri(name.slice(4))) : []))

/** What the client at the other end of `socket` proved when it connected; undefined where it showed no certificate. */
export const peerCertificateOf = (socket: Socket): PeerCertificate | undefined => {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return undefined
  const [service, ...others] = servicesIn(certificate.subjectAltName ?? "")
  return { service: others.length === 0 ? service : undefined }
}
