import { parseAddress } from "@mall/domain/kernel/IpNetwork"
import { Effect, Schema } from "effect"
import { BlockList, isIP, isIPv6 } from "node:net"

/** `TRUSTED_PROXIES` names something that is neither an address nor a network in CIDR form. */
class InvalidNetwork extends Schema.TaggedError<InvalidNetwork>()("InvalidNetwork", { network: Schema.String }) {
  override get message() {
    return `TRUSTED_PROXIES: ${this.network} is neither an address nor a network such as 10.0.0.0/8`
  }
}

const family = (address: string) => (isIPv6(address) ? "ipv6" : "ipv4")

const plain = (address: string) =>
  address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address

/** One customer of an IPv6 provider holds a whole /64, so that is what counts as one client, however its address is written. */
export const limitKey = (address: string) => {
  if (!isIPv6(address)) return address
  const parsed = parseAddress(plain(address))
  if (parsed?.width !== 128) return plain(address)
  const groups = [112n, 96n, 80n, 64n].map((shift) => ((parsed.value >> shift) & 0xffffn).toString(16))
  return `${groups.join(":")}::/64`
}

/**
 * Finds the client behind a connection. `X-Forwarded-For` is believed only from proxies in `trusted` (addresses or CIDR
 * networks), and read from its right end: the first address that is no trusted proxy is the client.
 */
export const makeClientAddress = Effect.fnUntraced(function* (trusted: ReadonlyArray<string>) {
  const proxies = new BlockList()
  for (const network of trusted) {
    const [address = "", prefix] = network.split("/")
    if (isIP(address) === 0) return yield* new InvalidNetwork({ network })
    const widest = isIPv6(address) ? 128 : 32
    const bits = prefix === undefined ? widest : Number(prefix)
    if (!Number.isInteger(bits) || bits < 0 || bits > widest) return yield* new InvalidNetwork({ network })
    proxies.addSubnet(address, bits, family(address))
  }
  const isProxy = (address: string) => trusted.length > 0 && proxies.check(address, family(address))

  return {
    isProxy: (peer: string) => isProxy(plain(peer)),
    /** `peer` is the other end of the socket. */
    of: (peer: string, forwardedFor: string | undefined) => {
      const near = plain(peer)
      if (forwardedFor === undefined || !isProxy(near)) return near
      let client = near
      for (const text of forwardedFor.split(",").toReversed()) {
        const hop = plain(text.trim())
        if (isIP(hop) === 0) return client
        client = hop
        if (!isProxy(hop)) return client
      }
      return client
    }
  }
})
