import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { allocate } from "../../src/kernel/allocate.ts"
import { MinorUnits } from "../../src/kernel/Money.ts"

const Weight = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000_000 }))
const Weights = Schema.NonEmptyArray(Weight)

const exactly = (total: number, weights: readonly [number, ...ReadonlyArray<number>]) =>
  allocate(MinorUnits.make(total), weights).map(Number)

describe("allocate", () => {
  it("gives the units left over to the largest remainders", () => {
    assert.deepStrictEqual(exactly(100, [1, 1, 1]), [34, 33, 33])
    assert.deepStrictEqual(exactly(10, [1, 5, 4]), [1, 5, 4])
    assert.deepStrictEqual(exactly(101, [50, 30, 20]), [51, 30, 20])
    assert.deepStrictEqual(exactly(7, [1, 2]), [2, 5])
    assert.deepStrictEqual(exactly(-100, [1, 1, 1]), [-34, -33, -33])
  })

  it("gives nothing to a weight of zero", () => {
    assert.deepStrictEqual(exactly(1, [0, 1, 1]), [0, 1, 0])
  })

  it("stays exact beyond what a double can multiply", () => {
    assert.deepStrictEqual(exactly(Number.MAX_SAFE_INTEGER, [999_999_999, 1]), [9007199245733792, 9007199])
  })

  it("refuses weights that say nothing", () => {
    assert.throws(() => exactly(1, [0, 0]), RangeError)
    assert.throws(() => exactly(1, [1, -1]), RangeError)
    assert.throws(() => exactly(1, [0.5]), RangeError)
  })

  it.prop(
    "loses no unit, and no share is a unit or more from its exact part",
    { total: MinorUnits, weights: Weights },
    ({ total, weights }) => {
      const sum = weights.reduce((all, weight) => all + BigInt(weight), 0n)
      if (sum === 0n) return true
      const shares = allocate(total, weights)
      const scaled = shares.map((share, index) => BigInt(share) * sum - BigInt(total) * BigInt(weights[index] ?? 0))
      return (
        shares.reduce((all, share) => all + BigInt(share), 0n) === BigInt(total) &&
        scaled.every((difference) => difference < sum && difference > -sum)
      )
    }
  )
})
