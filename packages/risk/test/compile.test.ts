import { assert, describe, it } from "@effect/vitest"
import { Expression } from "@mall/domain/risk/Expression"
import { factKinds, valueOf } from "@mall/domain/risk/Fact"
import { RuleAction, RuleId, verdicts } from "@mall/domain/risk/RiskRule"
import { Effect, Record, Result, Schema } from "effect"
import { compile } from "../src/compile.ts"
import type { Velocity } from "../src/compile.ts"
import { decide } from "../src/decide.ts"
import { someFacts } from "./TestRisk.ts"

const at = new Date("2026-05-01T13:30:00Z")
const still: Velocity = { tally: () => ({ checks: 1, declines: 0, amount: 0 }), distinct: () => 1 }
const input = { facts: someFacts, at, velocity: still }
const thresholds = { challenge: 50, review: 70, deny: 100 }

const faultOf = (expression: Expression) => Result.getOrThrow(Result.flip(compile(expression)))
const holds = (expression: Expression, facts = someFacts) =>
  Result.getOrThrow(compile(expression)).test({ ...input, facts })

const decode = Schema.decodeUnknownEffect(Expression)

const nested = (depth: number): unknown =>
  depth === 0 ? { type: "fact", fact: "amount", is: ">", value: 1 } : { type: "not", of: nested(depth - 1) }

describe("compile", () => {
  it("compares facts by their types", () => {
    assert.isTrue(holds({ type: "fact", fact: "amount", is: ">=", value: 5_000 }))
    assert.isFalse(holds({ type: "fact", fact: "amount", is: ">", value: 5_000 }))
    assert.isTrue(holds({ type: "fact", fact: "currency", is: "in", value: ["USD", "CNY"] }))
    assert.isTrue(holds({ type: "fact", fact: "isGuest", is: "!=", value: true }))
    assert.isTrue(holds({ type: "fact", fact: "hour", is: "=", value: 13 }))
  })

  it("takes what is not known for neither equal nor different", () => {
    assert.isFalse(holds({ type: "fact", fact: "country", is: "=", value: "DE" }))
    assert.isFalse(holds({ type: "fact", fact: "country", is: "!=", value: "DE" }))
    assert.isFalse(holds({ type: "fact", fact: "country", is: "not in", value: ["DE"] }))
    assert.isTrue(holds({ type: "fact", fact: "country", is: "unknown" }))
    assert.isFalse(holds({ type: "fact", fact: "countryMismatch", is: "=", value: true }))
    const abroad = { ...someFacts, country: "DE", ipCountry: "FR" }
    assert.isTrue(holds({ type: "fact", fact: "countryMismatch", is: "=", value: true }, abroad))
  })

  it("names the place of what the types do not allow", () => {
    const bad: Expression = { type: "fact", fact: "amount", is: "=", value: "much" }
    const good: Expression = { type: "fact", fact: "amount", is: "=", value: 1 }
    const inside = faultOf({ type: "all", of: [good, { type: "not", of: { type: "any", of: [good, bad] } }] })
    assert.deepStrictEqual([inside.path, inside.why], ["when.of[1].of.of[1].value", "amount is a number"])
    assert.strictEqual(faultOf({ type: "fact", fact: "currency", is: ">", value: 1 }).path, "when.is")
    assert.strictEqual(faultOf({ type: "fact", fact: "currency", is: "in", value: "CNY" }).path, "when.value")
    assert.strictEqual(faultOf({ type: "fact", fact: "user", is: "known", value: 1 }).path, "when.value")
    const cards = { type: "velocity", measure: "distinct", within: 60, is: ">", value: 1 } as const
    assert.strictEqual(faultOf({ ...cards, by: "network" }).path, "when.of")
    assert.strictEqual(faultOf({ ...cards, by: "merchant", of: "card" }).path, "when.by")
    assert.strictEqual(faultOf({ ...cards, measure: "count", by: "card", of: "user" }).path, "when.of")
  })

  it.effect("refuses a rule that is too deep, too long or none at all before it looks at it", () =>
    Effect.gen(function* () {
      yield* decode(nested(6))
      yield* Effect.flip(decode(nested(7)))
      yield* Effect.flip(decode(nested(2_000)))
      yield* Effect.flip(decode({ type: "fact", fact: "password", is: "=", value: "x" }))
      yield* Effect.flip(decode({ type: "eval", of: "process.exit()" }))
      yield* Effect.flip(decode({ type: "all", of: [] }))
    })
  )

  it("bounds how many conditions a rule has", () => {
    const leaf: Expression = { type: "fact", fact: "amount", is: ">", value: 1 }
    const many = (count: number): Expression => ({ type: "any", of: Array.from({ length: count }, () => leaf) })
    assert.isTrue(Result.isSuccess(compile({ type: "all", of: [many(32), many(32)] })))
    assert.strictEqual(faultOf({ type: "all", of: [many(33), many(32)] }).path, "when")
  })

  it.prop(
    "is total: whatever decodes compiles or is refused, and what compiles answers",
    { expression: Expression },
    ({ expression }) => {
      const compiled = compile(expression)
      if (Result.isFailure(compiled)) return compiled.failure.path.startsWith("when")
      return typeof compiled.success.test(input) === "boolean"
    }
  )

  it("knows the value of every fact of the catalogue", () => {
    const facts = { ...someFacts, country: "DE", ipCountry: "FR", network: "203.0.113.7", device: "d", card: "c" }
    for (const [name, kind] of Record.toEntries(factKinds)) {
      const value = valueOf(name, facts, at)
      assert.isTrue(value === null || typeof value === (kind === "text" ? "string" : kind), name)
    }
  })
})

const Logic = Schema.Struct({
  isHit: Schema.Boolean,
  score: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 })),
  action: RuleAction
})

describe("decide", () => {
  it.prop(
    "gets no milder and scores no less with one more rule",
    { logics: Schema.Array(Logic), more: Logic },
    ({ logics, more }) => {
      const rulesOf = (all: ReadonlyArray<typeof Logic.Type>) =>
        all.map(({ action, isHit, score }, index) => ({
          rule: { id: RuleId.make(`rule_${index}`), version: 1, score, action, mode: "live" as const },
          test: () => isHit,
          needs: []
        }))
      const before = decide(rulesOf(logics), input, thresholds)
      const after = decide(rulesOf([...logics, more]), input, thresholds)
      return after.score >= before.score && verdicts.indexOf(after.verdict) >= verdicts.indexOf(before.verdict)
    }
  )

  it("records what a rule in shadow would have decided, and decides without it", () => {
    const rule = { id: RuleId.make("shy"), version: 1, score: 200, action: "deny", mode: "shadow" } as const
    const decided = decide([{ rule, test: () => true, needs: [] }], input, thresholds)
    assert.deepStrictEqual([decided.verdict, decided.score, decided.shadowVerdict], ["allow", 0, "deny"])
    assert.strictEqual(decided.hits.length, 1)
  })
})
