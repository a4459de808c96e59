import { assert, it } from "@effect/vitest"
import { networkOf } from "../../src/signin/networkOf.ts"

it("an IPv4 address stands for itself, also when it comes mapped into IPv6", () => {
  assert.strictEqual(networkOf("203.0.113.7"), "203.0.113.7")
  assert.strictEqual(networkOf("::ffff:203.0.113.7"), "203.0.113.7")
})

it("an IPv6 address stands for its /64, however it is written", () => {
  for (const ip of ["2001:db8:0:2::1", "2001:0db8:0000:0002:aaaa:bbbb:cccc:dddd", "2001:DB8::2:0:0:0:9"]) {
    assert.strictEqual(networkOf(ip), "2001:db8:0:2::/64")
  }
  assert.strictEqual(networkOf("::1"), "0:0:0:0::/64")
  assert.strictEqual(networkOf("fe80::1%eth0"), "fe80:0:0:0::/64")
})

it("what is no address stands for itself", () => {
  assert.strictEqual(networkOf("unknown"), "unknown")
})
