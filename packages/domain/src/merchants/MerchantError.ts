import { Schema } from "effect"
import { Problem } from "../kernel/Problem.ts"
import { ApplicationStatus } from "./Application.ts"
import { DocumentKind } from "./kyc.ts"

/** No such application, or it is somebody else's. */
export class ApplicationNotFound extends Problem<ApplicationNotFound>()("ApplicationNotFound", {
  status: 404,
  title: "There is no such application"
}) {}

/** It is not in a state in which this can be done. */
export class ApplicationStateConflict extends Problem<ApplicationStateConflict>()("ApplicationStateConflict", {
  status: 409,
  title: "The application is not in a state for this",
  fields: { applicationStatus: ApplicationStatus },
  detail: ({ applicationStatus }) => `The application is ${applicationStatus}`
}) {}

/** Somebody has one open application at most. */
export class ApplicationOpen extends Problem<ApplicationOpen>()("ApplicationOpen", {
  status: 409,
  title: "There is an open application already"
}) {}

/** Who sells already does not apply. */
export class AlreadyMerchant extends Problem<AlreadyMerchant>()("AlreadyMerchant", {
  status: 409,
  title: "You are staff of a merchant already"
}) {}

/** Another merchant, or an open application, has this code. */
export class MerchantCodeTaken extends Problem<MerchantCodeTaken>()("MerchantCodeTaken", {
  status: 409,
  title: "The code is taken",
  fields: { merchantCode: Schema.String },
  detail: ({ merchantCode }) => `Another merchant has the code ${merchantCode}`
}) {}

/** Documents are missing: of each entry of `missing`, any one will do. */
export class DocumentsMissing extends Problem<DocumentsMissing>()("DocumentsMissing", {
  status: 422,
  title: "Documents are missing",
  fields: { missing: Schema.Array(Schema.Array(DocumentKind)) },
  detail: ({ missing }) => missing.map((kinds) => kinds.join(" or ")).join(", ")
}) {}

/** A document is not scanned for viruses yet, or was infected. */
export class DocumentQuarantined extends Problem<DocumentQuarantined>()("DocumentQuarantined", {
  status: 409,
  title: "The document is in quarantine"
}) {}

/** No such document, or it is of another's application. */
export class DocumentNotFound extends Problem<DocumentNotFound>()("DocumentNotFound", {
  status: 404,
  title: "There is no such document"
}) {}

/**
 * `type`: the content is not what its media type says; `structure`: it is two things at once, or not whole; `infected`: a scanner
 * found a virus; `expired`: it counts no longer; `expiry`: a document of this kind says until when it counts.
 */
export class DocumentRefused extends Problem<DocumentRefused>()("DocumentRefused", {
  status: 422,
  title: "The document is refused",
  fields: { why: Schema.Literals(["type", "structure", "infected", "expired", "expiry"]) },
  detail: ({ why }) => `The document is refused for its ${why}`
}) {}

export class DocumentTooLarge extends Problem<DocumentTooLarge>()("DocumentTooLarge", {
  status: 413,
  title: "The document is too large",
  fields: { limit: Schema.Int },
  detail: ({ limit }) => `At most ${limit} bytes are accepted`
}) {}

/** An application has a bounded number of documents, the former ones among them. */
export class TooManyDocuments extends Problem<TooManyDocuments>()("TooManyDocuments", {
  status: 409,
  title: "There are too many documents"
}) {}

/** Who decides must be neither the applicant nor the one who recommended it. */
export class ReviewerNotIndependent extends Problem<ReviewerNotIndependent>()("ReviewerNotIndependent", {
  status: 403,
  title: "Another person has to review this",
  fields: { because: Schema.Literals(["applied", "recommended"]) },
  detail: ({ because }) => (because === "applied" ? "You applied yourself" : "You recommended it yourself")
}) {}

/** The store of documents does not answer; nothing was done. */
export class DocumentsUnavailable extends Problem<DocumentsUnavailable>()("DocumentsUnavailable", {
  status: 503,
  title: "Documents cannot be reached at the moment"
}) {}

export class MerchantNotFound extends Problem<MerchantNotFound>()("MerchantNotFound", {
  status: 404,
  title: "There is no such merchant"
}) {}

/** Staff have stopped the merchant: nothing new is taken for them. */
export class MerchantSuspended extends Problem<MerchantSuspended>()("MerchantSuspended", {
  status: 403,
  title: "The merchant is suspended"
}) {}

export class ShopNotFound extends Problem<ShopNotFound>()("ShopNotFound", {
  status: 404,
  title: "There is no such shop"
}) {}

export class ShopCodeTaken extends Problem<ShopCodeTaken>()("ShopCodeTaken", {
  status: 409,
  title: "You have a shop with this code already"
}) {}

/** Names are changed from now on or later: the past stays as it was. */
export class ShopNameInPast extends Problem<ShopNameInPast>()("ShopNameInPast", {
  status: 422,
  title: "A name cannot be changed for the past"
}) {}
