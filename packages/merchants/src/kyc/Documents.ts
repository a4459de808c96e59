import type { Principal } from "@mall/domain/identity/CurrentUser"
import { isEditable } from "@mall/domain/merchants/Application"
import type { ApplicationId } from "@mall/domain/merchants/Application"
import type { Document, DocumentId, DocumentType } from "@mall/domain/merchants/Document"
import { hasExpiry } from "@mall/domain/merchants/kyc"
import type { DocumentKind } from "@mall/domain/merchants/kyc"
import {
  ApplicationNotFound,
  ApplicationStateConflict,
  DocumentNotFound,
  DocumentQuarantined,
  DocumentRefused,
  DocumentsUnavailable,
  DocumentTooLarge,
  TooManyDocuments
} from "@mall/domain/merchants/MerchantError"
import { ObjectStore } from "@mall/platform/objects/ObjectStore"
import { VirusScanner } from "@mall/platform/scanning/VirusScanner"
import { Context, DateTime, Effect, Layer, Metric, Option, Struct } from "effect"
import { SqlClient } from "effect/sql"
import { MerchantsConfig } from "../MerchantsConfig.ts"
import { ApplicationRepo } from "../onboarding/ApplicationRepo.ts"
import { DocumentContents, digestOf } from "./DocumentContents.ts"
import { documentFault } from "./documentFault.ts"
import { DocumentRepo } from "./DocumentRepo.ts"
import type { DocumentRow } from "./DocumentRepo.ts"

/** What is sent. */
export interface Upload {
  readonly kind: DocumentKind
  readonly expiresOn?: string
  readonly mediaType: DocumentType
  readonly content: Uint8Array
}

const scanned = Metric.counter("merchant_documents_scanned_total", {
  description: "Documents of merchants by what the scanner for viruses said",
  incremental: true
})

type UploadError =
  | ApplicationNotFound
  | ApplicationStateConflict
  | DocumentRefused
  | DocumentTooLarge
  | TooManyDocuments
  | DocumentsUnavailable

/** The documents of applications: sealed, under random names, and in quarantine until a scanner has seen them. */
export class Documents extends Context.Service<
  Documents,
  {
    /** To an application of the caller's that may still be changed. `id` again answers with what it made. */
    add(caller: Principal, to: ApplicationId, id: DocumentId, upload: Upload): Effect.Effect<Document, UploadError>
    /** The content, of a document of the caller's own application; of anybody's where `caller` is null. */
    read(
      caller: Principal | null,
      of: ApplicationId,
      id: DocumentId
    ): Effect.Effect<Uint8Array, DocumentNotFound | DocumentQuarantined | DocumentsUnavailable>
    /** Scans all that waits for it, `limit` at a time; answers how many there were, and less than `limit`. */
    scan(limit: number): Effect.Effect<number>
    /** Removes the objects that nobody wants; answers how many. */
    clear(limit: number): Effect.Effect<number>
  }
