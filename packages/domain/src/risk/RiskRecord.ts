import { Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { Page } from "../kernel/Page.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import * as StateMachine from "../kernel/StateMachine.ts"
import { PaymentId } from "../payments/PaymentGateway.ts"
import { RiskFacts } from "./Fact.ts"
import { Reason, RuleAction, RuleId, RuleMode, Verdict } from "./RiskRule.ts"

export const CheckId = Uuid7.pipe(Schema.brand("RiskCheckId"), Schema.annotate({ identifier: "RiskCheckId" }))
export type CheckId = typeof CheckId.Type

export const ReviewId = Uuid7.pipe(Schema.brand("RiskReviewId"), Schema.annotate({ identifier: "RiskReviewId" }))
export type ReviewId = typeof ReviewId.Type

/** A rule that hit, as it was then. */
export const RiskHit = Schema.Struct({
  rule: RuleId,
  version: Schema.Int,
  mode: RuleMode,
  score: Schema.Int,
  action: RuleAction
}).annotate({ identifier: "RiskHit" })
export type RiskHit = typeof RiskHit.Type

/** What decided: a list and an operator's word stand above the rules. */
export const DecidedBy = Schema.Literals(["rules", "block_list", "allow_list", "operator", "challenge_met"]).annotate({
  identifier: "RiskDecidedBy"
})
export type DecidedBy = typeof DecidedBy.Type

/** What the buyer has to do: sign in, or pay by another channel or method. */
export const ChallengeNeed = Schema.Literals(["sign_in", "other_method"]).annotate({ identifier: "RiskChallengeNeed" })
export type ChallengeNeed = typeof ChallengeNeed.Type

/** One check: what was known, what was decided and why. */
export class RiskCheckRecord extends Schema.Class<RiskCheckRecord>("RiskCheckRecord")({
  id: CheckId,
  paymentId: PaymentId,
  at: Schema.Date,
  facts: RiskFacts,
  verdict: Verdict,
  decidedBy: DecidedBy,
  score: Schema.Int,
  /** The rules that hit, those in shadow among them. */
  hits: Schema.Array(RiskHit),
  /** What the rules would have decided with those in shadow among them. */
  shadowVerdict: Verdict,
  needs: Schema.NullOr(ChallengeNeed),
  /** When the channel declined the try that this check let pass. */
  declinedAt: Schema.NullOr(Schema.Date),
  traceId: Schema.NullOr(Schema.String)
}) {}

export const RiskCheckPage = Page(RiskCheckRecord)

export const ReviewStatus = Schema.Literals(["open", "approved", "rejected", "expired"]).annotate({
  identifier: "RiskReviewStatus"
})
export type ReviewStatus = typeof ReviewStatus.Type

export const reviewLifecycle = StateMachine.make<ReviewStatus>({
  open: ["approved", "rejected", "expired"],
  approved: [],
  rejected: [],
  expired: []
})

/** A payment that waits for a person. It is paid by confirming it again once it is approved. */
export class RiskReview extends Schema.Class<RiskReview>("RiskReview")({
  id: ReviewId,
  paymentId: PaymentId,
  checkId: CheckId,
  status: ReviewStatus,
  expiresAt: Schema.Date,
  decidedBy: Schema.NullOr(Schema.String),
  reason: Schema.NullOr(Schema.String),
  createdAt: Schema.Date,
  updatedAt: Schema.Date
}) {}

export const RiskReviewPage = Page(RiskReview)

export const ReviewChange = Schema.Struct({
  fromStatus: Schema.NullOr(ReviewStatus),
  toStatus: ReviewStatus,
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}).annotate({ identifier: "RiskReviewChange" })

/** A review with all checks of its payment, the newest first. */
export const RiskReviewDetails = Schema.Struct({
  review: RiskReview,
  checks: Schema.Array(RiskCheckRecord),
  history: Schema.Array(ReviewChange)
}).annotate({ identifier: "RiskReviewDetails" })
export type RiskReviewDetails = typeof RiskReviewDetails.Type

export const ReviewDecision = Schema.Struct({ reason: Reason }).annotate({ identifier: "RiskReviewDecision" })

export const ListName = Schema.Literals(["block", "allow"]).annotate({ identifier: "RiskListName" })
export type ListName = typeof ListName.Type

/** `country` is that of the buyer's network. */
export const ListedKind = Schema.Literals(["user", "device", "network", "card", "merchant", "country"]).annotate({
  identifier: "RiskListedKind"
})
export type ListedKind = typeof ListedKind.Type

/** Who is on a list. The block list counts above the allow list, and both above the rules. */
export class ListEntry extends Schema.Class<ListEntry>("RiskListEntry")({
  list: ListName,
  kind: ListedKind,
  value: Schema.String,
  /** Null: for good. */
  expiresAt: Schema.NullOr(Schema.Date),
  reason: Schema.String,
  author: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}) {}

export const ListEntryPage = Page(ListEntry)

const place = { list: ListName, kind: ListedKind, value: NonBlankText(128) }

/** The same place again replaces what is there. `expiresIn` is in seconds. */
export const NewListEntry = Schema.Struct({
  ...place,
  expiresIn: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 60, maximum: 3650 * 24 * 3600 }))),
  reason: Reason
}).annotate({ identifier: "NewRiskListEntry" })
export type NewListEntry = typeof NewListEntry.Type

export const ListRemoval = Schema.Struct({ ...place, reason: Reason }).annotate({ identifier: "RiskListRemoval" })
export type ListRemoval = typeof ListRemoval.Type
