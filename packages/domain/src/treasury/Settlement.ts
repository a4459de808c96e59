import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { MinorUnits } from "../kernel/Money.ts"
import { Page } from "../kernel/Page.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import * as StateMachine from "../kernel/StateMachine.ts"
import * as Topic from "../kernel/Topic.ts"
import { PayableEntry } from "../ledger/PayableEntries.ts"
import { Purpose } from "../ledger/Transfer.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { PayoutId } from "./Payouts.ts"

export const SettlementId = Uuid7.pipe(Schema.brand("SettlementId"), Schema.annotate({ identifier: "SettlementId" }))
export type SettlementId = typeof SettlementId.Type

/**
 * `gathered`: its items are no other settlement's; `stated`: the statement is made and stays as it is; `settled`: the money is
 * on the settlement account; `carried`: less than the minimum, or less than nothing, so it goes into the next one; `failed`:
 * its items are free again.
 */
export const SettlementStatus = Schema.Literals([
  "requested",
  "gathered",
  "stated",
  "settled",
  "carried",
  "failed"
]).annotate({ identifier: "SettlementStatus" })
export type SettlementStatus = typeof SettlementStatus.Type

export const settlementStates = StateMachine.make<SettlementStatus>({
  requested: ["gathered", "failed"],
  gathered: ["stated", "failed"],
  stated: ["settled", "carried", "failed"],
  settled: ["failed"],
  carried: [],
  failed: ["requested"]
})

/** All items of one purpose: what they added to what is owed, and what they took of it. */
export const SettlementLine = Schema.Struct({
  purpose: Purpose,
  items: Schema.Int,
  added: MinorUnits,
  taken: MinorUnits
}).annotate({ identifier: "SettlementLine" })
export type SettlementLine = typeof SettlementLine.Type

/**
 * What a merchant gets for the time up to `cutOff`: `net` = the lines + `carriedIn`; and `net` = `settled` + `reserve` +
 * `carriedOut`. The sums are null until the statement is made. Amounts are minor units.
 */
export class Settlement extends Schema.Class<Settlement>("Settlement")({
  id: SettlementId,
  merchantId: MerchantId,
  currency: Currency,
  cutOff: Schema.Date,
  status: SettlementStatus,
  /** How often it was begun. */
  attempt: Schema.Int,
  lines: Schema.NullOr(Schema.Array(SettlementLine)),
  carriedIn: Schema.NullOr(MinorUnits),
  net: Schema.NullOr(MinorUnits),
  reserve: Schema.NullOr(MinorUnits),
  settled: Schema.NullOr(MinorUnits),
  carriedOut: Schema.NullOr(MinorUnits),
  reserveReleaseAt: Schema.NullOr(Schema.Date),
  reserveReleasedAt: Schema.NullOr(Schema.Date),
  payoutId: Schema.NullOr(PayoutId),
  /** Why it was not paid out by itself. */
  payoutNote: Schema.NullOr(Schema.String),
  /** Why it failed. */
  failure: Schema.NullOr(Schema.String),
  createdAt: Schema.Date,
  updatedAt: Schema.Date
}) {}

export const SettlementPage = Page(Settlement)

/** With everything that happened to it. */
export class SettlementDetails extends Schema.Class<SettlementDetails>("SettlementDetails")({
  settlement: Settlement,
  history: Schema.Array(
    Schema.Struct({
      from: Schema.NullOr(SettlementStatus),
      to: SettlementStatus,
      actor: Schema.String,
      reason: Schema.String,
      traceId: Schema.NullOr(Schema.String),
      at: Schema.Date
    })
  )
}) {}

/** One movement that a settlement settles. */
export const SettlementItem = PayableEntry.annotate({ identifier: "SettlementItem" })
export type SettlementItem = typeof SettlementItem.Type

export const SettlementItemPage = Page(SettlementItem)

/** What is held back of a settlement, and until when. */
export const HeldReserve = Schema.Struct({
  settlementId: SettlementId,
  merchantId: MerchantId,
  currency: Currency,
  amount: MinorUnits,
  releaseAt: Schema.Date,
  releasedAt: Schema.NullOr(Schema.Date)
}).annotate({ identifier: "HeldReserve" })
export type HeldReserve = typeof HeldReserve.Type

export const HeldReservePage = Page(HeldReserve)

/** Settles by hand what was posted before `cutOff`; before now where it is not given. */
export const NewSettlement = Schema.Struct({
  merchantId: MerchantId,
  currency: Currency,
  cutOff: Schema.optionalKey(Schema.DateFromString),
  reason: NonBlankText(400)
}).annotate({ identifier: "NewSettlement" })
export type NewSettlement = typeof NewSettlement.Type

export const SettlementRetry = Schema.Struct({ reason: NonBlankText(400) }).annotate({ identifier: "SettlementRetry" })

/** What of a settlement is to be done, the how manieth time. */
export const SettlementAttempt = Schema.Struct({ id: SettlementId, attempt: Schema.Int })
export type SettlementAttempt = typeof SettlementAttempt.Type

export const SettlementRequested = Topic.make("settlement.requested", {
  schema: SettlementAttempt,
  subscribers: ["treasury"],
  id: ({ attempt, id }) => `${id}/${attempt}`
})

/** A settlement came to its end: its money is there, or is carried into the next one. With the sums of its statement. */
export const SettlementSettled = Topic.make("settlement.settled", {
  schema: Schema.Struct({
    id: SettlementId,
    merchantId: MerchantId,
    currency: Currency,
    status: SettlementStatus,
    cutOff: Schema.Date,
    lines: Schema.Array(SettlementLine),
    carriedIn: MinorUnits,
    net: MinorUnits,
    reserve: MinorUnits,
    settled: MinorUnits,
    carriedOut: MinorUnits
  }),
  subscribers: ["merchants"],
  id: ({ id }) => id
})
