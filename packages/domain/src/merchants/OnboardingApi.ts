import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RoleNotGrantable, UserNotFound } from "../identity/IdentityError.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { RequiredStepUp, StepUp } from "../identity/StepUp.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, pageQuery } from "../kernel/Page.ts"
import { Audited } from "../operations/Audit.ts"
import {
  ApplicationDetails,
  ApplicationId,
  ApplicationPage,
  ApplicationStatus,
  MerchantApplication,
  MerchantContact,
  NewApplication,
  ReviewRecommendation,
  Ruling
} from "./Application.ts"
import { Document, documentBodies, DocumentContent, DocumentId, documentLabel } from "./Document.ts"
import {
  AlreadyMerchant,
  ApplicationNotFound,
  ApplicationOpen,
  ApplicationStateConflict,
  DocumentNotFound,
  DocumentQuarantined,
  DocumentRefused,
  DocumentsMissing,
  DocumentsUnavailable,
  DocumentTooLarge,
  MerchantCodeTaken,
  ReviewerNotIndependent,
  TooManyDocuments
} from "./MerchantError.ts"

const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })
const ofApplication = { id: ApplicationId }
const ofDocument = { id: ApplicationId, documentId: DocumentId }
const created = HttpApiSchema.status(201)

/** What may go wrong, over HTTP and RPC alike. */
export const applyErrors = [ApplicationOpen, AlreadyMerchant, MerchantCodeTaken] as const
export const editErrors = [ApplicationNotFound, ApplicationStateConflict, MerchantCodeTaken] as const
export const submitErrors = [ApplicationNotFound, ApplicationStateConflict, DocumentsMissing] as const
export const uploadErrors = [
  ApplicationNotFound,
  ApplicationStateConflict,
  DocumentRefused,
  DocumentTooLarge,
  TooManyDocuments,
  DocumentsUnavailable
] as const
export const contentErrors = [DocumentNotFound, DocumentQuarantined, DocumentsUnavailable] as const
export const reviewErrors = [ApplicationNotFound, ApplicationStateConflict, ReviewerNotIndependent] as const
export const recommendErrors = [...reviewErrors, DocumentsMissing] as const
export const approveErrors = [
  ...recommendErrors,
  DocumentQuarantined,
  MerchantCodeTaken,
  UserNotFound,
  RoleNotGrantable
] as const

/** Somebody wants to sell. */
export class MerchantApplicationsApiGroup extends HttpApiGroup.make("merchantApplications")
  .add(
    HttpApiEndpoint.post("apply", "/", {
      payload: NewApplication,
      success: MerchantApplication.pipe(created),
      error: applyErrors
    })
      .middleware(Idempotent)
      .annotateMerge(describe("Apply to become a merchant", "Makes a draft; one open application at a time.")),
    HttpApiEndpoint.get("list", "/", {
      query: pageQuery,
      success: ApplicationPage,
      error: InvalidCursor
    }).annotateMerge(describe("List your applications", "Newest first.")),
    HttpApiEndpoint.get("show", "/:id", {
      params: ofApplication,
      success: ApplicationDetails,
      error: ApplicationNotFound
    }).annotateMerge(describe("Read your application", "With its documents, what is missing, and its history.")),
    HttpApiEndpoint.put("edit", "/:id", {
      params: ofApplication,
      payload: NewApplication,
      success: MerchantApplication,
      error: editErrors
    }).annotateMerge(describe("Change your application", "While it is a draft, or changes were asked for.")),
    HttpApiEndpoint.post("submit", "/:id/submit", {
      params: ofApplication,
      success: MerchantApplication,
      error: submitErrors
    })
      .middleware(Idempotent)
      .annotateMerge(describe("Submit your application", "Once the documents of its level are there.")),
    HttpApiEndpoint.post("addDocument", "/:id/documents", {
      params: ofApplication,
      query: documentLabel,
      payload: documentBodies,
      success: Document.pipe(created),
      error: uploadErrors
    })
      .middleware(Idempotent)
      .annotateMerge(
        describe(
          "Add a document",
          "The bytes of a PDF, JPEG or PNG as the body; it takes the place of an earlier one of its kind. Bounded by " +
            "`MERCHANT_DOCUMENT_LIMIT`, and the body as a whole by `HTTP_MAX_BODY`."
        )
      ),
    HttpApiEndpoint.get("document", "/:id/documents/:documentId", {
      params: ofDocument,
      success: DocumentContent,
      error: contentErrors
    }).annotateMerge(describe("Read the content of your document", "As an attachment; not before it was scanned."))
  )
  .annotateEndpoints(RequiredPermission, "account")
  .middleware(Authorization)
  .prefix("/api/v1/merchants/applications")
  .annotateMerge(OpenApi.annotations({ title: "Merchant applications", description: "Becoming a merchant" })) {}

