import { Schema } from "effect"
import * as StateMachine from "../kernel/StateMachine.ts"

/**
 * How a dispute stands. `needs_response`: opened, the bank waits for evidence. The `warning_` states are those of an inquiry,
 * by which no money has moved yet. `accepted`: lost because we gave it up. `prevented`: settled before it became one.
 */
export const DisputeStatus = Schema.Literals([
  "warning_needs_response",
  "warning_under_review",
  "warning_closed",
  "needs_response",
  "under_review",
  "won",
  "lost",
  "accepted",
  "prevented"
]).annotate({ identifier: "DisputeStatus" })
export type DisputeStatus = typeof DisputeStatus.Type

/**
 * Where a dispute may go. The bank decides, and may decide anew: an inquiry becomes a dispute, what was lost is appealed, what
 * was won is taken back. What was given up stays so, unless the bank gives the money back all the same.
 */
export const disputeLifecycle = StateMachine.make<DisputeStatus>({
  warning_needs_response: [
    "warning_under_review",
    "warning_closed",
    "needs_response",
    "under_review",
    "won",
    "lost",
    "prevented"
  ],
  warning_under_review: [
    "warning_needs_response",
    "warning_closed",
    "needs_response",
    "under_review",
    "won",
    "lost",
    "prevented"
  ],
  warning_closed: ["needs_response", "under_review", "won", "lost"],
  needs_response: ["under_review", "won", "lost", "accepted", "prevented"],
  under_review: ["needs_response", "won", "lost", "accepted", "prevented"],
  won: ["needs_response", "under_review", "lost"],
  lost: ["needs_response", "under_review", "won"],
  accepted: ["won"],
  prevented: []
})

/** The states in which the bank reads evidence. */
export const awaitsEvidence = (status: DisputeStatus) =>
  status === "warning_needs_response" || status === "needs_response"

/** The states that will not last, so that the channel is asked from time to time. */
export const isOpenDispute = (status: DisputeStatus) =>
  awaitsEvidence(status) || status === "warning_under_review" || status === "under_review"
