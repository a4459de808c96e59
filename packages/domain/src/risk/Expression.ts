import { Schema } from "effect"
import { PlainText } from "../kernel/PlainText.ts"
import { FactName, MemberKind, SubjectKind } from "./Fact.ts"

/** How many conditions may lie within each other, and how many a rule may have in all. */
export const maxDepth = 6
export const maxConditions = 64

const Text = PlainText(128)

export const Operator = Schema.Literals(["=", "!=", "<", "<=", ">", ">=", "in", "not in", "known", "unknown"])
export type Operator = typeof Operator.Type

/** A fact compared with a value: `in` and `not in` take a list of texts, `known` and `unknown` none. */
export const FactCondition = Schema.Struct({
  type: Schema.Literal("fact"),
  fact: FactName,
  is: Operator,
  value: Schema.optionalKey(
    Schema.Union([
      Schema.Boolean,
      Schema.Int,
      Text,
      Schema.Array(Text).check(Schema.isMinLength(1), Schema.isMaxLength(200))
    ])
  )
}).annotate({ identifier: "RiskFactCondition" })
export type FactCondition = typeof FactCondition.Type

/**
 * A velocity: how many checks (`count`) or `declines`, how much money in the currency of the payment (`sum`), or how many
 * `distinct` `of`s the subject `by` had in the last `within` seconds, this check included.
 */
export const VelocityCondition = Schema.Struct({
  type: Schema.Literal("velocity"),
  measure: Schema.Literals(["count", "declines", "sum", "distinct"]),
  of: Schema.optionalKey(MemberKind),
  by: SubjectKind,
  within: Schema.Int.check(Schema.isBetween({ minimum: 60, maximum: 7 * 24 * 3600 })),
  is: Schema.Literals(["<", "<=", ">", ">="]),
  value: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
}).annotate({ identifier: "RiskVelocityCondition" })
export type VelocityCondition = typeof VelocityCondition.Type

type Condition = FactCondition | VelocityCondition

/** When a rule hits. What is not known equals nothing and is not different either: ask `known` first where it matters. */
export type Expression =
  | Condition
  | { readonly type: "all" | "any"; readonly of: ReadonlyArray<Expression> }
  | { readonly type: "not"; readonly of: Expression }

// Written out level by level: whoever sends a deeper one is told so, and no depth of nesting reaches the stack.
const within = (inner: Schema.Codec<Expression>, level: number): Schema.Codec<Expression> =>
  Schema.Union([
    FactCondition,
    VelocityCondition,
    Schema.Struct({
      type: Schema.Literals(["all", "any"]),
      of: Schema.Array(inner).check(Schema.isMinLength(1), Schema.isMaxLength(maxConditions))
    }),
    Schema.Struct({ type: Schema.Literal("not"), of: inner })
  ]).annotate({ identifier: level === maxDepth ? "RiskExpression" : `RiskExpressionWithin${maxDepth - level}` })

const innermost: Schema.Codec<Expression> = Schema.Union([FactCondition, VelocityCondition]).annotate({
  identifier: "RiskCondition"
})

export const Expression: Schema.Codec<Expression> = Array.from({ length: maxDepth }, (_, level) => level + 1).reduce(
  within,
  innermost
)
