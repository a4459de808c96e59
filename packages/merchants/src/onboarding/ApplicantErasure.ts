import type { UserId } from "@mall/domain/identity/CurrentUser"
import { ObjectKey } from "@mall/platform/objects/ObjectStore"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { jsonText } from "../Actor.ts"
import { DocumentRepo } from "../kyc/DocumentRepo.ts"
import { ApplicationRow, openParticulars, sealParticulars } from "./ApplicationRecord.ts"

const erasedName = jsonText({ zh: "***", en: "***" })

/**
 * Lets go of who applied, once their account is deleted. Of an application that made a merchant stay the names, the number and
 * the documents, which the law has kept for as long as the books; the contact goes. Of any other everything personal goes.
 */
export class ApplicantErasure extends Context.Service<
  ApplicantErasure,
  {
    erase(userId: UserId): Effect.Effect<void>
  }
>()("@mall/merchants/onboarding/ApplicantErasure") {
  static readonly layerNoDeps = Layer.effect(
    ApplicantErasure,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const keys = yield* PersonalDataKeys
      const documents = yield* DocumentRepo
      const lockAll = SqlSchema.findAll({
        Request: Schema.String,
        Result: ApplicationRow,
        execute: (userId) =>
          sql`SELECT a.* FROM merchants.applications AS a WHERE a.applicant_id = ${userId} ORDER BY a.id FOR UPDATE`
      })
      const removeDocuments = SqlSchema.findAll({
        Request: Schema.String,
        Result: Schema.Struct({ objectKey: ObjectKey }),
        execute: (id) => sql`DELETE FROM merchants.documents WHERE application_id = ${id} RETURNING object_key`
      })

      const forget = Effect.fnUntraced(function* (row: ApplicationRow) {
        const removed = yield* removeDocuments(row.id)
        yield* documents.discard(
          removed.map(({ objectKey }) => objectKey),
          yield* DateTime.nowAsDate
        )
        yield* sql`UPDATE merchants.application_history SET reason = '' WHERE application_id = ${row.id}`
        // the name of a shop may be a person's, and its code may be somebody else's from now on
        yield* sql`
          UPDATE merchants.applications
          SET personal_data = NULL, personal_data_key = NULL, code = id::text, shop_name = ${erasedName}::jsonb
          WHERE id = ${row.id}`
      })

      const keepForBooks = Effect.fnUntraced(function* (row: ApplicationRow) {
        const particulars = yield* openParticulars(keys, row)
        if (particulars === null) return
        const sealed = sealParticulars(keys, row.id, { ...particulars, contact: null })
        yield* sql`
          UPDATE merchants.applications
          SET personal_data = ${sealed.personalData}, personal_data_key = ${sealed.personalDataKey} WHERE id = ${row.id}`
      })

      return ApplicantErasure.of({
        erase: Effect.fn("ApplicantErasure.erase")(
          function* (userId) {
            for (const row of yield* lockAll(userId)) {
              yield* row.status === "approved" ? keepForBooks(row) : forget(row)
            }
          },
          sql.withTransaction,
          Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
        )
      })
    })
  )
}
