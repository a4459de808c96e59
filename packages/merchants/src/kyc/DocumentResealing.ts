import * as ObjectStoreLayer from "@mall/platform/objects/ObjectStoreLayer"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { KeyCount, sealedCount, SealedData } from "@mall/platform/sealing/SealedData"
import { DateTime, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { DocumentContents, documentTable } from "./DocumentContents.ts"
import { DocumentRepo } from "./DocumentRepo.ts"
import type { DocumentRow } from "./DocumentRepo.ts"

/** Documents that are looked for at a time; of each the content is in memory once, sealed and open. */
const pageSize = 50

/** Who began to read a document before it was sealed anew still finds it where it was. */
const grace = Duration.minutes(5)

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const contents = yield* DocumentContents
  const keys = yield* PersonalDataKeys
  const repo = yield* DocumentRepo
  const formerKeys = keys.ids.filter((id) => id !== keys.currentId)
  /** They cannot be opened, and would be met by every sweep. */
  const unreadable = new Set<string>()

  /** False where the document was changed meanwhile, as by another process that does the same. */
  const swap = Effect.fnUntraced(function* (document: DocumentRow, sealed: Pick<DocumentRow, "objectKey" | "keyId">) {
    if (!(yield* repo.keep(sealed.objectKey))) return false
    const now = yield* DateTime.now
    const isOurs = yield* repo.replaceContent(document, sealed)
    const [gone, due] = isOurs
      ? [document.objectKey, DateTime.toDateUtc(DateTime.addDuration(now, grace))]
      : [sealed.objectKey, DateTime.toDateUtc(now)]
    yield* repo.discard([gone], due)
    return isOurs
  }, sql.withTransaction)

  /**
   * The new object first, then the row, then the former object goes: whenever it is stopped, the row names one that is there, and
   * the other is on the list of those that nobody wants.
   */
  const reseal = (document: DocumentRow) =>
    contents.read(document).pipe(
      Effect.flatMap((content) => contents.put(document.id, content)),
      Effect.flatMap((sealed) => swap(document, sealed)),
      Effect.catchTag(["ObjectNotFound", "ObjectStoreFailed"], (error) =>
        Effect.as(Effect.logWarning("A document is sealed anew later: the store of objects failed", error), false)
      ),
      Effect.catchTag("DocumentUnreadable", (error) => {
        unreadable.add(document.id)
        return Effect.as(Effect.logError("A document cannot be sealed anew", error), false)
      }),
      Effect.annotateLogs({ documentId: document.id })
    )

  const sweep = Effect.fn("DocumentResealing.sweep")(function* (limit: number) {
    let resealed = 0
    let after: DocumentRow["id"] | null = null
    do {
      const size = Math.min(pageSize, limit - resealed)
      const page: ReadonlyArray<DocumentRow> = yield* repo.sealedBy(formerKeys, [...unreadable], after, size)
      const done = yield* Effect.forEach(page, reseal)
      resealed += done.filter(Boolean).length
      after = page.length < size ? null : (page.at(-1)?.id ?? null)
    } while (after !== null && resealed < limit)
    return resealed
  })

  const count = SqlSchema.findAll({
    Request: Schema.Void,
    Result: KeyCount,
    // of one that was infected the content is gone
    execute: () => sql`
      SELECT d.key_id, count(*) AS rows FROM merchants.documents AS d WHERE d.scan <> 'infected'
      GROUP BY d.key_id ORDER BY d.key_id`
  })

  return {
    sweep,
    status: count(undefined).pipe(
      Effect.map((counts) => counts.map((one) => sealedCount(keys, documentTable, one))),
      Effect.catchTag("SchemaError", Effect.die)
    )
  }
})

/** Registers merchants' documents with what is sealed. */
export const layerNoDeps = Layer.effectDiscard(
  Effect.gen(function* () {
    const data = yield* SealedData
    yield* data.register(yield* make)
  })
).pipe(Layer.provide(DocumentContents.layerNoDeps))

/** Needs `SealedData`, `SqlClient`, `FileSystem`, `Path` and the store of circuit breakers. */
export const layer = layerNoDeps.pipe(
  Layer.provide([DocumentRepo.layer, PersonalDataKeys.layer, ObjectStoreLayer.layer])
)
