import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { MinorUnits } from "../kernel/Money.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import { Problem } from "../kernel/Problem.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { AttemptId, ChannelId, ChannelMethod, CountryCode } from "./Payment.ts"

/** A channel and its share of the payments of a rule. One of weight 0 stands by for when no other is there. */
export const RouteTarget = Schema.Struct({
  channel: ChannelId,
  weight: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
}).annotate({ identifier: "RouteTarget" })
export type RouteTarget = typeof RouteTarget.Type

const some = <S extends Schema.Top>(item: S) => Schema.optionalKey(Schema.NonEmptyArray(item))

/**
 * Where payments of a kind go. What is not named does not matter; amounts are minor units of the payment's own currency,
 * both inclusive. The first rule of a table that fits is the one that counts.
 */
export const RouteRule = Schema.Struct({
  name: NonBlankText(64),
  merchants: some(MerchantId),
  currencies: some(Currency),
  countries: some(CountryCode),
  methods: some(ChannelMethod),
  minAmount: Schema.optionalKey(MinorUnits),
  maxAmount: Schema.optionalKey(MinorUnits),
  targets: Schema.NonEmptyArray(RouteTarget).check(
    Schema.makeFilter(
      (targets: ReadonlyArray<RouteTarget>) =>
        new Set(targets.map(({ channel }) => channel)).size === targets.length || "must name each channel once"
    )
  )
}).annotate({ identifier: "RouteRule" })
export type RouteRule = typeof RouteRule.Type

export const RouteRules = Schema.Array(RouteRule).check(Schema.isMaxLength(200))

/** The rules at one time. Version 0 is the house's own: no rules, the channels in their usual order. */
export const RoutingTable = Schema.Struct({
  version: Schema.Int,
  rules: RouteRules,
  author: Schema.String,
  reason: Schema.String,
  createdAt: Schema.NullOr(Schema.Date)
}).annotate({ identifier: "RoutingTable" })
export type RoutingTable = typeof RoutingTable.Type

/** `version` is the table that the change was made from. */
export const RoutingChange = Schema.Struct({
  version: Schema.Int,
  rules: RouteRules,
  reason: NonBlankText(200)
}).annotate({ identifier: "RoutingChange" })
export type RoutingChange = typeof RoutingChange.Type

/** What the router saw in a channel. `successRate` is of the last minutes, null where nothing was tried. */
export const RouteCandidate = Schema.Struct({
  channel: ChannelId,
  weight: Schema.Int,
  /** `chosen`, `available`, or why it was not taken. */
  verdict: Schema.Literals(["chosen", "available", "standby", "tried", "failing", "breaker_open"]),
  successRate: Schema.NullOr(Schema.Finite),
  attempts: Schema.Int
}).annotate({ identifier: "RouteCandidate" })
export type RouteCandidate = typeof RouteCandidate.Type

/**
 * Why a try went to its channel. `by`: the `buyer` chose it; by its `weight` or, where it was the only one left, as `last`; in
 * `exploration`, to see whether a channel that failed works again. `fallbackOf` is the try whose place it took.
 */
export const RouteDecision = Schema.Struct({
  by: Schema.Literals(["buyer", "weight", "exploration", "last"]),
  version: Schema.Int,
  rule: Schema.NullOr(Schema.String),
  candidates: Schema.Array(RouteCandidate),
  fallbackOf: Schema.NullOr(AttemptId)
}).annotate({ identifier: "RouteDecision" })
export type RouteDecision = typeof RouteDecision.Type

/** What a route depends on. */
export const RouteQuestion = Schema.Struct({
  amount: MinorUnits,
  currency: Currency,
  merchantId: Schema.NullOr(MerchantId),
  country: Schema.optionalKey(CountryCode),
  method: Schema.optionalKey(ChannelMethod)
}).annotate({ identifier: "RouteQuestion" })
export type RouteQuestion = typeof RouteQuestion.Type

/** Somebody changed the rules in the meantime; `version` is what counts now. */
export class RoutingTableChanged extends Problem<RoutingTableChanged>()("RoutingTableChanged", {
  status: 409,
  title: "The rules were changed in the meantime",
  fields: { version: Schema.Int }
}) {}

/** A rule names a channel that this house does not have. */
export class UnknownChannel extends Problem<UnknownChannel>()("UnknownChannel", {
  status: 422,
  title: "There is no such channel",
  fields: { channel: Schema.String }
}) {}
