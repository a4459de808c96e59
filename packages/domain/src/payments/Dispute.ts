import { Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { Money } from "../kernel/Money.ts"
import { Page } from "../kernel/Page.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { DisputeStatus } from "./DisputeLifecycle.ts"
import { ChannelId } from "./Payment.ts"
import { PaymentId } from "./PaymentGateway.ts"

export const DisputeId = Uuid7.pipe(Schema.brand("DisputeId"), Schema.annotate({ identifier: "DisputeId" }))
export type DisputeId = typeof DisputeId.Type

/** What the buyer's bank reads as text. The names are those of the card networks, as Stripe writes them. */
export const TextEvidenceKind = Schema.Literals([
  "access_activity_log",
  "billing_address",
  "cancellation_policy_disclosure",
  "cancellation_rebuttal",
  "customer_email_address",
  "customer_name",
  "customer_purchase_ip",
  "duplicate_charge_explanation",
  "duplicate_charge_id",
  "product_description",
  "refund_policy_disclosure",
  "refund_refusal_explanation",
  "service_date",
  "shipping_address",
  "shipping_carrier",
  "shipping_date",
  "shipping_tracking_number",
  "uncategorized_text"
])

/** What the buyer's bank reads as a document. */
export const FileEvidenceKind = Schema.Literals([
  "cancellation_policy",
  "customer_communication",
  "customer_signature",
  "duplicate_charge_documentation",
  "receipt",
  "refund_policy",
  "service_documentation",
  "shipping_documentation",
  "uncategorized_file"
])

export const EvidenceKind = Schema.Literals([...TextEvidenceKind.literals, ...FileEvidenceKind.literals]).annotate({
  identifier: "EvidenceKind"
})
export type EvidenceKind = typeof EvidenceKind.Type

/** What banks take: the type is read from the bytes, whatever a client says of them. */
export const EvidenceFileType = Schema.Literals(["application/pdf", "image/jpeg", "image/png"])
export type EvidenceFileType = typeof EvidenceFileType.Type

const TextEvidence = Schema.Struct({ kind: TextEvidenceKind, text: NonBlankText(20_000) })
/** `file` is base64 of a PDF, a JPEG or a PNG. */
const FileEvidence = Schema.Struct({ kind: FileEvidenceKind, file: Schema.Uint8ArrayFromBase64 })

/** One piece of evidence; it takes the place of an earlier one of its kind. */
export const NewEvidence = Schema.Union([TextEvidence, FileEvidence]).annotate({ identifier: "NewEvidence" })
export type NewEvidence = typeof NewEvidence.Type

/** A piece of evidence that is kept. `size` is in bytes; `sha256` names the content of a file, of a text it is null. */
export const Evidence = Schema.Struct({
  kind: EvidenceKind,
  text: Schema.NullOr(Schema.String),
  fileType: Schema.NullOr(EvidenceFileType),
  sha256: Schema.NullOr(Schema.String),
  size: Schema.Int,
  addedBy: Schema.String,
  createdAt: Schema.Date,
  /** When the channel took it; null where it was not sent yet. */
  submittedAt: Schema.NullOr(Schema.Date)
}).annotate({ identifier: "Evidence" })
export type Evidence = typeof Evidence.Type

/**
 * A buyer's bank wants the money of a payment back. `paymentId` is null where the channel names a payment that is not ours.
 * `withdrawn` and `fees` are what the channel took of our balance so far, in the balance's currency; null where it has moved
 * nothing. `evidenceDueAt` is when the bank stops listening.
 */
export class Dispute extends Schema.Class<Dispute>("Dispute")({
  id: DisputeId,
  paymentId: Schema.NullOr(PaymentId),
  merchantId: Schema.NullOr(MerchantId),
  channel: ChannelId,
  channelReference: Schema.String,
  status: DisputeStatus,
  amount: Money,
  reason: Schema.String,
  evidenceDueAt: Schema.NullOr(Schema.Date),
  withdrawn: Schema.NullOr(Money),
  fees: Schema.NullOr(Money),
  openedAt: Schema.Date,
  updatedAt: Schema.Date
}) {}

export const DisputePage = Page(Dispute)

/** One change: from where to where, how much was asked for then, by whom and why. */
export class DisputeChange extends Schema.Class<DisputeChange>("DisputeChange")({
  fromStatus: Schema.NullOr(DisputeStatus),
  toStatus: DisputeStatus,
  amount: Money,
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}) {}

/** A dispute with its evidence and its history. `refunded` is what was given back of the payment, whoever asked for it. */
export class DisputeDetails extends Schema.Class<DisputeDetails>("DisputeDetails")({
  dispute: Dispute,
  captured: Schema.NullOr(Money),
  refunded: Schema.NullOr(Money),
  evidence: Schema.Array(Evidence),
  history: Schema.Array(DisputeChange)
}) {}
