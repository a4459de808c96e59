import { parseNetwork } from "@mall/domain/kernel/IpNetwork"
import { RiskListValueInvalid } from "@mall/domain/risk/RiskError"
import type { ListedKind } from "@mall/domain/risk/RiskRecord"
import { limitKey } from "@mall/platform/http/ClientAddress"
import { Result } from "effect"

/** What a check says of a network is one address, or the /64 of an IPv6 address. */
const network = (value: string) => {
  const parsed = parseNetwork(value)
  if (parsed === undefined) return undefined
  const isOneClient = parsed.prefix === parsed.width || (parsed.width === 128 && parsed.prefix === 64)
  return isOneClient ? limitKey(value.replace(/\/.*$/, "")) : undefined
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
