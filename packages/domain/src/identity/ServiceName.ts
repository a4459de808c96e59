import { Option, Schema } from "effect"

const name = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/

/** A program of ours that calls another or is called: `mall`, `payments`. */
export const ServiceName = Schema.String.check(
  Schema.isMaxLength(40),
  Schema.isPattern(name, { message: "must be words of small letters and digits, such as order-export" })
).pipe(Schema.brand("ServiceName"), Schema.annotate({ identifier: "ServiceName" }))
export type ServiceName = typeof ServiceName.Type

/** The pay platform. */
export const payments = ServiceName.make("payments")

const prefix = "spiffe://mall/"
const decode = Schema.decodeUnknownOption(ServiceName)

/** The name as certificates hold it, among the alternative names of their subject (a SPIFFE id). */
export const toUri = (service: ServiceName) => `${prefix}${service}`

/** None where `uri` names no service. */
export const fromUri = (uri: string): Option.Option<ServiceName> =>
  uri.startsWith(prefix) ? decode(uri.slice(prefix.length)) : Option.none()
