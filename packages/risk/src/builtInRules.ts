import type { Expression, VelocityCondition } from "@mall/domain/risk/Expression"
import { RuleId } from "@mall/domain/risk/RiskRule"
import type { RiskRule } from "@mall/domain/risk/RiskRule"
import type { RiskConfig } from "./RiskConfig.ts"

const tenMinutes = 600
const hour = 3600
const day = 24 * hour

const tries = (by: VelocityCondition["by"], above: number): Expression => ({
  ...{ type: "velocity", measure: "count", by, within: tenMinutes },
  ...{ is: ">", value: above }
})
const declines = (by: VelocityCondition["by"], from: number): Expression => ({
  ...{ type: "velocity", measure: "declines", by, within: hour },
  ...{ is: ">=", value: from }
})
const cards = (by: VelocityCondition["by"], within: number, from: number): Expression => ({
  ...{ type: "velocity", measure: "distinct", of: "card", by, within },
  ...{ is: ">=", value: from }
})

const rule = (id: string, name: string, when: Expression, action: RiskRule["action"], score: number): RiskRule => ({
  id: RuleId.make(id),
  version: 0,
  name,
  when,
  score,
  action,
  mode: "live",
  author: "",
  reason: "built in",
  traceId: null,
  at: null
})

/**
 * The guard against card testing, by card and network, guest, customer and network, and what is odd about a country. A rule of
 * the same id that an operator puts takes the place of the built-in one.
 */
export const builtInRules = ({
  cardTesting: limits,
  smallAmounts
}: Pick<RiskConfig["Service"], "cardTesting" | "smallAmounts">): ReadonlyArray<RiskRule> => {
  const small = [...smallAmounts].map(([currency, amount]): Expression => ({
    type: "all",
    of: [
      { type: "fact", fact: "currency", is: "=", value: currency },
      { type: "fact", fact: "amount", is: "<=", value: amount }
    ]
  }))
  const guest: Expression = { type: "fact", fact: "isGuest", is: "=", value: true }
  const mismatch: Expression = { type: "fact", fact: "countryMismatch", is: "=", value: true }
  const manyCards: Expression = {
    type: "any",
    of: [cards("network", hour, limits.cards), cards("device", hour, limits.cards), cards("user", day, limits.cards)]
  }
  const manyDeclines: Expression = {
    type: "any",
    of: [
      declines("network", limits.declines),
      declines("device", limits.declines),
      declines("user", limits.declines),
      declines("card", limits.declines)
    ]
  }
  return [
    rule("card_testing_cards", "Many cards of one network, device or buyer", manyCards, "deny", 80),
    rule(
      "card_testing_pair",
      "One card from one network, again and again",
      tries("card_network", limits.pairTries),
      "deny",
      60
    ),
    rule("card_testing_declines", "Many tries that the channel declined", manyDeclines, "deny", 60),
    rule(
      "card_testing_guest",
      "Many tries of a network by one who is not signed in",
      { type: "all", of: [guest, tries("network", limits.guestTries)] },
      "challenge",
      30
    ),
    rule("card_testing_customer", "Many tries of one buyer", tries("user", limits.customerTries), "challenge", 30),
    rule("card_testing_network", "Many tries of one network", tries("network", limits.networkTries), "challenge", 30),
    ...(small.length === 0
      ? []
      : [
          rule(
            "card_testing_small",
            "Many tries of a network, this one over a small amount",
            { type: "all", of: [{ type: "any", of: small }, tries("network", limits.smallTries)] },
            "challenge",
            30
          )
        ]),
    rule("geoip_mismatch", "The network is in another country than the buyer says", mismatch, "score", 20)
  ]
}
