import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Merchants } from "@mall/domain/merchants/Merchants"
import type { Finding } from "@mall/domain/operations/Doctor"
import * as Checks from "@mall/platform/doctor/Checks"
import { finding, pageSize } from "@mall/platform/doctor/Checks"
import type { Check, Selection } from "@mall/platform/doctor/Checks"
import { among, firstUuid } from "@mall/platform/doctor/looks"
import { ObjectKey, ObjectStore } from "@mall/platform/objects/ObjectStore"
import * as ObjectStoreLayer from "@mall/platform/objects/ObjectStoreLayer"
import { Effect, Layer, Option, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql"

const Pair = Schema.Struct({
  id: Schema.String,
  type: Schema.Literals(["application", "merchant"]),
  merchantId: MerchantId,
  hasOther: Schema.Boolean
})
const Stored = Schema.Struct({ id: Schema.String, applicationId: Schema.String, objectKey: ObjectKey })

/** Documents that one look asks the store for. */
const sample = 50

const made = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const merchants = yield* Merchants
  const store = yield* ObjectStore

  const decodePairs = Schema.decodeUnknownEffect(Schema.Array(Pair))
  const selectPairs = (selection: Selection, after: string) => {
    const applications = { id: "a.id", changed: (since: Date) => sql`a.updated_at >= ${since}` }
    const profiles = { id: "p.merchant_id", changed: (since: Date) => sql`p.updated_at >= ${since}` }
    return Effect.flatMap(
      sql`
        SELECT r.* FROM (
          SELECT a.id, 'application' AS type, a.merchant_id, EXISTS (
            SELECT FROM merchants.profiles AS p WHERE p.merchant_id = a.merchant_id AND p.kyc_status <> 'unknown'
          ) AS has_other
          FROM merchants.applications AS a WHERE a.status = 'approved' AND ${among(sql, selection, applications)}
          UNION ALL
          SELECT p.merchant_id, 'merchant', p.merchant_id, EXISTS (
            SELECT FROM merchants.applications AS a WHERE a.merchant_id = p.merchant_id AND a.status = 'approved')
          FROM merchants.profiles AS p WHERE p.kyc_status <> 'unknown' AND ${among(sql, selection, profiles)}
        ) AS r
        WHERE r.id > ${after}::uuid ORDER BY r.id LIMIT ${pageSize}`,
      decodePairs
    )
  }

  const faultOf = Effect.fnUntraced(function* ({ hasOther, id, merchantId, type }: typeof Pair.Type) {
    const related = type === "merchant" ? [] : [{ type: "merchant", id: merchantId }]
    const told = (summary: string): ReadonlyArray<Finding> => [finding({ type, id }, summary, { related })]
    if (Option.isNone(yield* merchants.find(merchantId))) {
      return told(`${type} ${id} is of merchant ${merchantId}, whom the catalogue does not know`)
    }
    if (hasOther) return []
    return told(
      type === "merchant"
        ? `merchant ${id} counts as checked without an approved application`
        : `application ${id} is approved, and merchant ${merchantId} does not count as checked`
    )
  })

  const orphans: Check = {
    name: "merchant_orphans",
    says: "Who was approved is a merchant that counts as checked, and who counts as checked was approved",
    severity: "P1",
    reach: "database",
    look: Effect.fnUntraced(function* ({ after, selection }) {
      const rows = yield* selectPairs(selection, after ?? firstUuid)
      const findings = yield* Effect.forEach(rows, faultOf, { concurrency: 4 })
      const next = rows.length < pageSize ? null : (rows.at(-1)?.id ?? null)
      return { looked: rows.length, findings: findings.flat(), next }
    })
  }

  const decodeStored = Schema.decodeUnknownEffect(Schema.Array(Stored))
  /** What is new, then any others: over time all of them are asked for. */
  const selectStored = (selection: Selection, now: Date) => {
    const isWanted = selection.type === "subjects" ? sql`d.id = ANY(${selection.ids}::uuid[])` : sql`true`
    const since = selection.type === "since" ? selection.since : now
    return Effect.flatMap(
      sql`
        SELECT d.id, d.application_id, d.object_key FROM merchants.documents AS d
        WHERE d.scan <> 'infected' AND ${isWanted}
        ORDER BY d.created_at >= ${since} DESC, random()
        LIMIT ${selection.type === "subjects" ? selection.ids.length : sample}`,
      decodeStored
    )
  }

  const documents: Check = {
    name: "merchant_documents",
    says: "What an applicant sent is in the store of objects",
    severity: "P1",
    reach: "channels",
    look: Effect.fnUntraced(function* ({ now, selection }) {
      const rows = yield* selectStored(selection, now)
      const findings = yield* Effect.forEach(rows, ({ applicationId, id, objectKey }) =>
        store.get(objectKey).pipe(
          Stream.take(1),
          Stream.runDrain,
          Effect.as<ReadonlyArray<Finding>>([]),
          Effect.catchTag("ObjectNotFound", () =>
            Effect.succeed([
              finding({ type: "document", id }, `there is no object of document ${id}`, {
                related: [{ type: "application", id: applicationId }]
              })
            ])
          )
        )
      )
      return { looked: rows.length, findings: findings.flat(), next: null }
    })
  }

  return { checks: [orphans, documents] }
})

/** What merchants make sure of. Needs `Checks`, `SqlClient`, the port `Merchants` and what the store of objects needs. */
export const layer = Checks.layer(made).pipe(Layer.provide(ObjectStoreLayer.layer))
