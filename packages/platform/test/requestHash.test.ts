import { assert, describe, it } from "@effect/vitest"
import { createHash, createSecretKey, randomBytes } from "node:crypto"
import { requestHash } from "../src/requestHash.ts"
import { keyedDigest } from "../src/sealing/blindIndex.ts"

const [older, newer] = [createSecretKey(randomBytes(32)), createSecretKey(randomBytes(32))]
const ring = { currentId: "k2", byId: new Map(Object.entries({ k2: newer, k1: older })) }

/** Counts what it digests. */
const counted = () => {
  const digestOf = keyedDigest(ring, "requests")
  const asked: Array<string> = []
  const counting: typeof digestOf = (keyId, ...pieces) => {
    asked.push(keyId)
    return digestOf(keyId, ...pieces)
  }
  return { asked, counting }
}
const pieces = ["POST /codes\n", new TextEncoder().encode(`{"email":"ann@mall.test"}`)]
const others = ["POST /codes\n", new TextEncoder().encode(`{"email":"bea@mall.test"}`)]

describe("requestHash", () => {
  it("is of the same request under every key that is here, and of no other request", () => {
    const digestOf = keyedDigest(ring, "requests")
    const former = requestHash(digestOf, "k1", pieces)
    const now = requestHash(digestOf, "k2", pieces)
    assert.notStrictEqual(former.text.slice(3), now.text.slice(3))
    assert.isTrue(now.isOf(former.text))
    assert.isTrue(former.isOf(now.text))
    const other = requestHash(digestOf, "k2", others)
    assert.isFalse(other.isOf(former.text))
    assert.isFalse(other.isOf(now.text))
    const strange = requestHash(
      keyedDigest({ currentId: "k3", byId: new Map([["k3", older]]) }, "requests"),
      "k3",
      pieces
    )
    assert.isFalse(strange.isOf(now.text))
    assert.isFalse(now.isOf(strange.text))
  })

  it("makes one digest, and another only where what is kept is under another key", () => {
    const { asked, counting } = counted()
    const now = requestHash(counting, "k2", pieces)
    assert.isTrue(now.isOf(now.text))
    assert.deepStrictEqual(asked, ["k2"])
    const former = requestHash(keyedDigest(ring, "requests"), "k1", pieces)
    assert.isTrue(now.isOf(former.text))
    assert.deepStrictEqual(asked, ["k2", "k1"])
  })

  it("knows a hash of before there were keys, and is not one itself", () => {
    const hash = createHash("sha256")
    for (const piece of pieces) hash.update(piece)
    const plain = hash.digest("base64url")
    const digestOf = keyedDigest(ring, "requests")
    assert.isTrue(requestHash(digestOf, "k2", pieces).isOf(plain))
    assert.isFalse(requestHash(digestOf, "k2", others).isOf(plain))
    assert.notInclude(requestHash(digestOf, "k2", pieces).text, plain)
  })
})
