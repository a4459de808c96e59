import { Schema, SchemaTransformation } from "effect"
import { HttpApiSchema } from "effect/http-api"
import { Uuid7 } from "../kernel/Id.ts"
import { DocumentKind } from "./kyc.ts"

export const DocumentId = Uuid7.pipe(Schema.brand("KycDocumentId"), Schema.annotate({ identifier: "KycDocumentId" }))
export type DocumentId = typeof DocumentId.Type

export const DocumentType = Schema.Literals(["application/pdf", "image/jpeg", "image/png"]).annotate({
  identifier: "KycDocumentType"
})
export type DocumentType = typeof DocumentType.Type

/**
 * What a scanner for viruses says. `pending`: it could not be asked yet, and nobody gets the document before; `unscanned`:
 * there is no scanner; `infected`: the content is gone.
 */
export const ScanStatus = Schema.Literals(["pending", "clean", "infected", "unscanned"]).annotate({
  identifier: "KycScanStatus"
})
export type ScanStatus = typeof ScanStatus.Type

/** A day, as it stands on a document. */
export const Day = Schema.String.check(
  Schema.isPattern(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, { message: "must be a day such as 2030-01-31" }),
  Schema.makeFilter(
    (day: string) => new Date(`${day}T00:00:00Z`).getUTCDate() === Number(day.slice(8)) || "must be a day that exists"
  )
)

/** One document that was shown. `expiresOn` is the last day on which it counts. */
export const Document = Schema.Struct({
  id: DocumentId,
  kind: DocumentKind,
  mediaType: DocumentType,
  /** In bytes. */
  size: Schema.Int,
  /** Of the content, in hexadecimal. */
  sha256: Schema.String,
  scan: ScanStatus,
  expiresOn: Schema.NullOr(Schema.String),
  uploadedBy: Schema.String,
  createdAt: Schema.Date
}).annotate({ identifier: "KycDocument" })
export type Document = typeof Document.Type

/** What was shown: of an infected document nothing is left. */
export const kindsOf = (documents: ReadonlyArray<Document>): ReadonlySet<DocumentKind> =>
  new Set(documents.flatMap(({ kind, scan }) => (scan === "infected" ? [] : [kind])))

const contentOf = <const Type extends DocumentType>(mediaType: Type) =>
  Schema.Uint8Array.pipe(
    Schema.decodeTo(
      Schema.Struct({ mediaType: Schema.Literal(mediaType), bytes: Schema.Uint8Array }),
      SchemaTransformation.transform({ decode: (bytes) => ({ mediaType, bytes }), encode: ({ bytes }) => bytes })
    ),
    HttpApiSchema.asUint8Array({ contentType: mediaType })
  )

/** The raw bytes as a body, under the media type that the sender says they have. */
export const documentBodies = [contentOf("application/pdf"), contentOf("image/jpeg"), contentOf("image/png")] as const

/** What is known of a document when it is sent. */
export const documentLabel = { kind: DocumentKind, expiresOn: Schema.optionalKey(Day) }

/** The same by RPC; `content` is base64. */
export const NewDocument = Schema.Struct({
  ...documentLabel,
  mediaType: DocumentType,
  content: Schema.Uint8ArrayFromBase64
}).annotate({ identifier: "NewKycDocument" })

/** Never shown by a browser as what it says it is. */
export const DocumentContent = Schema.Uint8Array.pipe(
  HttpApiSchema.asUint8Array({ contentType: "application/octet-stream" })
)
