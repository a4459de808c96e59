import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { RequiredStepUp, RpcStepUp } from "../identity/StepUp.ts"
import { Currency } from "../kernel/Currency.ts"
import { InvalidCursor, pageRequest } from "../kernel/Page.ts"
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
import { ofMerchant, settlementFilter } from "./SettlementApi.ts"
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

const id = { id: SettlementId }
const currency = { currency: Schema.optionalKey(Currency) }
const itemErrors = Schema.Union([SettlementNotFound, InvalidCursor])

/** What the staff of a merchant see of their own settlements. */
export class SettlementMerchantRpcs extends RpcGroup.make(
  Rpc.make("settlements.list", {
    payload: { ...pageRequest, ...currency, status: Schema.optionalKey(SettlementStatus) },
    success: SettlementPage,
    error: InvalidCursor
  }),
  Rpc.make("settlements.show", { payload: id, success: SettlementDetails, error: SettlementNotFound }),
  Rpc.make("settlements.items", {
    payload: { ...id, ...pageRequest },
    success: SettlementItemPage,
    error: itemErrors
  }),
  Rpc.make("settlements.terms", { payload: currency, success: Schema.Array(SettlementTerms) }),
  Rpc.make("settlements.reserves", {
    payload: { ...pageRequest, ...currency },
    success: HeldReservePage,
    error: InvalidCursor
  })
)
  .annotateRpcs(RequiredPermission, "settlements:read")
  .annotateRpcs(Audited, "nothing")
  .middleware(RpcAuthorization) {}

class Reads extends RpcGroup.make(
  Rpc.make("admin.settlements.list", {
    payload: { ...pageRequest, ...settlementFilter },
    success: SettlementPage,
    error: InvalidCursor
  }),
  Rpc.make("admin.settlements.show", { payload: id, success: SettlementDetails, error: SettlementNotFound }),
  Rpc.make("admin.settlements.items", {
    payload: { ...id, ...pageRequest },
    success: SettlementItemPage,
    error: itemErrors
  }),
  Rpc.make("admin.settlements.terms", { payload: ofMerchant, success: Schema.Array(SettlementTerms) }),
  Rpc.make("admin.settlements.reserves", {
    payload: { ...pageRequest, ...ofMerchant },
    success: HeldReservePage,
    error: InvalidCursor
  }),
  Rpc.make("admin.settlements.calendar", {
    payload: { name: CalendarName },
    success: BusinessCalendar,
    error: CalendarNotFound
  })
).annotateRpcs(Audited, "nothing") {}

class Acts extends RpcGroup.make(
  Rpc.make("admin.settlements.run", {
    payload: NewSettlement.fields,
    success: Settlement,
    error: Schema.Union(requestErrors)
  }).annotate(Audited, "settlement.run"),
  Rpc.make("admin.settlements.retry", {
    payload: { ...id, ...SettlementRetry.fields },
    success: Settlement,
    error: Schema.Union(retryErrors)
  }).annotate(Audited, "settlement.retry"),
  Rpc.make("admin.settlements.setTerms", {
    payload: NewSettlementTerms.fields,
    success: SettlementTerms,
    error: Schema.Union(termsErrors)
  })
    .annotate(Audited, "settlement_terms.set")
    .annotate(RequiredStepUp, "recent")
    .middleware(RpcStepUp),
  Rpc.make("admin.settlements.setCalendar", {
    payload: { name: CalendarName, ...CalendarChange.fields },
    success: BusinessCalendar,
    error: Schema.Union(calendarErrors)
  }).annotate(Audited, "business_calendar.put")
) {}

/** What operators see of settlements and do with them. */
export class SettlementAdminRpcs extends Reads.merge(Acts)
  .annotateRpcs(RequiredPermission, "settlements:administer")
  .middleware(RpcAuthorization) {}
