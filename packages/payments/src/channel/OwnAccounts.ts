import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Array, Context, Effect, Redacted, Result, Schema, SchemaIssue } from "effect"
import type { BillTerms, Channel } from "./Channel.ts"
import type { Making, MakingError } from "./Making.ts"

/** Of what was given as credentials, the fields that are wrong. Never a value, which may be a secret in the wrong place. */
export interface Refused {
  readonly wrong: ReadonlyArray<string>
}

/** Credentials in the form that is sealed, and what may be seen of them. */
export interface Accepted {
  readonly text: Redacted.Redacted
  readonly account: string
  readonly masked: Readonly<Record<string, string>>
}

/** Accounts that merchants have at a channel themselves. */
export interface OwnAccounts {
  /** How the channel tells of a day of such an account. */
  readonly bill: BillTerms
  accept(values: unknown): Result.Result<Accepted, Refused>
  /** The adapter for credentials that were accepted once. Lives as long as its scope. */
  make(text: Redacted.Redacted, merchantId: MerchantId): Effect.Effect<Channel, MakingError, Making>
}

/**
 * Whose account an adapter is made for; null: the platform's. What fails for one of them must not stop the others, so it is a part
 * of the keys of circuit breakers.
 */
export const AccountOwner = Context.Reference<MerchantId | null>("@mall/payments/channel/AccountOwner", {
  defaultValue: () => null
})

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

/** Shorter secrets would be told by their end. */
const minShownLength = 24

const maskText = (text: string) =>
  text.length < minShownLength || text.includes("\n") ? "••••" : `••••${text.slice(-4)}`

const mask = (value: unknown): string => {
  if (Redacted.isRedacted(value)) return maskText(String(Redacted.value(value)))
  if (typeof value === "object" && value !== null) return Object.keys(value).join(", ")
  const text = String(value)
  return text.includes("\n") ? "given" : text
}

/**
 * What `credentials` says of a merchant's account: its secrets are `Redacted`. `accountOf` names the account, the same for all
 * credentials of it and another for any other; what stands before a slash is what the channel bills. `settings` completes them by what the platform has configured.
 */
export const ownAccounts = <A extends object, I, S>(options: {
  readonly bill: BillTerms
  readonly credentials: Schema.Codec<A, I> & { readonly fields: object }
  readonly accountOf: (credentials: A) => string
  readonly settings: (credentials: A, merchantId: MerchantId) => Effect.Effect<S, MakingError, Making>
  readonly make: (settings: S) => Effect.Effect<Channel, MakingError, Making>
}): OwnAccounts => {
  const { accountOf, credentials } = options
  const names = Object.keys(credentials.fields)
  const decode = Schema.decodeUnknownResult(credentials, { errors: "all", onExcessProperty: "error" })
  const json = Schema.fromJsonString(credentials)
  const encode = Schema.encodeSync(json)
  const decodeText = Schema.decodeEffect(json)

  /** A name that is not of ours may be anything, a secret too. */
  const wrongOf = (issue: SchemaIssue.Issue) =>
    Array.dedupe(
      formatIssue(issue).issues.map(({ path }) => {
        const [first] = path ?? []
        const name = typeof first === "object" ? first.key : first
        return names.find((known) => known === name) ?? (name === undefined ? names.join(", ") : "an unknown field")
      })
    )

  return {
    bill: options.bill,
    accept: (values) =>
      decode(values).pipe(
        Result.mapBoth({
          onFailure: (error) => ({ wrong: wrongOf(error.issue) }),
          onSuccess: (accepted) => ({
            text: Redacted.make(encode(accepted)),
            account: accountOf(accepted),
            masked: Object.fromEntries(
              Object.entries(accepted).flatMap(([name, value]) => (value === undefined ? [] : [[name, mask(value)]]))
            )
          })
        })
      ),
    make: (text, merchantId) =>
      decodeText(Redacted.value(text)).pipe(
        Effect.flatMap((decoded) => options.settings(decoded, merchantId)),
        Effect.flatMap(options.make),
        Effect.provideService(AccountOwner, merchantId)
      )
  }
}
