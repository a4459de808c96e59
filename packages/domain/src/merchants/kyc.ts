import { Schema } from "effect"
import type { MerchantKind } from "./registrationNumber.ts"

/** How well a merchant is known. `full` is what `basic` is, and more. */
export const KycLevel = Schema.Literals(["basic", "full"]).annotate({ identifier: "KycLevel" })
export type KycLevel = typeof KycLevel.Type

export const DocumentKind = Schema.Literals([
  "identity_card",
  "passport",
  "business_licence",
  "certificate_of_incorporation",
  "representative_identity",
  "articles_of_association",
  "ownership_statement",
  "bank_statement",
  "proof_of_address"
]).annotate({ identifier: "KycDocumentKind" })
export type DocumentKind = typeof DocumentKind.Type

/** Kinds that say themselves until when they count. */
const dated: ReadonlySet<DocumentKind> = new Set(["identity_card", "passport", "representative_identity"])

export const hasExpiry = (kind: DocumentKind) => dated.has(kind)

/** Any one of these documents. */
export type Requirement = ReadonlyArray<DocumentKind>

const identity: Requirement = ["identity_card", "passport"]
const register: Requirement = ["business_licence", "certificate_of_incorporation"]

const byKind: Readonly<Record<MerchantKind, Readonly<Record<KycLevel, ReadonlyArray<Requirement>>>>> = {
  individual: { basic: [identity], full: [["proof_of_address"], ["bank_statement"]] },
  company: {
    basic: [register, ["representative_identity"]],
    full: [["articles_of_association"], ["ownership_statement"], ["bank_statement"]]
  }
}

/** Where a country knows one document only of those that would do elsewhere. */
const byCountry: Readonly<Record<string, ReadonlyArray<readonly [Requirement, Requirement]>>> = {
  CN: [
    [identity, ["identity_card"]],
    [register, ["business_licence"]]
  ],
  US: [[register, ["certificate_of_incorporation"]]],
  GB: [[register, ["certificate_of_incorporation"]]]
}

/** What must be shown for a level, one document of each. */
export const requirementsOf = (level: KycLevel, kind: MerchantKind, country: string): ReadonlyArray<Requirement> => {
  const { basic, full } = byKind[kind]
  const local = new Map(byCountry[country])
  return (level === "basic" ? basic : [...basic, ...full]).map((each) => local.get(each) ?? each)
}

/** The requirements that none of `kinds` meets. */
export const missingOf = (requirements: ReadonlyArray<Requirement>, kinds: ReadonlySet<DocumentKind>) =>
  requirements.filter((requirement) => !requirement.some((kind) => kinds.has(kind)))
