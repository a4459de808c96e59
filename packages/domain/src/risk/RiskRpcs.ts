import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { InvalidCursor, pageRequest } from "../kernel/Page.ts"
import { PaymentId } from "../payments/PaymentGateway.ts"
import { putErrors, reviewErrors } from "./RiskApi.ts"
import {
  RiskListEntryNotFound,
  RiskListValueInvalid,
  RiskReviewNotFound,
  RiskRuleInvalid,
  RiskRuleNotFound
} from "./RiskError.ts"
import {
  ListEntry,
  ListEntryPage,
  ListName,
  ListRemoval,
  NewListEntry,
  ReviewDecision,
  ReviewId,
  ReviewStatus,
  RiskCheckPage,
  RiskReview,
  RiskReviewDetails,
  RiskReviewPage
} from "./RiskRecord.ts"
import { BacktestReport, BacktestRequest, ModeChange, RiskRule, RuleChange, RuleId, Verdict } from "./RiskRule.ts"
import { Audited } from "../operations/Audit.ts"

const ofRule = { id: RuleId }
const ofReview = { id: ReviewId }
const decision = { ...ofReview, ...ReviewDecision.fields }

/** What operators see and say of risk. The same services as the HTTP API serve it. */
export class RiskAdminRpcs extends RpcGroup.make(
  Rpc.make("admin.risk.rules", { success: Schema.Array(RiskRule) }).annotate(RequiredPermission, "risk:read"),
  Rpc.make("admin.risk.history", {
    payload: ofRule,
    success: Schema.Array(RiskRule),
    error: RiskRuleNotFound
  }).annotate(RequiredPermission, "risk:read"),
  Rpc.make("admin.risk.put", {
    payload: { ...ofRule, ...RuleChange.fields },
    success: RiskRule,
    error: Schema.Union(putErrors)
  })
    .annotate(Audited, "risk_rule.put")
    .annotate(RequiredPermission, "risk:administer"),
  Rpc.make("admin.risk.setMode", {
    payload: { ...ofRule, ...ModeChange.fields },
    success: RiskRule,
    error: RiskRuleNotFound
  })
    .annotate(Audited, "risk_rule.set_mode")
    .annotate(RequiredPermission, "risk:administer"),
  Rpc.make("admin.risk.backtest", {
    payload: BacktestRequest.fields,
    success: BacktestReport,
    error: RiskRuleInvalid
  }).annotate(RequiredPermission, "risk:administer"),
  Rpc.make("admin.risk.checks", {
    payload: { ...pageRequest, paymentId: Schema.optionalKey(PaymentId), verdict: Schema.optionalKey(Verdict) },
    success: RiskCheckPage,
    error: InvalidCursor
  }).annotate(RequiredPermission, "risk:read"),
  Rpc.make("admin.risk.reviews", {
    payload: { ...pageRequest, status: Schema.optionalKey(ReviewStatus) },
    success: RiskReviewPage,
    error: InvalidCursor
  }).annotate(RequiredPermission, "risk:read"),
  Rpc.make("admin.risk.review", {
    payload: ofReview,
    success: RiskReviewDetails,
    error: RiskReviewNotFound
  }).annotate(RequiredPermission, "risk:read"),
  Rpc.make("admin.risk.approve", {
    payload: decision,
    success: RiskReview,
    error: Schema.Union(reviewErrors)
  })
    .annotate(Audited, "risk_review.approve")
    .annotate(RequiredPermission, "risk:administer"),
  Rpc.make("admin.risk.reject", {
    payload: decision,
    success: RiskReview,
    error: Schema.Union(reviewErrors)
  })
    .annotate(Audited, "risk_review.reject")
    .annotate(RequiredPermission, "risk:administer"),
  Rpc.make("admin.risk.lists", {
    payload: { ...pageRequest, list: Schema.optionalKey(ListName) },
    success: ListEntryPage,
    error: InvalidCursor
  }).annotate(RequiredPermission, "risk:read"),
  Rpc.make("admin.risk.enlist", { payload: NewListEntry.fields, success: ListEntry, error: RiskListValueInvalid })
    .annotate(Audited, "risk_list.enlist")
    .annotate(RequiredPermission, "risk:administer"),
  Rpc.make("admin.risk.delist", { payload: ListRemoval.fields, error: RiskListEntryNotFound })
    .annotate(Audited, "risk_list.delist")
    .annotate(RequiredPermission, "risk:administer")
)
  .annotateRpcs(Audited, "nothing")
  .middleware(RpcAuthorization) {}
