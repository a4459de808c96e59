import { RiskListValueInvalid } from "@mall/domain/risk/RiskError"
import type { ListedKind } from "@mall/domain/risk/RiskRecord"
import { limitKey } from "@mall/platform/http/ClientAddress"
import { Result } from "effect"
import { isIP, isIPv4, isIPv6 } from "node:net"

/** What a check says of a network is one address, or the /64 of an IPv6 address. */
const network = (value: string) => {
  const [address = "", bits, ...rest] = value.split("/")
  if (rest.length > 0 || isIP(address) === 0 || address.startsWith("::ffff:")) return undefined
  const isWhole = bits === undefined || (isIPv4(address) && bits === "32") || (isIPv6(address) && bits === "64")
  return isWhole ? limitKey(address) : undefined
}

const uuid = (value: string) =>
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value) ? value.toLowerCase() : undefined

const kinds: {
  readonly [K in ListedKind]: { readonly write: (value: string) => string | undefined; readonly wanted: string }
} = {
  user: { write: uuid, wanted: "the id of a user" },
  device: { write: (value) => value, wanted: "a device" },
  network: { write: network, wanted: "an IPv4 address, an IPv6 address or the /64 of one" },
  card: { write: (value) => value, wanted: "a card" },
  merchant: { write: uuid, wanted: "the id of a merchant" },
  country: {
    write: (value) => (/^[a-z]{2}$/i.test(value) ? value.toUpperCase() : undefined),
    wanted: "a country of two letters, such as CN"
  }
}

/** `value` as checks write it, since they compare it as it is; what could never be met is refused. */
export const listedValue = (kind: ListedKind, value: string): Result.Result<string, RiskListValueInvalid> => {
  const { wanted, write } = kinds[kind]
  const written = write(value)
  return written === undefined ? Result.fail(new RiskListValueInvalid({ kind, wanted })) : Result.succeed(written)
}
