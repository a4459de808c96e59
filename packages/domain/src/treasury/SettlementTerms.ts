import { DateTime, Option, Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { MinorUnits } from "../kernel/Money.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { BillDay } from "./Bill.ts"

export const SettlementTermsId = Uuid7.pipe(
  Schema.brand("SettlementTermsId"),
  Schema.annotate({ identifier: "SettlementTermsId" })
)
export type SettlementTermsId = typeof SettlementTermsId.Type

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** 1 is Monday, 7 is Sunday. */
export const Weekday = between(1, 7)

/**
 * When what came in is settled. `daily`: a day ends at midnight and is settled on the nth business day after it, with 0 at once;
 * `weekly` and `monthly`: what came in before that day begins, on that day or the first business day after.
 */
export const SettlementCycle = Schema.Union([
  Schema.Struct({ type: Schema.Literal("daily"), businessDays: between(0, 30) }),
  Schema.Struct({ type: Schema.Literal("weekly"), weekday: Weekday }),
  Schema.Struct({ type: Schema.Literal("monthly"), day: between(1, 28) })
]).annotate({ identifier: "SettlementCycle" })
export type SettlementCycle = typeof SettlementCycle.Type

/** A name of the IANA time zone database, such as `Asia/Shanghai`. */
export const TimeZoneName = Schema.String.check(
  Schema.isMaxLength(64),
  Schema.makeFilter(
    (name: string) =>
      (/^[A-Za-z]/.test(name) && Option.isSome(DateTime.zoneMakeNamed(name))) ||
      "must be a name of the time zone database, such as Asia/Shanghai"
  )
).annotate({ identifier: "TimeZoneName" })

export const CalendarName = Schema.String.check(
  Schema.isPattern(/^[a-z][a-z0-9-]{0,39}$/, { message: "must be words of small letters and digits, such as china" })
).annotate({ identifier: "CalendarName" })

/** What is agreed, whatever the merchant. */
const agreed = {
  currency: Currency,
  cycle: SettlementCycle,
  timeZone: TimeZoneName,
  /** Which days are business days. */
  calendar: CalendarName,
  /** Less than that is not settled, but carried into the next cycle. */
  minimum: MinorUnits.check(Schema.isGreaterThanOrEqualTo(0)),
  isPaidOut: Schema.Boolean,
  /** Hundredths of a percent of what was captured that are held back. */
  reserveBasisPoints: between(0, 10_000),
  /** Days after which what was held back is the merchant's to have. */
  reserveDays: between(0, 540)
}

/** Terms hold from a time on, until others of the same merchant and currency do. `merchantId` is null for the platform's default. */
export class SettlementTerms extends Schema.Class<SettlementTerms>("SettlementTerms")({
  id: Schema.NullOr(SettlementTermsId),
  merchantId: Schema.NullOr(MerchantId),
  ...agreed,
  effectiveFrom: Schema.Date,
  actor: Schema.String,
  reason: Schema.String,
  at: Schema.Date
}) {}

/** Without `effectiveFrom` they hold from now on; they never hold for what is past. */
export const NewSettlementTerms = Schema.Struct({
  merchantId: Schema.NullOr(MerchantId),
  ...agreed,
  effectiveFrom: Schema.optionalKey(Schema.DateFromString),
  reason: NonBlankText(400)
}).annotate({ identifier: "NewSettlementTerms" })
export type NewSettlementTerms = typeof NewSettlementTerms.Type

const days = {
  /** Days of the week on which nothing is settled. */
  weekend: Schema.Array(Weekday).check(Schema.isMaxLength(6)),
  /** Days off, and working days that fall on a weekend. */
  days: Schema.Array(Schema.Struct({ day: BillDay, isWorking: Schema.Boolean, name: NonBlankText(80) })).check(
    Schema.isMaxLength(1000)
  )
}

/** Which days are business days. Every version is kept; the newest counts. One that nobody wrote has Saturdays and Sundays off. */
export class BusinessCalendar extends Schema.Class<BusinessCalendar>("BusinessCalendar")({
  name: CalendarName,
  version: Schema.Int,
  ...days,
  actor: Schema.String,
  reason: Schema.String,
  at: Schema.NullOr(Schema.Date)
}) {}

export const CalendarChange = Schema.Struct({
  /** The version that was looked at. */
  version: Schema.Int,
  ...days,
  reason: NonBlankText(400)
}).annotate({ identifier: "BusinessCalendarChange" })
export type CalendarChange = typeof CalendarChange.Type
