import { Schema } from "effect"
import { Problem } from "../kernel/Problem.ts"
import { ListedKind, ReviewStatus } from "./RiskRecord.ts"

/** The rule asks for what cannot be: `path` names the place in it, such as `when.of[1].value`. */
export class RiskRuleInvalid extends Problem<RiskRuleInvalid>()("RiskRuleInvalid", {
  status: 422,
  title: "The rule is not valid",
  fields: { path: Schema.String, why: Schema.String },
  detail: ({ path, why }) => `${path}: ${why}`
}) {}

/** Somebody changed the rule in the meantime; `version` is what counts now. */
export class RiskRuleChanged extends Problem<RiskRuleChanged>()("RiskRuleChanged", {
  status: 409,
  title: "The rule was changed in the meantime",
  fields: { version: Schema.Int }
}) {}

export class RiskRuleNotFound extends Problem<RiskRuleNotFound>()("RiskRuleNotFound", {
  status: 404,
  title: "There is no such rule",
  fields: { rule: Schema.String }
}) {}

export class RiskReviewNotFound extends Problem<RiskReviewNotFound>()("RiskReviewNotFound", {
  status: 404,
  title: "There is no such review",
  fields: { review: Schema.String }
}) {}

/** The review was decided, or its time is over. */
export class RiskReviewClosed extends Problem<RiskReviewClosed>()("RiskReviewClosed", {
  status: 409,
  title: "The review is over",
  fields: { reviewStatus: ReviewStatus },
  detail: ({ reviewStatus }) => `The review is ${reviewStatus}`
}) {}

export class RiskListEntryNotFound extends Problem<RiskListEntryNotFound>()("RiskListEntryNotFound", {
  status: 404,
  title: "That is on no such list"
}) {}

/** No check could ever meet the value. */
export class RiskListValueInvalid extends Problem<RiskListValueInvalid>()("RiskListValueInvalid", {
  status: 422,
  title: "No check would meet that value",
  fields: { kind: ListedKind, wanted: Schema.String },
  detail: ({ kind, wanted }) => `A ${kind} is listed by ${wanted}`
}) {}
