import type { ApplicationId } from "@mall/domain/merchants/Application"
import { Document } from "@mall/domain/merchants/Document"
import type { DocumentId, ScanStatus } from "@mall/domain/merchants/Document"
import { ObjectKey } from "@mall/platform/objects/ObjectStore"
import type { Option } from "effect"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { ApplicationRow } from "../onboarding/ApplicationRecord.ts"

/** A document as it is stored: where its content is, and under which key. */
export const DocumentRow = Schema.Struct({
  ...Document.fields,
  applicationId: ApplicationRow.fields.id,
  objectKey: ObjectKey,
  keyId: Schema.String
})
export type DocumentRow = typeof DocumentRow.Type

const Kept = Schema.Struct({ objectKey: ObjectKey })
const decodeKeys = Schema.decodeUnknownEffect(Schema.Array(Kept))
const decodeDocuments = Schema.decodeUnknownEffect(Schema.Array(Document))

/** Documents, and the objects that nobody wants any more. */
export class DocumentRepo extends Context.Service<
  DocumentRepo,
  {
    /** The newest of each kind. */
    current(applicationId: ApplicationId): Effect.Effect<ReadonlyArray<Document>, SqlError>
    find(applicationId: ApplicationId, id: DocumentId): Effect.Effect<Option.Option<DocumentRow>, SqlError>
    count(applicationId: ApplicationId): Effect.Effect<number, SqlError>
    /** In the place of the one of its kind. */
    insert(row: DocumentRow): Effect.Effect<void, SqlError>
    /** Those that wait for a scanner, the oldest first, from `after` on. */
    pending(after: DocumentId | null, limit: number): Effect.Effect<ReadonlyArray<DocumentRow>, SqlError>
    /** Up to `limit` behind `after` under one of these keys, without `except` and those whose content is gone. */
    sealedBy(
      keyIds: ReadonlyArray<string>,
      except: ReadonlyArray<string>,
      after: DocumentId | null,
      limit: number
    ): Effect.Effect<ReadonlyArray<DocumentRow>, SqlError>
    /** Its content is in another object from now on; false where it is no longer in the one that `document` names. */
    replaceContent(
      document: DocumentRow,
      content: Pick<DocumentRow, "objectKey" | "keyId">
    ): Effect.Effect<boolean, SqlError>
    /** What a scanner said of a document that waited for it; where its content is by now, if it still waited. */
    scanned(id: DocumentId, scan: ScanStatus): Effect.Effect<ReadonlyArray<ObjectKey>, SqlError>
    /** The object is removed once `due`, unless `keep` is called before. */
    discard(keys: ReadonlyArray<ObjectKey>, due: Date): Effect.Effect<void, SqlError>
    /** False where it may have been removed already. */
    keep(key: ObjectKey): Effect.Effect<boolean, SqlError>
    discarded(now: Date, limit: number): Effect.Effect<ReadonlyArray<ObjectKey>, SqlError>
    removed(key: ObjectKey): Effect.Effect<void, SqlError>
  }
