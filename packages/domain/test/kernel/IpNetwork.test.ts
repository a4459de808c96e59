import { assert, describe, it } from "@effect/vitest"
import { contains, formatNetwork, parseAddress, parseNetwork } from "../../src/kernel/IpNetwork.ts"

const written = (text: string) => {
  const network = parseNetwork(text)
  return network === undefined ? undefined : formatNetwork(network)
}

const holds = (network: string, address: string) => {
  const [parsed, ip] = [parseNetwork(network), parseAddress(address)]
  return parsed !== undefined && ip !== undefined && contains(parsed, ip)
}

describe("IpNetwork", () => {
  it("writes one network in one way, however it came", () => {
    assert.strictEqual(written("203.0.113.7"), "203.0.113.7/32")
    assert.strictEqual(written("203.0.113.7/24"), "203.0.113.0/24")
    assert.strictEqual(written("2001:DB8::1/32"), "2001:db8:0:0:0:0:0:0/32")
    assert.strictEqual(written("::1"), "0:0:0:0:0:0:0:1/128")
    assert.strictEqual(written("::ffff:203.0.113.7"), "203.0.113.7/32")
    assert.strictEqual(written("::ffff:203.0.113.7/120"), "203.0.113.0/24")
    assert.strictEqual(written("0.0.0.0/0"), "0.0.0.0/0")
  })

  it("refuses what is no address", () => {
    const wrong = [
      ...["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/a", "1.2.3.4/1/2"],
      ...["1.2.3.4/-1", ":::", "1::2::3", "12345::", "g::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1/129"],
      ...["::ffff:1.2.3.4/90", "1.2.3.4/024", " 1.2.3.4", "1.2.3.4\n", "1".repeat(1_000)]
    ]
    assert.deepStrictEqual(
      wrong.filter((text) => parseNetwork(text) !== undefined),
      []
    )
  })

  it("knows what is in it, at its edges, and never across families", () => {
    assert.isTrue(holds("203.0.113.0/24", "203.0.113.255"))
    assert.isFalse(holds("203.0.113.0/24", "203.0.114.0"))
    assert.isFalse(holds("203.0.113.0/24", "203.0.112.255"))
    assert.isTrue(holds("2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"))
    assert.isFalse(holds("2001:db8::/32", "2001:db9::"))
    assert.isTrue(holds("203.0.113.0/24", "::ffff:203.0.113.9"))
    assert.isFalse(holds("::/16", "0.0.0.1"))
    assert.isTrue(holds("fe80::/64", "fe80::1%eth0"))
  })
})
