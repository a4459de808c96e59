import { ResolutionRulesChanged } from "@mall/domain/treasury/ReconciliationError"
import { ResolutionRules, RuleSet } from "@mall/domain/treasury/Rule"
import type { RuleChange } from "@mall/domain/treasury/Rule"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { ComparedDay } from "./compareStatement.ts"

const builtIn = new RuleSet({
  version: 0,
  rules: [],
  actor: "",
  reason: "built in: nobody but people resolve",
  at: null
})

const rulesJson = Schema.encodeSync(Schema.fromJsonString(ResolutionRules))
const Written = Schema.Struct({ version: Schema.Int })

/** By which rules differences resolve themselves: a version a row, of which the newest counts. */
export class Rules extends Context.Service<
  Rules,
  {
    readonly current: Effect.Effect<RuleSet>
    put(change: RuleChange, actor: string): Effect.Effect<RuleSet, ResolutionRulesChanged>
    /** Resolves what the run found and a rule allows; part of the run's transaction. */
    apply(day: ComparedDay): Effect.Effect<void, SqlError>
  }
>()("@mall/treasury/reconciliation/Rules") {
  static readonly layer = Layer.effect(
    Rules,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder

      const select = SqlSchema.findAll({
        Request: Schema.Void,
        Result: RuleSet,
        execute: () => sql`SELECT r.* FROM treasury.resolution_rules AS r ORDER BY r.version DESC LIMIT 1`
      })
      const current = Effect.map(select(undefined), ([set]) => set ?? builtIn).pipe(
        Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
      )

      const insert = SqlSchema.findAll({
        Request: Schema.Struct({
          ...{ version: Schema.Int, rules: Schema.String, actor: Schema.String, reason: Schema.String },
          at: Schema.Date
        }),
        Result: Written,
        // of two who change the same version one finds the number taken
        execute: ({ actor, at, reason, rules, version }) => sql`
          INSERT INTO treasury.resolution_rules (version, rules, actor, reason, at)
          VALUES (${version}, ${rules}::jsonb, ${actor}, ${reason}, ${at})
          ON CONFLICT (version) DO NOTHING RETURNING version`
      })

      return Rules.of({
        current,
        put: Effect.fn("Rules.put")(
          function* ({ reason, rules, version }, actor) {
            const before = yield* current
            if (before.version !== version) return yield* new ResolutionRulesChanged({ version: before.version })
            const at = yield* DateTime.nowAsDate
            const [written] = yield* insert({ version: version + 1, rules: rulesJson(rules), actor, reason, at })
            const after = yield* current
            if (written === undefined) return yield* new ResolutionRulesChanged({ version: after.version })
            yield* audit.record({
              action: "resolution_rules.put",
              resource: { type: "resolution_rules", id: "" },
              reason,
              before: { version, rules: before.rules },
              after: { version: after.version, rules }
            })
            return after
          },
          sql.withTransaction,
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        apply: Effect.fnUntraced(function* ({ actor, channel, now, runId, traceId }) {
          const { rules, version } = yield* current
          for (const rule of rules) {
            if (rule.channel !== null && rule.channel !== channel) continue
            const resolution = `rule of version ${version}: ${rule.reason}`
            yield* sql`
              WITH resolved AS (
                UPDATE treasury.differences AS d
                SET status = 'resolved', resolution = ${resolution}, updated_at = ${now}::timestamptz
                WHERE d.run_id = ${runId} AND d.status = 'open' AND d.class = ${rule.class}
                  AND coalesce(d.bill_currency, d.our_currency) = ${rule.currency} AND abs(d.excess) <= ${rule.upTo}
                RETURNING d.id
              )
              INSERT INTO treasury.difference_history (difference_id, from_status, to_status, actor, reason, trace_id, at)
              SELECT r.id, 'open', 'resolved', ${actor}, ${resolution}::text, ${traceId}::text, ${now}::timestamptz
              FROM resolved AS r`
          }
        })
      })
    })
  )
}
