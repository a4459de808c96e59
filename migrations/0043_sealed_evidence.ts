import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What merchants write to banks about a buyer is sealed; that of before by the sweep `personal_data`. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    ALTER TABLE payments.dispute_evidence
      ADD COLUMN personal_data bytea,
      ADD COLUMN personal_data_key text,
      DROP CONSTRAINT dispute_evidence_text_or_file
  `
  yield* sql`UPDATE payments.dispute_evidence SET personal_data_key = '' WHERE text IS NOT NULL`
  yield* sql`
    ALTER TABLE payments.dispute_evidence
      ADD CONSTRAINT dispute_evidence_personal_data_check
        CHECK ((personal_data IS NULL) = (coalesce(personal_data_key, '') = '')),
      ADD CONSTRAINT dispute_evidence_text_or_file CHECK (
        num_nonnulls(text, personal_data, sha256) = 1 AND (file_type IS NULL) = (sha256 IS NULL)
          AND (personal_data_key IS NULL) = (sha256 IS NOT NULL)
      )
  `
  yield* sql`
    CREATE INDEX dispute_evidence_personal_data_key_idx ON payments.dispute_evidence (personal_data_key)
  `
})
