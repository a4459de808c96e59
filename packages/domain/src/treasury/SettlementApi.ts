import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { RequiredStepUp, StepUp } from "../identity/StepUp.ts"
import { Currency } from "../kernel/Currency.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, pageQuery } from "../kernel/Page.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { Audited } from "../operations/Audit.ts"
import {
  HeldReservePage,
  NewSettlement,
  Settlement,
  SettlementDetails,
  SettlementId,
  SettlementItemPage,
  SettlementPage,
  SettlementRetry,
  SettlementStatus
} from "./Settlement.ts"
import {
  calendarErrors,
  CalendarNotFound,
  requestErrors,
  retryErrors,
  SettlementNotFound,
  termsErrors
} from "./SettlementError.ts"
import {
  BusinessCalendar,
  CalendarChange,
  CalendarName,
  NewSettlementTerms,
  SettlementTerms
} from "./SettlementTerms.ts"

const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })
const id = { id: SettlementId }

/** What a list may be narrowed by. */
export const ofMerchant = {
  merchantId: Schema.optionalKey(MerchantId),
  currency: Schema.optionalKey(Currency)
}
export const settlementFilter = { ...ofMerchant, status: Schema.optionalKey(SettlementStatus) }

/** Settlements: a merchant sees their own, an admin all. */
export class SettlementsApiGroup extends HttpApiGroup.make("settlements")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: { ...pageQuery, ...settlementFilter },
      success: SettlementPage,
      error: InvalidCursor
    }).annotateMerge(describe("List settlements", "Newest first; amounts are minor units.")),
    HttpApiEndpoint.get("terms", "/terms", {
      query: ofMerchant,
      success: Schema.Array(SettlementTerms)
    }).annotateMerge(
      describe(
        "Read the terms",
        "Those that were, are and will be in force, with the platform's default; newest first."
      )
    ),
    HttpApiEndpoint.get("reserves", "/reserves", {
      query: { ...pageQuery, ...ofMerchant },
      success: HeldReservePage,
      error: InvalidCursor
    }).annotateMerge(describe("List reserves", "What is and was held back; newest first.")),
    HttpApiEndpoint.get("calendar", "/calendars/:name", {
      params: { name: CalendarName },
      success: BusinessCalendar,
      error: CalendarNotFound
    }).annotateMerge(describe("Read a calendar", "Which days are business days.")),
    HttpApiEndpoint.get("show", "/:id", {
      params: id,
      success: SettlementDetails,
      error: SettlementNotFound
    }).annotateMerge(describe("Read a settlement", "Its statement and its history.")),
    HttpApiEndpoint.get("items", "/:id/items", {
      params: id,
      query: pageQuery,
      success: SettlementItemPage,
      error: [SettlementNotFound, InvalidCursor]
    }).annotateMerge(describe("List the items", "The movements that the settlement settles, in the order of posting.")),
    HttpApiEndpoint.get("statement", "/:id/statement.csv", {
      params: id,
      success: Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/csv" })),
      error: SettlementNotFound
    }).annotateMerge(describe("Download the statement", "All items as CSV, safe to open in a spreadsheet."))
  )
  .annotateEndpoints(RequiredPermission, "settlements:read")
  .add(
    HttpApiEndpoint.post("run", "/", { payload: NewSettlement, success: Settlement, error: requestErrors })
      .annotate(Audited, "settlement.run")
      .middleware(Idempotent)
      .annotateMerge(describe("Settle now", "Begins a settlement, which the worker carries out."))
      .annotate(RequiredPermission, "settlements:administer"),
    HttpApiEndpoint.post("retry", "/:id/retry", {
      params: id,
      payload: SettlementRetry,
      success: Settlement,
      error: retryErrors
    })
      .annotate(Audited, "settlement.retry")
      .middleware(Idempotent)
      .annotateMerge(describe("Try a failed settlement again", "With what is unsettled by then."))
      .annotate(RequiredPermission, "settlements:administer"),
    HttpApiEndpoint.put("setTerms", "/terms", {
      payload: NewSettlementTerms,
      success: SettlementTerms,
      error: termsErrors
    })
      .annotate(Audited, "settlement_terms.set")
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .annotateMerge(describe("Set terms", "From now or from a later time on, for a merchant or as the default."))
      .annotate(RequiredPermission, "settlements:administer"),
    HttpApiEndpoint.put("setCalendar", "/calendars/:name", {
      params: { name: CalendarName },
      payload: CalendarChange,
      success: BusinessCalendar,
      error: calendarErrors
    })
      .annotate(Audited, "business_calendar.put")
      .annotateMerge(describe("Change a calendar", "Names the version that was looked at; every version is kept."))
      .annotate(RequiredPermission, "settlements:administer")
  )
  .middleware(Authorization)
  .prefix("/api/v1/settlements")
  .annotateMerge(OpenApi.annotations({ title: "Settlements", description: "What merchants get, and when" })) {}
