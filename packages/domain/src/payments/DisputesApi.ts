import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, pageQuery } from "../kernel/Page.ts"
import { Audited } from "../operations/Audit.ts"
import { DisputeDetails, DisputeId, DisputePage, NewEvidence } from "./Dispute.ts"
import {
  DisputeNotFound,
  DisputeRefused,
  DisputeStateConflict,
  DisputeUndecided,
  EvidenceMissing,
  EvidenceOverdue,
  EvidenceTooLarge,
  EvidenceTypeRefused
} from "./DisputeError.ts"
import { DisputeStatus } from "./DisputeLifecycle.ts"
import { ChannelUnavailable } from "./PaymentError.ts"

/** What may go wrong when evidence is added. */
export const evidenceErrors = [
  DisputeNotFound,
  DisputeStateConflict,
  EvidenceOverdue,
  EvidenceTypeRefused,
  EvidenceTooLarge
] as const

const channelErrors = [ChannelUnavailable, DisputeRefused, DisputeUndecided] as const

/** What may go wrong when evidence is sent to the bank. */
export const submitErrors = [
  DisputeNotFound,
  DisputeStateConflict,
  EvidenceOverdue,
  EvidenceMissing,
  ...channelErrors
] as const

/** What may go wrong when a dispute is given up. */
export const acceptErrors = [DisputeNotFound, DisputeStateConflict, ...channelErrors] as const

const ofDispute = { id: DisputeId }
const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })

/** Disputes of a merchant's own payments; for admins those of everybody. */
export class DisputesApiGroup extends HttpApiGroup.make("disputes")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: { ...pageQuery, status: Schema.optionalKey(DisputeStatus) },
      success: DisputePage,
      error: InvalidCursor
    })
      .annotate(RequiredPermission, "payments:dispute")
      .annotateMerge(describe("List disputes", "Newest first; `status=needs_response` is what a bank waits for.")),
    HttpApiEndpoint.get("show", "/:id", {
      params: ofDispute,
      success: DisputeDetails,
      error: DisputeNotFound
    })
      .annotate(RequiredPermission, "payments:dispute")
      .annotateMerge(describe("Read a dispute", "With its evidence and its history.")),
    HttpApiEndpoint.post("addEvidence", "/:id/evidence", {
      params: ofDispute,
      payload: NewEvidence,
      success: DisputeDetails,
      error: evidenceErrors
    })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "payments:dispute")
      .annotate(Audited, "dispute.add_evidence")
      .annotateMerge(
        describe(
          "Add evidence",
          "A text, or a file in base64 (PDF, JPEG or PNG); it takes the place of an earlier one of its kind. The bank reads " +
            "nothing before it is submitted. The body as a whole is bounded by `HTTP_MAX_BODY`."
        )
      ),
    HttpApiEndpoint.post("submit", "/:id/submit", {
      params: ofDispute,
      success: DisputeDetails,
      error: submitErrors
    })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "payments:dispute")
      .annotate(Audited, "dispute.submit")
      .annotateMerge(describe("Submit the evidence", "To the buyer's bank, which usually reads it once.")),
    HttpApiEndpoint.post("accept", "/:id/accept", {
      params: ofDispute,
      success: DisputeDetails,
      error: acceptErrors
    })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "payments:dispute")
      .annotate(Audited, "dispute.accept")
      .annotateMerge(describe("Give the dispute up", "The buyer keeps the money. It cannot be taken back."))
  )
  .middleware(Authorization)
  .prefix("/api/v1/payments/disputes")
  .annotateMerge(OpenApi.annotations({ title: "Disputes", description: "Payments that a buyer's bank wants back" })) {}
