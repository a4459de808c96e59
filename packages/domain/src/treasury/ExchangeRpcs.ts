import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { RequiredStepUp, RpcStepUp } from "../identity/StepUp.ts"
import { Currency } from "../kernel/Currency.ts"
import { InvalidCursor, pageRequest } from "../kernel/Page.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { Audited } from "../operations/Audit.ts"
import {
  acceptErrors,
  FxQuoteNotFound,
  FxSourceUnavailable,
  FxSpreadBackdated,
  quoteErrors,
  rateDecisionErrors
} from "./FxError.ts"
import { FxConversion, FxConversionPage, FxQuote, FxQuoteId, NewFxQuote } from "./FxQuote.ts"
import {
  FxFetch,
  FxRate,
  FxRateDecision,
  FxRateId,
  FxRateInForce,
  FxRatePage,
  FxRateStatus,
  NewFxRate
} from "./FxRate.ts"
import { FxLimit, FxPositions, FxSpread, NewFxLimit, NewFxSpread } from "./FxTerms.ts"

const quoteId = { id: FxQuoteId }
const decision = { id: FxRateId, ...FxRateDecision.fields }
const rateDecisionError = Schema.Union(rateDecisionErrors)

/** What the staff of a shop exchange. */
export class ExchangeMerchantRpcs extends RpcGroup.make(
  Rpc.make("fx.rates", { success: Schema.Array(FxRateInForce) })
    .annotate(RequiredPermission, "fx:read")
    .annotate(Audited, "nothing"),
  Rpc.make("fx.quote", { payload: quoteId, success: FxQuote, error: FxQuoteNotFound })
    .annotate(RequiredPermission, "fx:read")
    .annotate(Audited, "nothing"),
  Rpc.make("fx.conversions", { payload: pageRequest, success: FxConversionPage, error: InvalidCursor })
    .annotate(RequiredPermission, "fx:read")
    .annotate(Audited, "nothing"),
  Rpc.make("fx.createQuote", { payload: NewFxQuote, success: FxQuote, error: Schema.Union(quoteErrors) })
    .annotate(RequiredPermission, "fx:convert")
    .annotate(Audited, "nothing"),
  /** The same again answers with the conversion that there is. */
  Rpc.make("fx.accept", { payload: quoteId, success: FxConversion, error: Schema.Union(acceptErrors) })
    .annotate(RequiredPermission, "fx:convert")
    .annotate(Audited, "fx_quote.accept")
).middleware(RpcAuthorization) {}

class Reads extends RpcGroup.make(
  Rpc.make("admin.fx.rates", {
    payload: { ...pageRequest, status: Schema.optionalKey(FxRateStatus) },
    success: FxRatePage,
    error: InvalidCursor
  }),
  Rpc.make("admin.fx.conversions", {
    payload: { ...pageRequest, merchantId: Schema.optionalKey(MerchantId) },
    success: FxConversionPage,
    error: InvalidCursor
  }),
  /** All that are or will be in force. */
  Rpc.make("admin.fx.spreads", { success: Schema.Array(FxSpread) }),
  Rpc.make("admin.fx.limits", { success: Schema.Array(FxLimit) }),
  Rpc.make("admin.fx.positions", {
    payload: { currency: Schema.optionalKey(Currency) },
    success: FxPositions
  })
).annotateRpcs(Audited, "nothing") {}

class Acts extends RpcGroup.make(
  /** Asks the source now, as the sweep `fx_rates` does by itself. */
  Rpc.make("admin.fx.fetch", { success: FxFetch, error: FxSourceUnavailable }).annotate(Audited, "fx_rate.fetch"),
  Rpc.make("admin.fx.propose", { payload: { id: FxRateId, rate: NewFxRate }, success: FxRate }).annotate(
    Audited,
    "fx_rate.propose"
  ),
  Rpc.make("admin.fx.reject", { payload: decision, success: FxRate, error: rateDecisionError }).annotate(
    Audited,
    "fx_rate.reject"
  )
) {}

/** They decide what money is worth. */
class Dangerous extends RpcGroup.make(
  Rpc.make("admin.fx.approve", { payload: decision, success: FxRate, error: rateDecisionError }).annotate(
    Audited,
    "fx_rate.approve"
  ),
  Rpc.make("admin.fx.setSpread", { payload: NewFxSpread.fields, success: FxSpread, error: FxSpreadBackdated }).annotate(
    Audited,
    "fx_spread.put"
  ),
  Rpc.make("admin.fx.setLimit", { payload: NewFxLimit.fields, success: FxLimit }).annotate(Audited, "fx_limit.put")
)
  .annotateRpcs(RequiredStepUp, "recent")
  .middleware(RpcStepUp) {}

/** Rates, what the platform keeps of an exchange, and how far it goes. */
export class ExchangeAdminRpcs extends Reads.merge(Acts, Dangerous)
  .annotateRpcs(RequiredPermission, "fx:administer")
  .middleware(RpcAuthorization) {}