/** Two people of the house look at each application. */
export class MerchantReviewsApiGroup extends HttpApiGroup.make("merchantReviews")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: { ...pageQuery, status: Schema.optionalKey(ApplicationStatus) },
      success: ApplicationPage,
      error: InvalidCursor
    }).annotateMerge(describe("List applications", "Newest first; `status=submitted` is what waits for a reviewer.")),
    HttpApiEndpoint.get("show", "/:id", {
      params: ofApplication,
      success: ApplicationDetails,
      error: ApplicationNotFound
    }).annotateMerge(describe("Read an application", "The contact is masked.")),
    HttpApiEndpoint.get("document", "/:id/documents/:documentId", {
      params: ofDocument,
      success: DocumentContent,
      error: contentErrors
    }).annotateMerge(describe("Read the content of a document", "As an attachment; not before it was scanned.")),
    HttpApiEndpoint.post("recommend", "/:id/recommend", {
      params: ofApplication,
      payload: ReviewRecommendation,
      success: MerchantApplication,
      error: recommendErrors
    })
      .middleware(Idempotent)
      .annotate(Audited, "merchant_application.recommend")
      .annotateMerge(describe("Recommend what to do", "The first of two reviewers; another one decides.")),
    HttpApiEndpoint.post("requestChanges", "/:id/request-changes", {
      params: ofApplication,
      payload: Ruling,
      success: MerchantApplication,
      error: reviewErrors
    })
      .middleware(Idempotent)
      .annotate(Audited, "merchant_application.request_changes")
      .annotateMerge(describe("Ask for changes", "The applicant reads the reason. One reviewer is enough.")),
    HttpApiEndpoint.post("approve", "/:id/approve", {
      params: ofApplication,
      payload: Ruling,
      success: MerchantApplication,
      error: approveErrors
    })
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .annotate(Audited, "merchant_application.approve")
      .annotateMerge(
        describe("Approve an application", "Makes the merchant and gives the applicant the role; the second reviewer.")
      ),
    HttpApiEndpoint.post("reject", "/:id/reject", {
      params: ofApplication,
      payload: Ruling,
      success: MerchantApplication,
      error: reviewErrors
    })
      .middleware(Idempotent)
      .annotate(Audited, "merchant_application.reject")
      .annotateMerge(describe("Reject an application", "Nothing is granted; the second reviewer."))
  )
  .annotateEndpoints(RequiredPermission, "merchants:review")
  .add(
    HttpApiEndpoint.post("contact", "/:id/contact", {
      params: ofApplication,
      payload: Ruling,
      success: MerchantContact,
      error: ApplicationNotFound
    })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "personal-data:unmask")
      .annotate(Audited, "personal_data.unmask")
      .annotateMerge(describe("Read the contact of an application", "Unmasked; who asked, and why, is kept."))
  )
  .middleware(Authorization)
  .prefix("/api/v1/merchants/reviews")
  .annotateMerge(OpenApi.annotations({ title: "Merchant reviews", description: "Who may sell" })) {}
