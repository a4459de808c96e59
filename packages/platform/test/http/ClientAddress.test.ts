import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { limitKey, makeClientAddress } from "../../src/http/ClientAddress.ts"

describe("ClientAddress", () => {
  it.effect("reads the forwarded addresses from the right, past trusted proxies", () =>
    Effect.gen(function* () {
      const clients = yield* makeClientAddress(["10.0.0.0/8", "fd00::/8"])
      assert.strictEqual(clients.of("::ffff:10.0.0.1", "1.1.1.1, 2.2.2.2, 10.0.0.9"), "2.2.2.2")
      assert.strictEqual(clients.of("10.0.0.1", "10.0.0.7, 10.0.0.9"), "10.0.0.7")
      assert.strictEqual(clients.of("10.0.0.1", "2.2.2.2, nonsense, 10.0.0.9"), "10.0.0.9")
      assert.strictEqual(clients.of("fd00::1", "2001:db8::5"), "2001:db8::5")
      assert.strictEqual(clients.of("8.8.8.8", "1.1.1.1"), "8.8.8.8")
      assert.strictEqual(clients.of("::ffff:8.8.8.8", undefined), "8.8.8.8")
    })
  )

  it.effect("refuses what is no network", () =>
    Effect.gen(function* () {
      for (const network of ["proxy", "10.0.0.0/33", "10.0.0.0/x", "::/129", ""]) {
        const error = yield* Effect.flip(makeClientAddress([network]))
        assert.include(error.message, "TRUSTED_PROXIES")
      }
    })
  )

  it("counts a /64 of IPv6 as one client", () => {
    assert.strictEqual(limitKey("1.2.3.4"), "1.2.3.4")
    assert.strictEqual(limitKey("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64")
    assert.strictEqual(limitKey("2001:db8:1:2::1"), limitKey("2001:db8:1:2:ffff::9"))
    assert.strictEqual(limitKey("2001:db8::1"), "2001:db8:0:0::/64")
    assert.strictEqual(limitKey("::1"), "0:0:0:0::/64")
    assert.strictEqual(limitKey("2001:0DB8:0000:000a::1"), "2001:db8:0:a::/64")
    assert.strictEqual(limitKey("fe80::1%eth0"), "fe80:0:0:0::/64")
    assert.strictEqual(limitKey("::ffff:203.0.113.9"), "203.0.113.9")
  })
})