>()("@mall/merchants/kyc/Documents") {
  static readonly layerNoDeps = Layer.effect(
    Documents,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const applications = yield* ApplicationRepo
      const config = yield* MerchantsConfig
      const contents = yield* DocumentContents
      const repo = yield* DocumentRepo
      const scanner = yield* VirusScanner
      const store = yield* ObjectStore

      const unavailable = (error: unknown) =>
        Effect.andThen(
          Effect.logError("The store of merchants' documents failed", error),
          Effect.fail(new DocumentsUnavailable({}))
        )

      const assertSound = Effect.fnUntraced(function* ({ content, expiresOn, kind, mediaType }: Upload) {
        if (content.byteLength > config.documentLimit)
          return yield* new DocumentTooLarge({ limit: config.documentLimit })
        const fault = documentFault(mediaType, content)
        if (fault !== undefined) return yield* new DocumentRefused({ why: fault })
        const today = DateTime.formatIsoDateUtc(yield* DateTime.now)
        if (expiresOn === undefined && hasExpiry(kind)) return yield* new DocumentRefused({ why: "expiry" })
        if (expiresOn !== undefined && expiresOn < today) return yield* new DocumentRefused({ why: "expired" })
      })

      /** What the scanner says now; `pending` where it does not answer. */
      const judge = Effect.fnUntraced(function* (content: Uint8Array) {
        const verdict = yield* Effect.catchTag(scanner.scan(content), "DownstreamUnavailable", (error) =>
          Effect.as(Effect.logWarning("A document waits for the scanner", error), "pending" as const)
        )
        yield* Metric.update(Metric.withAttributes(scanned, { verdict }), 1)
        return verdict
      })

      const assertOpen = Effect.fnUntraced(function* (
        caller: Principal,
        found: Option.Option<{ readonly applicantId: string; readonly status: Parameters<typeof isEditable>[0] }>
      ) {
        if (Option.isNone(found) || found.value.applicantId !== caller.userId) return yield* new ApplicationNotFound({})
        const { status } = found.value
        if (!isEditable(status)) return yield* new ApplicationStateConflict({ applicationStatus: status })
      })

      const attach = Effect.fnUntraced(
        function* (caller: Principal, row: DocumentRow) {
          yield* assertOpen(caller, yield* applications.lock(row.applicationId))
          const made = yield* repo.find(row.applicationId, row.id)
          if (Option.isSome(made)) return made.value
          if ((yield* repo.count(row.applicationId)) >= config.documentCount) return yield* new TooManyDocuments({})
          if (!(yield* repo.keep(row.objectKey))) return yield* new DocumentsUnavailable({})
          yield* repo.insert(row)
          return row
        },
        sql.withTransaction,
        Effect.catchTag("SqlError", Effect.die)
      )

      const add = Effect.fn("Documents.add")(
        function* (caller: Principal, to: ApplicationId, id: DocumentId, upload: Upload) {
          // nothing is scanned or stored for who may not
          yield* assertOpen(caller, yield* applications.find(to))
          const made = yield* repo.find(to, id)
          if (Option.isSome(made)) return toDocument(made.value)
          yield* assertSound(upload)
          const { content, expiresOn, kind, mediaType } = upload
          const scan = yield* judge(content)
          if (scan === "infected") return yield* new DocumentRefused({ why: "infected" })
          const now = yield* DateTime.nowAsDate
          const sealed = yield* Effect.catchTag(contents.put(id, content), "ObjectStoreFailed", unavailable)
          const row: DocumentRow = {
            ...{ id, applicationId: to, kind, mediaType, size: content.byteLength, sha256: digestOf(content) },
            ...{ ...sealed, scan, expiresOn: expiresOn ?? null },
            ...{ uploadedBy: caller.actorName, createdAt: now }
          }
          return toDocument(yield* attach(caller, row))
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const contentOf = (row: DocumentRow) =>
        Effect.catchTag(contents.read(row), ["ObjectNotFound", "ObjectStoreFailed"], unavailable)

      const read = Effect.fn("Documents.read")(
        function* (caller: Principal | null, of: ApplicationId, id: DocumentId) {
          const owner = Option.map(yield* applications.find(of), ({ applicantId }) => applicantId)
          const found = yield* repo.find(of, id)
          const isSeen = caller === null || Option.contains(owner, caller.userId)
          if (!isSeen || Option.isNone(found)) return yield* new DocumentNotFound({})
          const { scan } = found.value
          if (scan === "pending" || scan === "infected") return yield* new DocumentQuarantined({})
          return yield* contentOf(found.value)
        },
        Effect.catchTag(["SqlError", "DocumentUnreadable"], Effect.die)
      )

      const scanOne = Effect.fnUntraced(
        function* (row: DocumentRow) {
          const verdict = yield* judge(yield* contentOf(row))
          if (verdict === "pending") return
          const now = yield* DateTime.nowAsDate
          yield* repo.scanned(row.id, verdict).pipe(
            Effect.flatMap((content) => repo.discard(verdict === "infected" ? content : [], now)),
            sql.withTransaction
          )
        },
        Effect.catchTags({
          DocumentsUnavailable: () => Effect.void,
          // it goes on waiting, and so nobody gets it; the others are scanned
          DocumentUnreadable: (error) => Effect.logError("A document cannot be scanned", error)
        })
      )

      return Documents.of({
        add,
        read,
        scan: Effect.fn("Documents.scan")(
          function* (limit) {
            let after: DocumentId | null = null
            let count = 0
            for (;;) {
              const rows: ReadonlyArray<DocumentRow> = yield* repo.pending(after, limit)
              yield* Effect.forEach(rows, scanOne, { concurrency: 4, discard: true })
              count += rows.length
              after = rows.at(-1)?.id ?? after
              // those that go on waiting wait for the next run, not for the next batch of this one
              if (rows.length < limit) return Math.min(count, limit - 1)
            }
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        clear: Effect.fn("Documents.clear")(
          function* (limit) {
            const unwanted = yield* repo.discarded(yield* DateTime.nowAsDate, limit)
            for (const key of unwanted) {
              yield* store.remove(key)
              yield* repo.removed(key)
            }
            return unwanted.length
          },
          Effect.catchTag(["SqlError", "ObjectStoreFailed"], Effect.die)
        )
      })
    })
  )
}

const toDocument = (row: DocumentRow): Document => Struct.omit(row, ["applicationId", "objectKey", "keyId"])
