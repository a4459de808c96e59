import type { Expression, FactCondition, VelocityCondition } from "@mall/domain/risk/Expression"
import { maxConditions } from "@mall/domain/risk/Expression"
import { factKinds, valueOf } from "@mall/domain/risk/Fact"
import type { FactValue, MemberKind, RiskFacts, SubjectKind } from "@mall/domain/risk/Fact"
import { RiskRuleInvalid } from "@mall/domain/risk/RiskError"
import { Result } from "effect"

/** What a subject did in a window, this check included. Nothing where the subject is not known. */
export interface Velocity {
  tally(by: SubjectKind, within: number): Tally
  distinct(by: SubjectKind, of: MemberKind, within: number): number
}

export interface Tally {
  readonly checks: number
  readonly declines: number
  /** In the currency of the check. */
  readonly amount: number
}

export interface Input {
  readonly facts: RiskFacts
  readonly at: Date
  readonly velocity: Velocity
}

export type Test = (input: Input) => boolean

/** A velocity that has to be read before the rule can be asked. */
export type Need =
  | { readonly type: "tally"; readonly by: SubjectKind; readonly within: number }
  | { readonly type: "distinct"; readonly by: SubjectKind; readonly of: MemberKind; readonly within: number }

export interface Compiled {
  readonly test: Test
  readonly needs: ReadonlyArray<Need>
}

const fault = (path: string, why: string) => Result.fail(new RiskRuleInvalid({ path, why }))

const orders = {
  "<": (a: number, b: number) => a < b,
  "<=": (a: number, b: number) => a <= b,
  ">": (a: number, b: number) => a > b,
  ">=": (a: number, b: number) => a >= b
}

const ofFact = (condition: FactCondition, path: string): Result.Result<Test, RiskRuleInvalid> => {
  const { fact, is, value } = condition
  const kind = factKinds[fact]
  const about = (test: (known: NonNullable<FactValue>) => boolean): Test => {
    return ({ at, facts }) => {
      const known = valueOf(fact, facts, at)
      return known !== null && test(known)
    }
  }
  switch (is) {
    case "known":
    case "unknown":
      if (value !== undefined) return fault(`${path}.value`, `"${is}" takes no value`)
      return Result.succeed(({ at, facts }) => (valueOf(fact, facts, at) === null) === (is === "unknown"))
    case "in":
    case "not in": {
      if (kind !== "text") return fault(`${path}.is`, `"${is}" is for texts, and ${fact} is a ${kind}`)
      if (!Array.isArray(value)) return fault(`${path}.value`, `"${is}" takes a list of texts`)
      const wanted = new Set<FactValue>(value)
      return Result.succeed(about((known) => wanted.has(known) === (is === "in")))
    }
    case "=":
    case "!=": {
      const given = typeof value === "string" ? "text" : typeof value
      if (given !== kind) return fault(`${path}.value`, `${fact} is a ${kind}`)
      return Result.succeed(about((known) => (known === value) === (is === "=")))
    }
    default: {
      if (kind !== "number") return fault(`${path}.is`, `"${is}" is for numbers, and ${fact} is a ${kind}`)
      if (typeof value !== "number") return fault(`${path}.value`, `${fact} is a number`)
      const compare = orders[is]
      return Result.succeed(about((known) => typeof known === "number" && compare(known, value)))
    }
  }
}

const ofVelocity = (condition: VelocityCondition, path: string): Result.Result<Compiled, RiskRuleInvalid> => {
  const { by, is, measure, of, value, within } = condition
  const compare = orders[is]
  if (measure === "distinct") {
    if (of === undefined) return fault(`${path}.of`, `"distinct" needs to know of what`)
    if (by === "merchant" || by === "card_network") {
      return fault(`${path}.by`, `different ones are not kept of a ${by}`)
    }
    if (of === by) return fault(`${path}.of`, `a ${by} has one ${of}`)
    return Result.succeed({
      test: ({ velocity }) => compare(velocity.distinct(by, of, within), value),
      needs: [{ type: "distinct", by, of, within }]
    })
  }
  if (of !== undefined) return fault(`${path}.of`, `"${measure}" takes no "of"`)
  const read = { count: "checks", declines: "declines", sum: "amount" } as const
  const field = read[measure]
  return Result.succeed({
    test: ({ velocity }) => compare(velocity.tally(by, within)[field], value),
    needs: [{ type: "tally", by, within }]
  })
}

const conditionsIn = (expression: Expression): number => {
  switch (expression.type) {
    case "fact":
    case "velocity":
      return 1
    case "not":
      return conditionsIn(expression.of)
    default:
      return expression.of.reduce((sum, part) => sum + conditionsIn(part), 0)
  }
}

const compileAt = (expression: Expression, path: string): Result.Result<Compiled, RiskRuleInvalid> => {
  switch (expression.type) {
    case "fact":
      return Result.map(ofFact(expression, path), (test) => ({ test, needs: [] }))
    case "velocity":
      return ofVelocity(expression, path)
    case "not":
      return Result.map(compileAt(expression.of, `${path}.of`), ({ needs, test }) => ({
        test: (input) => !test(input),
        needs
      }))
    default: {
      const parts: Array<Compiled> = []
      for (const [index, part] of expression.of.entries()) {
        const compiled = compileAt(part, `${path}.of[${index}]`)
        if (Result.isFailure(compiled)) return Result.fail(compiled.failure)
        parts.push(compiled.success)
      }
      const needs = parts.flatMap((part) => part.needs)
      return Result.succeed(
        expression.type === "all"
          ? { test: (input) => parts.every(({ test }) => test(input)), needs }
          : { test: (input) => parts.some(({ test }) => test(input)), needs }
      )
    }
  }
}

/**
 * A rule's condition as a function, with what it has to be given. The function is total: it reads what it is handed, in time
 * bounded by the size of the expression. What the types of the facts do not allow is refused with the path to it.
 */
export const compile = (expression: Expression): Result.Result<Compiled, RiskRuleInvalid> =>
  conditionsIn(expression) > maxConditions
    ? fault("when", `a rule has at most ${maxConditions} conditions`)
    : compileAt(expression, "when")
