import type { DisputeId } from "@mall/domain/payments/Dispute"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { EvidenceRow } from "./DisputeRecord.ts"
import type { EvidenceId } from "./DisputeRecord.ts"

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
  static readonly layer = Layer.effect(
    EvidenceRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const select = SqlSchema.findAll({
        Request: Schema.String,
        Result: EvidenceRow,
        execute: (id) =>
          sql`SELECT e.* FROM payments.dispute_evidence AS e WHERE e.dispute_id = ${id} ORDER BY e.created_at, e.id`
      })
      return EvidenceRepo.of({
        list: (id) => Effect.catchTag(select(id), "SchemaError", Effect.die),
        put: (disputeId, row) =>
          Effect.asVoid(sql`
            INSERT INTO payments.dispute_evidence
              (id, dispute_id, kind, text, file_type, sha256, size, channel_file, added_by, created_at, submitted_at)
            VALUES (${row.id}, ${disputeId}, ${row.kind}, ${row.text}, ${row.fileType}, ${row.sha256}, ${row.size},
              ${row.channelFile}, ${row.addedBy}, ${row.createdAt}, ${row.submittedAt})
            ON CONFLICT (dispute_id, kind) DO UPDATE SET id = EXCLUDED.id, text = EXCLUDED.text,
              file_type = EXCLUDED.file_type, sha256 = EXCLUDED.sha256, size = EXCLUDED.size,
              channel_file = EXCLUDED.channel_file, added_by = EXCLUDED.added_by, created_at = EXCLUDED.created_at,
              submitted_at = EXCLUDED.submitted_at`),
        uploaded: (id, file) =>
          Effect.asVoid(sql`UPDATE payments.dispute_evidence SET channel_file = ${file} WHERE id = ${id}`),
        submitted: (ids, now) =>
          Effect.asVoid(sql`
            UPDATE payments.dispute_evidence SET submitted_at = ${now} WHERE id = ANY(${ids}::uuid[])`)
      })
    })
  )
}
