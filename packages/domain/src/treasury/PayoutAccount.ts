import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { Page } from "../kernel/Page.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import * as StateMachine from "../kernel/StateMachine.ts"
import { MerchantId } from "../merchants/Merchant.ts"

export const PayoutAccountId = Uuid7.pipe(
  Schema.brand("PayoutAccountId"),
  Schema.annotate({ identifier: "PayoutAccountId" })
)
export type PayoutAccountId = typeof PayoutAccountId.Type

/**
 * `unverified`: a second person has not looked at it. `active`: money goes there, from `usableFrom` on. `superseded`: another
 * took its place.
 */
export const PayoutAccountStatus = Schema.Literals(["unverified", "active", "rejected", "superseded"]).annotate({
  identifier: "PayoutAccountStatus"
})
export type PayoutAccountStatus = typeof PayoutAccountStatus.Type

export const payoutAccountStates = StateMachine.make<PayoutAccountStatus>({
  unverified: ["active", "rejected", "superseded"],
  active: ["superseded"],
  rejected: [],
  superseded: []
})

/** Who changed something from which state to which, when and why. */
export const changeOf = <S extends Schema.Top>(status: S) =>
  Schema.Struct({
    fromStatus: Schema.NullOr(status),
    toStatus: status,
    actor: Schema.String,
    reason: Schema.String,
    traceId: Schema.NullOr(Schema.String),
    at: Schema.Date
  })

/** A bank account of a merchant, as it may be seen: of its number only how it ends. */
export class PayoutAccount extends Schema.Class<PayoutAccount>("PayoutAccount")({
  id: PayoutAccountId,
  merchantId: MerchantId,
  currency: Currency,
  country: Schema.String,
  holder: Schema.String,
  maskedNumber: Schema.String,
  bankCode: Schema.NullOr(Schema.String),
  bic: Schema.NullOr(Schema.String),
  status: PayoutAccountStatus,
  addedBy: Schema.String,
  verifiedBy: Schema.NullOr(Schema.String),
  /** Money goes there from then on, and not sooner: whoever took over a login is found out before. */
  usableFrom: Schema.NullOr(Schema.Date),
  endedAt: Schema.NullOr(Schema.Date),
  createdAt: Schema.Date
}) {}

export class PayoutAccountDetails extends Schema.Class<PayoutAccountDetails>("PayoutAccountDetails")({
  account: PayoutAccount,
  history: Schema.Array(changeOf(PayoutAccountStatus))
}) {}

export const PayoutAccountPage = Page(PayoutAccount)

/** The number of an account. Redacted as soon as it is read: neither a log nor an error shows it. */
const AccountNumber = Schema.RedactedFromValue(Schema.String.check(Schema.isMaxLength(50)), {
  label: "account number"
})

/**
 * An IBAN; for China the number of a card and, as `bankCode`, the CNAPS number of its branch. `holder` as the bank knows them.
 */
export const NewPayoutAccount = Schema.Struct({
  currency: Currency,
  country: Schema.String.check(Schema.isPattern(/^[A-Z]{2}$/)),
  holder: NonBlankText(70),
  number: AccountNumber,
  bankCode: Schema.optionalKey(NonBlankText(20)),
  bic: Schema.optionalKey(NonBlankText(11)),
  reason: NonBlankText(400)
}).annotate({ identifier: "NewPayoutAccount" })
export type NewPayoutAccount = typeof NewPayoutAccount.Type

/** Why somebody decides. */
export const PayoutDecision = Schema.Struct({ reason: NonBlankText(400) }).annotate({ identifier: "PayoutDecision" })
export type PayoutDecision = typeof PayoutDecision.Type
