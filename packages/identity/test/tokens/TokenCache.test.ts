import { assert, describe, it } from "@effect/vitest"
import { TokenCache } from "../../src/tokens/TokenCache.ts"

const held = (cache: TokenCache<number>, count: number) =>
  Array.from({ length: count }, (_, i) => i).filter((i) => cache.get(`t${i}`) !== undefined)

describe("TokenCache", () => {
  it("never holds more than its capacity, and holds the newest", () => {
    const cache = new TokenCache<number>(10)
    for (let i = 0; i < 1000; i++) cache.set(`t${i}`, i)
    const present = held(cache, 1000)
    assert.isAtMost(present.length, 10)
    assert.isAtLeast(present.length, 5)
    assert.include(present, 999)
  })

  it("keeps what is asked for again and again", () => {
    const cache = new TokenCache<number>(10)
    cache.set("kept", 42)
    for (let i = 0; i < 1000; i++) {
      cache.set(`t${i}`, i)
      assert.strictEqual(cache.get("kept"), 42)
    }
  })

  it("forgets what is deleted, in whichever generation it is", () => {
    const cache = new TokenCache<number>(4)
    cache.set("a", 1)
    cache.set("b", 2)
    cache.set("c", 3)
    cache.delete("a")
    cache.delete("c")
    assert.deepStrictEqual([cache.get("a"), cache.get("b"), cache.get("c")], [undefined, 2, undefined])
  })
})