>()("@mall/merchants/kyc/DocumentRepo") {
  static readonly layer = Layer.effect(
    DocumentRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const columns = sql.literal(`
        d.id, d.application_id, d.kind, d.media_type, d.size, d.sha256, d.object_key, d.key_id, d.scan,
        d.expires_on::text AS expires_on, d.uploaded_by, d.created_at`)
      const select = SqlSchema.findOneOption({
        Request: Schema.Struct({ applicationId: Schema.String, id: Schema.String }),
        Result: DocumentRow,
        execute: ({ applicationId, id }) => sql`
          SELECT ${columns} FROM merchants.documents AS d WHERE d.id = ${id} AND d.application_id = ${applicationId}`
      })
      const selectPending = SqlSchema.findAll({
        Request: Schema.Struct({ after: Schema.NullOr(Schema.String), limit: Schema.Int }),
        Result: DocumentRow,
        execute: ({ after, limit }) => sql`
          SELECT ${columns} FROM merchants.documents AS d
          WHERE d.scan = 'pending' AND (${after}::uuid IS NULL OR d.id > ${after}::uuid) ORDER BY d.id LIMIT ${limit}`
      })
      const selectSealed = SqlSchema.findAll({
        Request: Schema.Struct({
          ...{ keyIds: Schema.Array(Schema.String), except: Schema.Array(Schema.String) },
          ...{ after: Schema.NullOr(Schema.String), limit: Schema.Int }
        }),
        Result: DocumentRow,
        execute: ({ after, except, keyIds, limit }) => sql`
          SELECT ${columns} FROM merchants.documents AS d
          WHERE d.key_id = ANY(${keyIds}::text[]) AND d.scan <> 'infected' AND d.id <> ALL(${except}::uuid[])
            AND (${after}::uuid IS NULL OR d.id > ${after}::uuid)
          ORDER BY d.id LIMIT ${limit}`
      })
      const selectKeys = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, limit: Schema.Int }),
        Result: Kept,
        execute: ({ limit, now }) => sql`
          SELECT u.object_key FROM merchants.unwanted_objects AS u WHERE u.due_at <= ${now} ORDER BY u.due_at LIMIT ${limit}`
      })

      return DocumentRepo.of({
        current: Effect.fnUntraced(
          function* (applicationId) {
            return yield* decodeDocuments(
              yield* sql`
                SELECT ${columns} FROM merchants.documents AS d
                WHERE d.application_id = ${applicationId} AND d.superseded_at IS NULL ORDER BY d.id`
            )
          },
          Effect.catchTag("SchemaError", Effect.die)
        ),
        find: (applicationId, id) => Effect.catchTag(select({ applicationId, id }), "SchemaError", Effect.die),
        count: (applicationId) =>
          Effect.map(
            sql`SELECT FROM merchants.documents WHERE application_id = ${applicationId}`,
            (rows) => rows.length
          ),
        insert: Effect.fnUntraced(function* (row) {
          yield* sql`
            UPDATE merchants.documents SET superseded_at = ${row.createdAt}
            WHERE application_id = ${row.applicationId} AND kind = ${row.kind} AND superseded_at IS NULL`
          yield* sql`INSERT INTO merchants.documents ${sql.insert(row)}`
        }),
        pending: (after, limit) => Effect.catchTag(selectPending({ after, limit }), "SchemaError", Effect.die),
        sealedBy: (keyIds, except, after, limit) =>
          Effect.catchTag(selectSealed({ keyIds, except, after, limit }), "SchemaError", Effect.die),
        replaceContent: (document, { keyId, objectKey }) =>
          Effect.map(
            sql`
              UPDATE merchants.documents SET object_key = ${objectKey}, key_id = ${keyId}
              WHERE id = ${document.id} AND object_key = ${document.objectKey} AND scan <> 'infected' RETURNING id`,
            (rows) => rows.length > 0
          ),
        scanned: (id, scan) =>
          sql`
            UPDATE merchants.documents SET scan = ${scan} WHERE id = ${id} AND scan = 'pending' RETURNING object_key
          `.pipe(
            Effect.flatMap(decodeKeys),
            Effect.map((rows) => rows.map(({ objectKey }) => objectKey)),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        discard: (keys, due) =>
          Effect.asVoid(sql`
            INSERT INTO merchants.unwanted_objects (object_key, due_at)
            SELECT key, ${due} FROM unnest(${keys}::text[]) AS key
            ON CONFLICT ON CONSTRAINT unwanted_objects_pkey DO NOTHING`),
        keep: (key) =>
          Effect.map(
            sql`DELETE FROM merchants.unwanted_objects WHERE object_key = ${key} RETURNING object_key`,
            (rows) => rows.length > 0
          ),
        discarded: (now, limit) =>
          selectKeys({ now, limit }).pipe(
            Effect.map((rows) => rows.map(({ objectKey }) => objectKey)),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        removed: (key) => Effect.asVoid(sql`DELETE FROM merchants.unwanted_objects WHERE object_key = ${key}`)
      })
    })
  )
}
