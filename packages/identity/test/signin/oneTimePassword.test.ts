import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import { enrolmentOf, normalRecoveryCode, recoveryCodeOf, stepOf } from "../../src/signin/oneTimePassword.ts"

/** The secret of RFC 6238, appendix B, for SHA-1. */
const secret = new TextEncoder().encode("12345678901234567890")

/** Seconds since the epoch and the password, of which authenticators show the last six digits of the RFC's eight. */
const vectors = [
  [59, "94287082"],
  [1_111_111_109, "07081804"],
  [1_111_111_111, "14050471"],
  [1_234_567_890, "89005924"],
  [2_000_000_000, "69279037"],
  [20_000_000_000, "65353130"]
] as const

describe("one-time passwords", () => {
  it("are those of RFC 6238, and say the step they belong to", () => {
    for (const [seconds, password] of vectors) {
      const step = stepOf(secret, Redacted.make(password.slice(2)), new Date(seconds * 1000))
      assert.strictEqual(step, Math.floor(seconds / 30), String(seconds))
    }
  })

  it("are good one step early or late, under the step they were made for, and no further", () => {
    const made = 1_111_111_109
    const password = Redacted.make("081804")
    const step = Math.floor(made / 30)
    assert.strictEqual(stepOf(secret, password, new Date((made - 30) * 1000)), step)
    assert.strictEqual(stepOf(secret, password, new Date((made + 30) * 1000)), step)
    assert.isUndefined(stepOf(secret, password, new Date((made + 60) * 1000)))
    assert.isUndefined(stepOf(secret, password, new Date((made - 60) * 1000)))
    assert.isUndefined(stepOf(secret, Redacted.make("081805"), new Date(made * 1000)))
  })

  it("are set up by an address that authenticators read", () => {
    const { secret: text, uri } = enrolmentOf(secret, { issuer: "Mall", label: "ann@mall.test" })
    assert.strictEqual(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    assert.strictEqual(
      uri,
      `otpauth://totp/Mall:ann%40mall.test?issuer=Mall&secret=${text}&algorithm=SHA1&digits=6&period=30`
    )
  })

  it("have recovery codes that are read whatever their case and hyphens", () => {
    const code = recoveryCodeOf(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]))
    assert.match(code, /^[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}$/)
    assert.strictEqual(normalRecoveryCode(Redacted.make(code.toUpperCase())), code.replaceAll("-", ""))
  })
})
