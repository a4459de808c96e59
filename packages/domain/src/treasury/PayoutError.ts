import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { MinorUnits } from "../kernel/Money.ts"
import { Problem } from "../kernel/Problem.ts"
import { AccountClosed, AccountFrozen, AccountOverdrawn } from "../ledger/LedgerError.ts"
import { PayoutStatus } from "./Payout.ts"
import { PayoutAccountId, PayoutAccountStatus } from "./PayoutAccount.ts"
import { NoPayoutAccount, PayoutId, PayoutsWithheld } from "./Payouts.ts"

export class PayoutAccountNotFound extends Problem<PayoutAccountNotFound>()("PayoutAccountNotFound", {
  status: 404,
  title: "There is no such pay-out account",
  fields: { accountId: PayoutAccountId }
}) {}

/** Names the fields that are missing or wrong, never what was in them. */
export class PayoutAccountInvalid extends Problem<PayoutAccountInvalid>()("PayoutAccountInvalid", {
  status: 422,
  title: "There can be no such bank account",
  fields: { wrong: Schema.Array(Schema.String) },
  detail: ({ wrong }) => `Missing or not of the right form: ${wrong.join(", ")}`
}) {}

export class PayoutAccountDecided extends Problem<PayoutAccountDecided>()("PayoutAccountDecided", {
  status: 409,
  title: "The pay-out account does not wait for a decision",
  fields: { accountId: PayoutAccountId, state: PayoutAccountStatus },
  detail: ({ state }) => `The pay-out account is ${state}`
}) {}

/** Something else has this id already. */
export class IdUsed extends Problem<IdUsed>()("IdUsed", {
  status: 422,
  title: "This id was used for something else",
  fields: { id: Schema.String }
}) {}

/** Who is of no shop has no account to be paid on. */
export class NotStaff extends Problem<NotStaff>()("NotStaff", {
  status: 403,
  title: "Only the staff of a shop may do this"
}) {}

export class PayoutNotFound extends Problem<PayoutNotFound>()("PayoutNotFound", {
  status: 404,
  title: "There is no such pay-out",
  fields: { payoutId: PayoutId }
}) {}

export class PayoutStateConflict extends Problem<PayoutStateConflict>()("PayoutStateConflict", {
  status: 409,
  title: "The pay-out does not allow this now",
  fields: { payoutId: PayoutId, state: PayoutStatus },
  detail: ({ state }) => `The pay-out is ${state}`
}) {}

/** Who asked for it, or has decided already, does not decide; nor who added an account. */
export class AnotherPersonNeeded extends Problem<AnotherPersonNeeded>()("AnotherPersonNeeded", {
  status: 403,
  title: "Another person decides"
}) {}

/** The account is new: nothing is paid before `usableFrom`. */
export class PayoutAccountCoolingOff extends Problem<PayoutAccountCoolingOff>()("PayoutAccountCoolingOff", {
  status: 409,
  title: "The pay-out account is too new",
  fields: { accountId: PayoutAccountId, usableFrom: Schema.Date },
  detail: ({ usableFrom }) => `Nothing is paid to it before ${usableFrom.toISOString()}`
}) {}

/** More at once, or within 24 hours, than may be withdrawn. Amounts in minor units. */
export class WithdrawalLimitExceeded extends Problem<WithdrawalLimitExceeded>()("WithdrawalLimitExceeded", {
  status: 422,
  title: "That is more than may be withdrawn",
  fields: {
    period: Schema.Literals(["request", "day"]),
    limit: MinorUnits,
    left: MinorUnits,
    currency: Currency
  },
  detail: ({ currency, left, limit, period }) => `At most ${limit} ${currency} by ${period}, of which ${left} are left`
}) {}

export const accountErrors = [PayoutAccountInvalid, IdUsed, NotStaff] as const
export const accountDecisionErrors = [PayoutAccountNotFound, PayoutAccountDecided, AnotherPersonNeeded] as const
export type AccountDecisionRefused = InstanceType<(typeof accountDecisionErrors)[number]>

export const withdrawalErrors = [
  NotStaff,
  IdUsed,
  NoPayoutAccount,
  PayoutsWithheld,
  PayoutAccountCoolingOff,
  WithdrawalLimitExceeded,
  AccountOverdrawn,
  AccountClosed,
  AccountFrozen
] as const
export type WithdrawalRefused = InstanceType<(typeof withdrawalErrors)[number]>

export const payoutChangeErrors = [PayoutNotFound, PayoutStateConflict] as const
export type PayoutChangeRefused = InstanceType<(typeof payoutChangeErrors)[number]>

export const payoutDecisionErrors = [...payoutChangeErrors, AnotherPersonNeeded] as const
