import type { DocumentId } from "@mall/domain/merchants/Document"
import type { ObjectNotFound, ObjectStoreFailed } from "@mall/platform/objects/ObjectStore"
import { ObjectKey, ObjectStore } from "@mall/platform/objects/ObjectStore"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { Context, DateTime, Duration, Effect, Layer, Schema, Stream } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { createHash, randomUUID } from "node:crypto"
import { DocumentRepo } from "./DocumentRepo.ts"
import type { DocumentRow } from "./DocumentRepo.ts"

/** How long an upload may take; what it put down and nobody took is removed then. */
const patience = Duration.hours(1)

/** Where the content of documents is bound to, so that none can be put in another's place. */
export const documentTable = "merchants.documents"

export const digestOf = (content: Uint8Array) => createHash("sha256").update(content).digest("hex")

/** It cannot be opened, or is not what was sent. */
export class DocumentUnreadable extends Schema.TaggedError<DocumentUnreadable>()("DocumentUnreadable", {
  id: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `The document ${this.id} cannot be read`
  }
}

/** The content of documents: sealed, under random names in the store of objects. */
export class DocumentContents extends Context.Service<
  DocumentContents,
  {
    /** Seals it under the key of now. It is removed again unless `DocumentRepo.keep` is called in time. */
    put(
      id: DocumentId,
      content: Uint8Array
    ): Effect.Effect<Pick<DocumentRow, "objectKey" | "keyId">, SqlError | ObjectStoreFailed>
    /** As it was sent. */
    read(document: DocumentRow): Effect.Effect<Uint8Array, DocumentUnreadable | ObjectNotFound | ObjectStoreFailed>
  }
>()("@mall/merchants/kyc/DocumentContents") {
  /** Needs the store of objects. */
  static readonly layerNoDeps = Layer.effect(
    DocumentContents,
    Effect.gen(function* () {
      const keys = yield* PersonalDataKeys
      const repo = yield* DocumentRepo
      const store = yield* ObjectStore

      return DocumentContents.of({
        put: Effect.fn("DocumentContents.put")(function* (id, content) {
          const objectKey = ObjectKey.make(`merchants/${randomUUID()}`)
          const { bytes, keyId } = keys.seal(content, { table: documentTable, column: "content", id })
          const due = DateTime.addDuration(yield* DateTime.now, patience)
          yield* repo.discard([objectKey], DateTime.toDateUtc(due))
          yield* store.put(objectKey, bytes)
          return { objectKey, keyId }
        }),
        read: Effect.fn("DocumentContents.read")(function* ({ id, keyId, objectKey, sha256 }) {
          const chunks = yield* Stream.runCollect(store.get(objectKey))
          const sealed = { keyId, bytes: Buffer.concat(chunks) }
          const content = yield* Effect.mapError(
            keys.open(sealed, { table: documentTable, column: "content", id }),
            (cause) => new DocumentUnreadable({ id, cause })
          )
          if (digestOf(content) !== sha256) return yield* new DocumentUnreadable({ id, cause: "another content" })
          return new Uint8Array(content)
        })
      })
    })
  )
}
