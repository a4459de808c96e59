import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { MinorUnits } from "../kernel/Money.ts"
import { Page } from "../kernel/Page.ts"
import { MerchantId } from "../merchants/Merchant.ts"

export const AccountId = Uuid7.pipe(Schema.brand("AccountId"), Schema.annotate({ identifier: "AccountId" }))
export type AccountId = typeof AccountId.Type

/** The side that makes an account's balance grow: debit for what we have or are owed, credit for what we owe or earned. */
export const Side = Schema.Literals(["debit", "credit"]).annotate({ identifier: "LedgerSide" })
export type Side = typeof Side.Type

/** `guarded`: its balance, less what is pending against it, never falls below zero. */
interface KindRule {
  readonly normalSide: Side
  readonly isGuarded: boolean
}

/** The chart of accounts. `docs/ledger.md` says what each kind is for. */
export const chart = {
  clearing: { normalSide: "debit", isGuarded: false },
  disputes: { normalSide: "debit", isGuarded: false },
  fx: { normalSide: "debit", isGuarded: false },
  rounding: { normalSide: "debit", isGuarded: false },
  adjustments: { normalSide: "debit", isGuarded: false },
  dispute_fees: { normalSide: "debit", isGuarded: false },
  bank: { normalSide: "debit", isGuarded: false },
  payable: { normalSide: "credit", isGuarded: false },
  direct: { normalSide: "credit", isGuarded: false },
  refunds: { normalSide: "credit", isGuarded: false },
  fees: { normalSide: "credit", isGuarded: false },
  reserves: { normalSide: "credit", isGuarded: true },
  settlement: { normalSide: "credit", isGuarded: true },
  wallet: { normalSide: "credit", isGuarded: true }
} as const satisfies Record<string, KindRule>

export const AccountKind = Schema.Literals([
  "clearing",
  "disputes",
  "fx",
  "rounding",
  "adjustments",
  "dispute_fees",
  "bank",
  "payable",
  "direct",
  "refunds",
  "fees",
  "reserves",
  "settlement",
  "wallet"
]).annotate({ identifier: "LedgerAccountKind" })
export type AccountKind = typeof AccountKind.Type

/** What an account is: whose (null: the platform's), of which kind, of which channel or buyer, in which currency. */
export interface AccountParts {
  readonly owner: MerchantId | null
  readonly kind: AccountKind
  readonly detail: string | null
  readonly currency: Currency
}

const isKind = Schema.is(AccountKind)
const isCurrency = Schema.is(Currency)
const isMerchantId = Schema.is(MerchantId)
const detailPattern = /^[a-z0-9_-]{1,40}$/
const platform = "platform"

const partsOf = (text: string): AccountParts | undefined => {
  const words = text.split(":")
  const [owner = "", kind] = words
  const currency = words.at(-1)
  const detail = words.length === 4 ? words[2] : null
  if (words.length < 3 || words.length > 4 || !isKind(kind) || !isCurrency(currency)) return undefined
  if (detail === undefined || (detail !== null && !detailPattern.test(detail))) return undefined
  if (owner === platform) return { owner: null, kind, detail, currency }
  return isMerchantId(owner) ? { owner, kind, detail, currency } : undefined
}

/**
 * The name of an account, `<owner>:<kind>[:<detail>]:<currency>`: `platform:clearing:wechatpay:CNY`,
 * `0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77:payable:CNY`. It opens when it is first posted to.
 */
export const AccountCode = Schema.String.check(
  Schema.makeFilter((text: string) => partsOf(text) !== undefined || "must be <owner>:<kind>[:<detail>]:<currency>")
).pipe(Schema.brand("AccountCode"), Schema.annotate({ identifier: "AccountCode" }))
export type AccountCode = typeof AccountCode.Type

export const accountCode = ({ currency, detail, kind, owner }: AccountParts) =>
  AccountCode.make([owner ?? platform, kind, ...(detail === null ? [] : [detail]), currency].join(":"))

export const parseAccountCode = (code: AccountCode): AccountParts => {
  const parts = partsOf(code)
  if (parts === undefined) throw new Error(`${code} is not the code of an account`)
  return parts
}

/**
 * An account and how it stands. Posted amounts have moved; pending ones are held until they are posted, voided or expire.
 * `balance` is what was posted, on the account's normal side; `version` counts its entries.
 */
export class Account extends Schema.Class<Account>("LedgerAccount")({
  id: AccountId,
  code: AccountCode,
  merchantId: Schema.NullOr(MerchantId),
  kind: AccountKind,
  currency: Currency,
  normalSide: Side,
  isGuarded: Schema.Boolean,
  debitsPending: MinorUnits,
  debitsPosted: MinorUnits,
  creditsPending: MinorUnits,
  creditsPosted: MinorUnits,
  balance: MinorUnits,
  version: Schema.Int,
  createdAt: Schema.Date,
  closedAt: Schema.NullOr(Schema.Date),
  frozenAt: Schema.NullOr(Schema.Date)
}) {}

export const AccountPage = Page(Account)

/**
 * How the books stood at a time: by kind and currency, the balances of the accounts that stand on the debit side and of those
 * on the credit side. Over all accounts both sides of a currency are equal; a merchant sees their own accounts only.
 */
export class TrialBalance extends Schema.Class<TrialBalance>("TrialBalance")({
  at: Schema.Date,
  lines: Schema.Array(
    Schema.Struct({ kind: AccountKind, currency: Currency, debits: MinorUnits, credits: MinorUnits })
  ),
  totals: Schema.Array(Schema.Struct({ currency: Currency, debits: MinorUnits, credits: MinorUnits }))
}) {}

/**
 * What the walk through the books found. `head` is the hash of the last sealed transfer: kept elsewhere, it proves later that
 * nothing before it was changed. `fault` is the first thing that does not agree; null where all does.
 */
export class LedgerReport extends Schema.Class<LedgerReport>("LedgerReport")({
  sealed: Schema.Int,
  head: Schema.String,
  shards: Schema.Int,
  fault: Schema.NullOr(Schema.String)
}) {}
