import type { DisputeId } from "@mall/domain/payments/Dispute"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { nothingSealed, openRow, sealedFields, sealRow } from "@mall/platform/sealing/PersonalDataTable"
import type { PersonalDataTable } from "@mall/platform/sealing/PersonalDataTable"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { EvidenceRow } from "./DisputeRecord.ts"
import type { EvidenceId } from "./DisputeRecord.ts"

/** What is told of a buyer in words: the email, the address, what they did. */
export const evidenceTexts: PersonalDataTable = {
  name: "payments.dispute_evidence",
  clear: { text: "text", wipe: "text = NULL" }
}

const StoredEvidence = Schema.Struct({ ...EvidenceRow.fields, ...sealedFields })

/** The rows of evidence, one of each kind for a dispute. Who writes them holds the lock of the dispute. */
export class EvidenceRepo extends Context.Service<
  EvidenceRepo,
  {
    /** In the order in which they were added. */
    list(disputeId: DisputeId): Effect.Effect<ReadonlyArray<EvidenceRow>, SqlError>
    /** In the place of the piece of its kind, if there is one. */
    put(disputeId: DisputeId, row: EvidenceRow): Effect.Effect<void, SqlError>
    uploaded(id: EvidenceId, channelFile: string): Effect.Effect<void, SqlError>
    submitted(ids: ReadonlyArray<EvidenceId>, now: Date): Effect.Effect<void, SqlError>
  }
>()("@mall/payments/disputes/EvidenceRepo") {
  static readonly layerNoDeps = Layer.effect(
    EvidenceRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const keys = yield* PersonalDataKeys
      const select = SqlSchema.findAll({
        Request: Schema.String,
        Result: StoredEvidence,
        execute: (id) =>
          sql`SELECT e.* FROM payments.dispute_evidence AS e WHERE e.dispute_id = ${id} ORDER BY e.created_at, e.id`
      })
      const openText = ({ personalData, personalDataKey, ...row }: typeof StoredEvidence.Type) =>
        Effect.map(
          openRow(keys, evidenceTexts, { id: row.id, personalData, personalDataKey }),
          (text) => new EvidenceRow({ ...row, text: text ?? row.text })
        )

      return EvidenceRepo.of({
        list: (id) =>
          select(id).pipe(
            Effect.flatMap((rows) => Effect.forEach(rows, openText)),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        put: (disputeId, { text, ...row }) => {
          const sealed = text === null ? nothingSealed : sealRow(keys, evidenceTexts, row.id, text)
          return Effect.asVoid(sql`
            INSERT INTO payments.dispute_evidence ${sql.insert({ ...row, ...sealed, disputeId, text: null })}
            ON CONFLICT (dispute_id, kind) DO UPDATE SET id = EXCLUDED.id, text = EXCLUDED.text,
              personal_data = EXCLUDED.personal_data, personal_data_key = EXCLUDED.personal_data_key,
              file_type = EXCLUDED.file_type, sha256 = EXCLUDED.sha256, size = EXCLUDED.size,
              channel_file = EXCLUDED.channel_file, added_by = EXCLUDED.added_by, created_at = EXCLUDED.created_at,
              submitted_at = EXCLUDED.submitted_at`)
        },
        uploaded: (id, file) =>
          Effect.asVoid(sql`UPDATE payments.dispute_evidence SET channel_file = ${file} WHERE id = ${id}`),
        submitted: (ids, now) =>
          Effect.asVoid(sql`
            UPDATE payments.dispute_evidence SET submitted_at = ${now} WHERE id = ANY(${ids}::uuid[])`)
      })
    })
  )
}
