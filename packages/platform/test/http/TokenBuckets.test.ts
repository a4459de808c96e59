import { assert, describe, it } from "@effect/vitest"
import { FixedWindows } from "../../src/http/FixedWindows.ts"
import { Generations } from "../../src/http/Generations.ts"
import { TokenBuckets } from "../../src/http/TokenBuckets.ts"

describe("TokenBuckets", () => {
  it("allows a burst, refills evenly and never beyond it", () => {
    const buckets = new TokenBuckets(10, 3, 100)
    const allowed = (now: number) => buckets.take("a", now).allowed
    assert.deepStrictEqual([allowed(1000), allowed(1000), allowed(1000), allowed(1000)], [true, true, true, false])
    assert.deepStrictEqual([allowed(1099), allowed(1101), allowed(1101)], [false, true, false])
    assert.deepStrictEqual(
      [1, 2, 3, 4].map(() => allowed(99_000)),
      [true, true, true, false]
    )
    assert.isTrue(buckets.take("b", 99_000).allowed)
  })

  it("says when to come again and when all is there again", () => {
    const buckets = new TokenBuckets(0.5, 2, 100)
    buckets.take("a", 0)
    buckets.take("a", 0)
    const bucket = buckets.take("a", 1000)
    assert.isFalse(bucket.allowed)
    assert.strictEqual(buckets.retryAfterSeconds(bucket), 1)
    assert.strictEqual(buckets.resetSeconds(bucket), 3)
  })
})

describe("FixedWindows", () => {
  it("counts anew in each window, which begins with the first call", () => {
    const windows = new FixedWindows(2, 1000, 100)
    const take = (now: number) => windows.take("a", now)
    assert.deepStrictEqual([take(500).remaining, take(600).remaining, take(1499).remaining], [1, 0, -1])
    assert.strictEqual(take(1499).resetMillis, 1)
    assert.strictEqual(take(1500).remaining, 1)
  })
})

describe("Generations", () => {
  it("holds no more than its capacity, and keeps what is in use", () => {
    let made = 0
    const map = new Generations(100, () => ({ number: made++ }))
    const first = map.get("in use")
    for (let i = 0; i < 10_000; i++) {
      map.get(`client ${i}`)
      if (i % 20 === 0) assert.strictEqual(map.get("in use"), first)
      assert.isAtMost(map.size, 101)
    }
    assert.notStrictEqual(map.get("client 0").number, 1)
  })
})
