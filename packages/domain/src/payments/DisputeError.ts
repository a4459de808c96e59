import { Schema } from "effect"
import { Problem } from "../kernel/Problem.ts"
import { DisputeStatus } from "./DisputeLifecycle.ts"

/** No such dispute, or it is about another merchant's payment. */
export class DisputeNotFound extends Problem<DisputeNotFound>()("DisputeNotFound", {
  status: 404,
  title: "There is no such dispute",
  fields: { disputeId: Schema.String }
}) {}

/** The dispute is in a state in which this cannot be done. */
export class DisputeStateConflict extends Problem<DisputeStateConflict>()("DisputeStateConflict", {
  status: 409,
  title: "The dispute is not in a state for this",
  fields: { disputeId: Schema.String, disputeStatus: DisputeStatus },
  detail: ({ disputeStatus }) => `The dispute is ${disputeStatus}`
}) {}

/** The bank has stopped listening. */
export class EvidenceOverdue extends Problem<EvidenceOverdue>()("EvidenceOverdue", {
  status: 409,
  title: "The time for evidence is over",
  fields: { disputeId: Schema.String }
}) {}

/** There is nothing to send to the bank. */
export class EvidenceMissing extends Problem<EvidenceMissing>()("EvidenceMissing", {
  status: 422,
  title: "There is no evidence to submit",
  fields: { disputeId: Schema.String }
}) {}

/** The file is none that a bank reads. */
export class EvidenceTypeRefused extends Problem<EvidenceTypeRefused>()("EvidenceTypeRefused", {
  status: 422,
  title: "Evidence is a PDF, a JPEG or a PNG"
}) {}

/** The file, or all evidence of the dispute together, is larger than `limit` bytes. */
export class EvidenceTooLarge extends Problem<EvidenceTooLarge>()("EvidenceTooLarge", {
  status: 422,
  title: "The evidence is too large",
  fields: { limit: Schema.Int },
  detail: ({ limit }) => `At most ${limit} bytes are taken`
}) {}

/** The channel does not take it, and will not: nothing was done. `reason` is its own code. */
export class DisputeRefused extends Problem<DisputeRefused>()("DisputeRefused", {
  status: 422,
  title: "The channel does not take this",
  fields: { disputeId: Schema.String, reason: Schema.String },
  detail: ({ reason }) => `The channel answered ${reason}`
}) {}

/** The channel gave no clear answer: it may have been done. It is asked by itself; to send the same again is safe. */
export class DisputeUndecided extends Problem<DisputeUndecided>()("DisputeUndecided", {
  status: 503,
  title: "The channel gave no clear answer yet",
  fields: { disputeId: Schema.String }
}) {}
