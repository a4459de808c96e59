import * as Checks from "@mall/platform/doctor/Checks"
import { finding } from "@mall/platform/doctor/Checks"
import type { Check } from "@mall/platform/doctor/Checks"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"

const Left = Schema.Struct({ id: Schema.String, rows: Schema.Int })

const made = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const decode = Schema.decodeUnknownEffect(Schema.Array(Left))

  const staging: Check = {
    name: "reconciliation_staging",
    says: "What a run of the reconciliation compares is gone when it has ended",
    severity: "P2",
    reach: "database",
    look: ({ now }) =>
      sql`
        SELECT staged.run_id::text AS id, sum(staged.rows)::bigint AS rows
        FROM (
          SELECT run_id, count(*) AS rows FROM treasury.bill_lines GROUP BY run_id
          UNION ALL SELECT run_id, count(*) FROM treasury.compared_records GROUP BY run_id
        ) AS staged
        WHERE NOT EXISTS (
          SELECT FROM treasury.reconciliation_runs AS r
          WHERE r.id = staged.run_id AND (r.status = 'running' OR r.finished_at > ${new Date(now.getTime() - 3_600_000)}))
        GROUP BY staged.run_id ORDER BY staged.run_id LIMIT 100`.pipe(
        Effect.flatMap(decode),
        Effect.map((left) => ({
          looked: left.length,
          findings: left.map(({ id, rows }) =>
            finding({ type: "run", id }, `run ${id} has ended and left ${rows} rows`, { expected: 0, found: rows })
          ),
          next: null
        }))
      )
  }
  return { checks: [staging] }
})

/** What the reconciliation makes sure of. Needs `Checks` and `SqlClient`. */
export const layer = Checks.layer(made)
