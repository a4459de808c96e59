import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { Problem } from "../kernel/Problem.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { SettlementId, SettlementStatus } from "./Settlement.ts"
import { CalendarName } from "./SettlementTerms.ts"

export class SettlementNotFound extends Problem<SettlementNotFound>()("SettlementNotFound", {
  status: 404,
  title: "There is no such settlement",
  fields: { settlementId: SettlementId }
}) {}

/** One settlement of a merchant and currency at a time. */
export class SettlementUnderWay extends Problem<SettlementUnderWay>()("SettlementUnderWay", {
  status: 409,
  title: "Another settlement of the merchant is under way",
  fields: { settlementId: SettlementId }
}) {}

/** Nothing was posted for the merchant since the last settlement. */
export class NothingToSettle extends Problem<NothingToSettle>()("NothingToSettle", {
  status: 409,
  title: "There is nothing to settle",
  fields: { merchantId: MerchantId, currency: Currency }
}) {}

/** It lies in the future, or a settlement reached further already. */
export class CutOffNotPossible extends Problem<CutOffNotPossible>()("CutOffNotPossible", {
  status: 422,
  title: "Nothing can be settled up to this time",
  fields: { cutOff: Schema.Date, reason: Schema.String },
  detail: ({ reason }) => reason
}) {}

export class SettlementNotFailed extends Problem<SettlementNotFailed>()("SettlementNotFailed", {
  status: 409,
  title: "Only a settlement that failed is tried again",
  fields: { settlementId: SettlementId, state: SettlementStatus },
  detail: ({ state }) => `The settlement is ${state}`
}) {}

/** Terms hold from a time that is to come. */
export class TermsInThePast extends Problem<TermsInThePast>()("TermsInThePast", {
  status: 422,
  title: "Terms do not change what is past",
  fields: { effectiveFrom: Schema.Date }
}) {}

/** No settlement is made by a calendar that nobody wrote: every day but weekends would silently be a business day. */
export class CalendarUnknown extends Problem<CalendarUnknown>()("CalendarUnknown", {
  status: 422,
  title: "The terms name a calendar that there is not",
  fields: { calendar: CalendarName },
  detail: ({ calendar }) => `Nobody wrote the calendar ${calendar}`
}) {}

export class CalendarChanged extends Problem<CalendarChanged>()("CalendarChanged", {
  status: 409,
  title: "The calendar was changed meanwhile",
  fields: { name: CalendarName, version: Schema.Int },
  detail: ({ version }) => `The calendar is at version ${version} by now`
}) {}

/** Nobody ever wrote one of this name; `default` is built in. */
export class CalendarNotFound extends Problem<CalendarNotFound>()("CalendarNotFound", {
  status: 404,
  title: "There is no such calendar"
}) {}

/** Why terms are not set. */
export const termsErrors = [TermsInThePast, CalendarUnknown] as const
export type SettlementTermsRefused = InstanceType<(typeof termsErrors)[number]>

export const calendarErrors = [CalendarNotFound, CalendarChanged] as const
export type CalendarRefused = InstanceType<(typeof calendarErrors)[number]>

/** Why a settlement is not begun. */
export const requestErrors = [SettlementUnderWay, NothingToSettle, CutOffNotPossible] as const
export type RequestRefused = InstanceType<(typeof requestErrors)[number]>

export const retryErrors = [SettlementNotFound, SettlementNotFailed, SettlementUnderWay, CutOffNotPossible] as const
export type RetryRefused = InstanceType<(typeof retryErrors)[number]>
