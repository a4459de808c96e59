import { Schema } from "effect"
import { UserId } from "../identity/CurrentUser.ts"
import { Currency } from "../kernel/Currency.ts"
import { MinorUnits } from "../kernel/Money.ts"
import { PlainText } from "../kernel/PlainText.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { ChannelId, CountryCode } from "../payments/Payment.ts"

const Known = Schema.NullOr(PlainText(128))

/**
 * What is known of one try to pay when it is checked, and kept for back-tests: no names, no addresses of people, no card
 * numbers. Null is what nobody knows.
 */
export const RiskFacts = Schema.Struct({
  /** Minor units of `currency`. */
  amount: MinorUnits,
  currency: Currency,
  channel: ChannelId,
  method: Schema.String,
  merchant: Schema.NullOr(MerchantId),
  user: Schema.NullOr(UserId),
  /** The buyer's public address of IPv4, or the /64 of IPv6. */
  network: Known,
  /** What the buyer's device calls itself. */
  device: Known,
  /** The card's fingerprint, where the page that took the card tells one. */
  card: Known,
  /** Where the buyer says to be. */
  country: Schema.NullOr(CountryCode),
  /** Where the buyer's network is. */
  ipCountry: Schema.NullOr(CountryCode),
  /** The buyer holds a ticket and is not signed in. */
  isGuest: Schema.Boolean,
  /** Earlier tries at the same payment. */
  attempts: Schema.Int
}).annotate({ identifier: "RiskFacts" })
export type RiskFacts = typeof RiskFacts.Type

/** The catalogue that rules may ask for, each with its type. `hour` is of the day, in UTC. */
export const factKinds = {
  amount: "number",
  attempts: "number",
  hour: "number",
  currency: "text",
  channel: "text",
  method: "text",
  merchant: "text",
  user: "text",
  network: "text",
  device: "text",
  card: "text",
  country: "text",
  ipCountry: "text",
  isGuest: "boolean",
  countryMismatch: "boolean"
} as const
export type FactName = keyof typeof factKinds

export const FactName = Schema.Literals([
  "amount",
  "attempts",
  "hour",
  "currency",
  "channel",
  "method",
  "merchant",
  "user",
  "network",
  "device",
  "card",
  "country",
  "ipCountry",
  "isGuest",
  "countryMismatch"
]).annotate({ identifier: "RiskFactName" })

export type FactValue = number | string | boolean | null

/** The value of a fact; null where it is not known. */
export const valueOf = (name: FactName, facts: RiskFacts, at: Date): FactValue => {
  switch (name) {
    case "hour":
      return at.getUTCHours()
    case "countryMismatch":
      return facts.country === null || facts.ipCountry === null ? null : facts.country !== facts.ipCountry
    default:
      return facts[name]
  }
}

/** Whose doings are counted. `card_network` is a card together with the network it is used from. */
export const SubjectKind = Schema.Literals(["card", "card_network", "device", "merchant", "network", "user"]).annotate({
  identifier: "RiskSubjectKind"
})
export type SubjectKind = typeof SubjectKind.Type

/** What different ones are counted of. */
export const MemberKind = Schema.Literals(["card", "device", "network", "user"]).annotate({
  identifier: "RiskMemberKind"
})
export type MemberKind = typeof MemberKind.Type

export interface Subject {
  readonly kind: SubjectKind
  readonly value: string
}

/** The subjects of a check that are known, in the one order in which they are locked. */
export const subjectsOf = ({ card, device, merchant, network, user }: RiskFacts): ReadonlyArray<Subject> => {
  const all: ReadonlyArray<readonly [SubjectKind, string | null]> = [
    ["card", card],
    ["card_network", card === null || network === null ? null : `${card} ${network}`],
    ["device", device],
    ["merchant", merchant],
    ["network", network],
    ["user", user]
  ]
  return all.flatMap(([kind, value]) => (value === null ? [] : [{ kind, value }]))
}
