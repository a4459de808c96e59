import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as chainBill from "../src/reconciliation/bill/chainBill.ts"
import { boundsOf } from "../src/reconciliation/days.ts"
import { monday } from "./TestBills.ts"

const movement = {
  object: "movement",
  kind: "payment",
  reference: "a".repeat(32),
  tx: `0x${"1".repeat(64)}`,
  amount: "5000000",
  at: Date.parse("2026-11-16T12:00:00Z") / 1000
}
const textOf = (movements: ReadonlyArray<object>, count = movements.length) =>
  [...movements, { object: "end", count }].map((line) => `${JSON.stringify(line)}\n`).join("")

const read = (text: string) =>
  Effect.fromResult(
    Result.gen(function* () {
      const parser = chainBill.make({ ...boundsOf({ offsetMinutes: 0 }, monday), offsetMinutes: 0 })
      return [...(yield* parser.push(text)), ...(yield* parser.end())]
    })
  )

describe("The chain's bill", () => {
  it.effect("tells of tokens, and of no fee, for gas is paid in something else", () =>
    Effect.gen(function* () {
      const sent = { ...movement, kind: "other", reference: "return:1", amount: "-9" }
      const lines = yield* read(textOf([movement, { ...movement, kind: "refund", amount: "1" }, sent]))
      assert.deepStrictEqual(
        lines.map(({ amount, currency, fee, kind, line, state }): ReadonlyArray<unknown> => [
          ...[line, kind, amount, currency, fee, state]
        ]),
        [
          [1, "payment", 5_000_000, "USDC", null, "succeeded"],
          [2, "refund", 1, "USDC", null, "succeeded"],
          [3, "other", -9, "USDC", null, "succeeded"]
        ]
      )
    })
  )

  it.effect("is refused where a line is none, of another day, or more than there can be", () =>
    Effect.gen(function* () {
      const cases: Readonly<Record<string, string>> = {
        "line 1: it is no movement": textOf([{ ...movement, tx: "0x1" }]),
        "line 2: it is no movement": textOf([movement, { ...movement, amount: "0" }]),
        "line 1: it is of another day": textOf([{ ...movement, at: Date.parse("2026-11-17T00:00:00Z") / 1000 }]),
        "line 2: it is of another day": textOf([movement, { ...movement, at: 9_007_199_254_740_991 }]),
        "line 1: the amount is more than there can be": textOf([{ ...movement, amount: "9007199254740993" }]),
        "line 1: the amount is not above zero": textOf([{ ...movement, amount: "-1" }]),
        "line 2: there are 1, not 2": textOf([movement], 2),
        "line 2: the bill ends too early": `${JSON.stringify(movement)}\n`
      }
      for (const [reason, text] of Object.entries(cases)) {
        const refused = yield* Effect.flip(read(text))
        assert.strictEqual(`line ${refused.line}: ${refused.reason}`, reason)
      }
    })
  )
})
