import type { IpAddress, IpNetwork } from "@mall/domain/kernel/IpNetwork"

interface Entry {
  /** Milliseconds; infinite where the block has no end. */
  readonly until: number
}

/**
 * Networks by their prefix: whether an address is in one costs a look-up for each length of prefix that occurs (33 of IPv4
 * and 129 of IPv6 at most), however many networks there are.
 */
export class NetworkSet {
  readonly #byPrefix = { 32: new Map<number, Map<bigint, Entry>>(), 128: new Map<number, Map<bigint, Entry>>() }

  set({ base, prefix, width }: IpNetwork, until: number) {
    const all = this.#byPrefix[width]
    const networks = all.get(prefix) ?? new Map<bigint, Entry>()
    all.set(prefix, networks.set(base >> BigInt(width - prefix), { until }))
  }

  delete({ base, prefix, width }: IpNetwork) {
    const all = this.#byPrefix[width]
    const networks = all.get(prefix)
    networks?.delete(base >> BigInt(width - prefix))
    if (networks?.size === 0) all.delete(prefix)
  }

  has({ value, width }: IpAddress, nowMillis: number): boolean {
    for (const [prefix, networks] of this.#byPrefix[width]) {
      const entry = networks.get(value >> BigInt(width - prefix))
      if (entry !== undefined && nowMillis < entry.until) return true
    }
    return false
  }

  get isEmpty() {
    return this.#byPrefix[32].size === 0 && this.#byPrefix[128].size === 0
  }
}
