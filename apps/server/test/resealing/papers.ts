import * as NodeServices from "@effect/platform-node/NodeServices"
import { DocumentId } from "@mall/domain/merchants/Document"
import { ApplicationId } from "@mall/domain/merchants/Application"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import * as DiskObjectStore from "@mall/platform/objects/DiskObjectStore"
import { ObjectStore } from "@mall/platform/objects/ObjectStore"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { PersonalDataSealing } from "@mall/platform/sealing/PersonalDataSealing"
import { SealedData } from "@mall/platform/sealing/SealedData"
import { ConfigProvider, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { digestOf, DocumentContents } from "@mall/merchants/kyc/DocumentContents"
import { DocumentRepo } from "@mall/merchants/kyc/DocumentRepo"
import type { DocumentRow } from "@mall/merchants/kyc/DocumentRepo"
import * as DocumentResealing from "@mall/merchants/kyc/DocumentResealing"

const newDocumentId = generator(DocumentId)
const newApplicationId = generator(ApplicationId)
const newUserId = generator(Uuid7.pipe(Schema.brand("Any")))

export interface Settings {
  readonly folder: string
  /** By id, the first of which seals. */
  readonly keys: string
}

const Store = DiskObjectStore.layer.pipe(Layer.provide(NodeServices.layer))

/** What a process has that seals documents anew; `around` may come between it and its store. */
export const resealer = <E, R>({ folder, keys }: Settings, around: Layer.Layer<ObjectStore | DocumentRepo, E, R>) =>
  Layer.mergeAll(PersonalDataSealing.layer, DocumentResealing.layerNoDeps, DocumentContents.layerNoDeps).pipe(
    Layer.provide(SealedData.layer),
    Layer.provideMerge(Layer.mergeAll(PersonalDataKeys.layer, around)),
    Layer.provide(
      ConfigProvider.layer(ConfigProvider.fromUnknown({ MALL_DATA_DIR: folder, PERSONAL_DATA_KEYS: keys }))
    ),
    Layer.fresh
  )

export const plainStore = Layer.mergeAll(Store, DocumentRepo.layer)

/** An application with so many papers, as a process stores them. */
export const aStack = Effect.fnUntraced(function* (count: number) {
  const sql = yield* SqlClient.SqlClient
  const contents = yield* DocumentContents
  const repo = yield* DocumentRepo
  const applicationId = yield* newApplicationId
  const at = new Date("2026-11-01T00:00:00Z")
  yield* sql`
    INSERT INTO merchants.applications (id, applicant_id, purpose, status, kind, level, country, code, shop_name, created_at,
      updated_at)
    VALUES (${applicationId}, ${yield* newUserId}, 'onboarding', 'draft', 'company', 'full', 'CN', ${applicationId},
      '{"zh": "", "en": "x"}'::jsonb, ${at}, ${at})`
  return yield* Effect.forEach(Array.from({ length: count }), (_, index) =>
    Effect.gen(function* () {
      const id = yield* newDocumentId
      const content = new TextEncoder().encode(`the paper ${id}`)
      const sealed = yield* contents.put(id, content)
      yield* repo.keep(sealed.objectKey)
      const row: DocumentRow = {
        ...{
          id,
          applicationId,
          kind: "bank_statement",
          mediaType: "application/pdf",
          size: content.byteLength,
          ...sealed
        },
        ...{ sha256: digestOf(content), scan: "clean", expiresOn: null, uploadedBy: `test ${index}`, createdAt: at }
      }
      yield* repo.insert(row)
      return row
    })
  )
})
