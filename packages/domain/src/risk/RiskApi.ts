import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, pageQuery } from "../kernel/Page.ts"
import { PaymentId } from "../payments/PaymentGateway.ts"
import {
  RiskListEntryNotFound,
  RiskListValueInvalid,
  RiskReviewClosed,
  RiskReviewNotFound,
  RiskRuleChanged,
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

const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })
const ofRule = { id: RuleId }
const ofReview = { id: ReviewId }

/** What may go wrong when a rule is put. */
export const putErrors = [RiskRuleInvalid, RiskRuleChanged, RiskRuleNotFound] as const
export const reviewErrors = [RiskReviewNotFound, RiskReviewClosed] as const

/** Who may pay: rules, lists, what was checked and what waits for a person. For operators. */
export class RiskApiGroup extends HttpApiGroup.make("risk")
  .add(
    HttpApiEndpoint.get("rules", "/rules", { success: Schema.Array(RiskRule) })
      .annotate(RequiredPermission, "risk:read")
      .annotateMerge(describe("List the rules", "The newest version of each, by their ids; those that are off too.")),
    HttpApiEndpoint.get("history", "/rules/:id/history", {
      params: ofRule,
      success: Schema.Array(RiskRule),
      error: RiskRuleNotFound
    })
      .annotate(RequiredPermission, "risk:read")
      .annotateMerge(describe("Read a rule's history", "Newest first, at most 100 versions: who, when and why.")),
    HttpApiEndpoint.put("put", "/rules/:id", {
      params: ofRule,
      payload: RuleChange,
      success: RiskRule,
      error: putErrors
    })
      .annotate(Audited, "risk_rule.put")
      .annotate(RequiredPermission, "risk:administer")
      .annotateMerge(
        describe("Make or change a rule", "`version` is the one the change was made from, 0 for a new rule.")
      ),
    HttpApiEndpoint.put("setMode", "/rules/:id/mode", {
      params: ofRule,
      payload: ModeChange,
      success: RiskRule,
      error: RiskRuleNotFound
    })
      .annotate(Audited, "risk_rule.set_mode")
      .annotate(RequiredPermission, "risk:administer")
      .annotateMerge(
        describe("Switch a rule", "`shadow` records what it would have decided; every server follows at once.")
      ),
    HttpApiEndpoint.post("backtest", "/backtests", {
      payload: BacktestRequest,
      success: BacktestReport,
      error: RiskRuleInvalid
    })
      .annotate(Audited, "nothing")
      .annotate(RequiredPermission, "risk:administer")
      .annotateMerge(
        describe("Try a rule on the past", "Replays the stored checks of the last `days` days. Changes nothing.")
      ),
    HttpApiEndpoint.get("checks", "/checks", {
      query: { ...pageQuery, paymentId: Schema.optionalKey(PaymentId), verdict: Schema.optionalKey(Verdict) },
      success: RiskCheckPage,
      error: InvalidCursor
    })
      .annotate(RequiredPermission, "risk:read")
      .annotateMerge(describe("List checks", "Newest first, with their facts and reasons.")),
    HttpApiEndpoint.get("reviews", "/reviews", {
      query: { ...pageQuery, status: Schema.optionalKey(ReviewStatus) },
      success: RiskReviewPage,
      error: InvalidCursor
    })
      .annotate(RequiredPermission, "risk:read")
      .annotateMerge(describe("List reviews", "Newest first; `status=open` is what waits for a person.")),
    HttpApiEndpoint.get("showReview", "/reviews/:id", {
      params: ofReview,
      success: RiskReviewDetails,
      error: RiskReviewNotFound
    })
      .annotate(RequiredPermission, "risk:read")
      .annotateMerge(describe("Read a review", "With the checks of its payment and its history.")),
    HttpApiEndpoint.post("approve", "/reviews/:id/approve", {
      params: ofReview,
      payload: ReviewDecision,
      success: RiskReview,
      error: reviewErrors
    })
      .annotate(Audited, "risk_review.approve")
      .middleware(Idempotent)
      .annotate(RequiredPermission, "risk:administer")
      .annotateMerge(
        describe("Approve a payment", "The buyer may confirm it again, and is not held up a second time.")
      ),
    HttpApiEndpoint.post("reject", "/reviews/:id/reject", {
      params: ofReview,
      payload: ReviewDecision,
      success: RiskReview,
      error: reviewErrors
    })
      .annotate(Audited, "risk_review.reject")
      .middleware(Idempotent)
      .annotate(RequiredPermission, "risk:administer")
      .annotateMerge(describe("Reject a payment", "The buyer is refused from then on.")),
    HttpApiEndpoint.get("lists", "/lists", {
      query: { ...pageQuery, list: Schema.optionalKey(ListName) },
      success: ListEntryPage,
      error: InvalidCursor
    })
      .annotate(RequiredPermission, "risk:read")
      .annotateMerge(describe("List who is blocked or allowed", "Those that have not expired.")),
    HttpApiEndpoint.post("enlist", "/lists", {
      payload: NewListEntry,
      success: ListEntry.pipe(HttpApiSchema.status(201)),
      error: RiskListValueInvalid
    })
      .annotate(Audited, "risk_list.enlist")
      .middleware(Idempotent)
      .annotate(RequiredPermission, "risk:administer")
      .annotateMerge(
        describe(
          "Block or allow",
          "Counts from the next check on, in every server. A network is an IPv4 address, an IPv6 address or its /64."
        )
      ),
    HttpApiEndpoint.post("delist", "/lists/remove", {
      payload: ListRemoval,
      success: HttpApiSchema.NoContent,
      error: RiskListEntryNotFound
    })
      .annotate(Audited, "risk_list.delist")
      .middleware(Idempotent)
      .annotate(RequiredPermission, "risk:administer")
      .annotateMerge(describe("Take off a list", "The reason is kept in the history."))
  )
  .middleware(Authorization)
  .prefix("/api/v1/risk")
  .annotateMerge(OpenApi.annotations({ title: "Risk", description: "Who may pay, and why not" })) {}
