import * as Checks from "@mall/platform/doctor/Checks"
import { finding } from "@mall/platform/doctor/Checks"
import type { Check } from "@mall/platform/doctor/Checks"
import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { ReconciliationConfig } from "./ReconciliationConfig.ts"
import type { RunKey } from "./RunRepo.ts"
import { UnaskedDays } from "./UnaskedDays.ts"
import { UncomparedDays } from "./UncomparedDays.ts"
import type { UncomparedDay } from "./UncomparedDays.ts"

const Left = Schema.Struct({ id: Schema.String, rows: Schema.Int })

const nameOf = ({ account, channel, day, merchantId }: RunKey) =>
  `${channel} ${account}${merchantId === null ? "" : ` of merchant ${merchantId}`}, ${day}`

/** How far back days are expected that nobody asked for. */
const horizonDays = 30

const idOf = ({ account, channel, day, merchantId }: RunKey) =>
  [channel, account, ...(merchantId === null ? [] : [merchantId]), day].join("/")

const made = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const days = yield* UncomparedDays
  const unasked = yield* UnaskedDays
  const { catchUpDays } = yield* ReconciliationConfig
  const decode = Schema.decodeUnknownEffect(Schema.Array(Left))

  const staging: Check = {
    name: "reconciliation_staging",
    says: "What a run of the reconciliation compares is gone when it has ended",
    severity: "P2",
    reach: "database",
    look: ({ now }) =>
      sql`
        SELECT staged.claim_id::text AS id, sum(staged.rows)::bigint AS rows
        FROM (
          SELECT claim_id, count(*) AS rows FROM treasury.bill_lines GROUP BY claim_id
          UNION ALL SELECT claim_id, count(*) FROM treasury.compared_records GROUP BY claim_id
        ) AS staged
        WHERE NOT EXISTS (
          SELECT FROM treasury.reconciliation_runs AS r
          WHERE r.claim_id = staged.claim_id
            AND (r.status = 'running' OR r.finished_at > ${new Date(now.getTime() - 3_600_000)}))
        GROUP BY staged.claim_id ORDER BY staged.claim_id LIMIT 100`.pipe(
        Effect.flatMap(decode),
        Effect.map((left) => ({
          looked: left.length,
          findings: left.map(({ id, rows }) =>
            finding({ type: "run", id }, `the worker ${id} of a run has ended and left ${rows} rows`, {
              expected: 0,
              found: rows
            })
          ),
          next: null
        }))
      )
  }

  const about = (
    name: string,
    says: string,
    isWrong: (day: UncomparedDay) => boolean,
    tell: (day: UncomparedDay) => string
  ): Check => ({
    name,
    says,
    severity: "P1",
    reach: "database",
    look: ({ now }) =>
      Effect.map(days.list(now), (found) => ({
        looked: found.length,
        findings: found
          .filter(isWrong)
          .map((day) => finding({ type: "run", id: day.runId }, `${nameOf(day)}: ${tell(day)}`)),
        next: null
      }))
  })

  const askedLate = about(
    "reconciliation_late",
    "A day's bill is compared by RECONCILIATION_LATE_HOUR of the day after",
    ({ isLate }) => isLate,
    ({ failure, status }) => `its bill is not compared yet (${status}${failure === null ? "" : `: ${failure}`})`
  )
  /** Among news those are looked for that the sweep would still ask for; what was found so, and in a full look, as far back as runs. */
  const late: Check = {
    ...askedLate,
    look: Effect.fnUntraced(function* (look) {
      const asked = yield* askedLate.look(look)
      const never = yield* unasked.list(look.now, look.selection.type === "since" ? catchUpDays : horizonDays)
      const findings = never.map((key) =>
        finding({ type: "reconciliation_day", id: idOf(key) }, `${nameOf(key)}: nobody asked for its bill`)
      )
      return { looked: asked.looked + never.length, findings: [...asked.findings, ...findings], next: null }
    })
  }
  const failed = about(
    "reconciliation_failed",
    "No run of the reconciliation is given up, or fails three times though the channel gives a bill",
    ({ isFailing }) => isFailing,
    ({ attempt, failure }) => `failed ${attempt} times: ${failure ?? ""}`
  )
  return { checks: [staging, late, failed] }
})

/** What the reconciliation makes sure of. Needs `Checks`, `SqlClient` and the ports `ChannelBills` and `SettledPayments`. */
export const layer = Checks.layer(made).pipe(
  Layer.provide([UncomparedDays.layer, UnaskedDays.layer, ReconciliationConfig.layer])
)
