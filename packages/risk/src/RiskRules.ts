import { RiskRuleChanged, RiskRuleNotFound } from "@mall/domain/risk/RiskError"
import type { RiskRuleInvalid } from "@mall/domain/risk/RiskError"
import { Expression } from "@mall/domain/risk/Expression"
import { RiskRule } from "@mall/domain/risk/RiskRule"
import type { ModeChange, RuleChange, RuleId } from "@mall/domain/risk/RiskRule"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import * as PushedCache from "@mall/platform/PushedCache"
import { Context, DateTime, Effect, Layer, Option, Result, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { builtInRules } from "./builtInRules.ts"
import { compile } from "./compile.ts"
import type { Need } from "./compile.ts"
import type { CompiledRule } from "./decide.ts"
import { RiskConfig } from "./RiskConfig.ts"

/** All rules that are not off, each compiled once, and what has to be read for them. */
export interface RuleSet {
  readonly rules: ReadonlyArray<CompiledRule>
  readonly needs: ReadonlyArray<Need>
}

/** Changes are pushed: this only bounds how old the rules are where a notification was lost. */
const timeToLive = "30 seconds"

const historyLimit = 100

const keyOf = (need: Need) => `${need.type} ${need.by} ${need.type === "distinct" ? need.of : ""} ${need.within}`

const whenJson = Schema.encodeSync(Schema.fromJsonString(Expression))

const compileAll = Effect.fnUntraced(function* (all: ReadonlyArray<RiskRule>) {
  const rules: Array<CompiledRule> = []
  for (const rule of all) {
    if (rule.mode === "off") continue
    const compiled = compile(rule.when)
    if (Result.isSuccess(compiled)) {
      rules.push({ rule, ...compiled.success })
    } else {
      // It was put by a program that allowed more: one rule must not take the others along.
      yield* Effect.logError("a risk rule cannot be used").pipe(
        Effect.annotateLogs({ rule: rule.id, version: rule.version, why: compiled.failure.message })
      )
    }
  }
  const needs = new Map(rules.flatMap(({ needs }) => needs).map((need) => [keyOf(need), need]))
  return { rules, needs: [...needs.values()] }
})

/** The rules, a version a row: what counts is the newest of each, and all of them are kept. */
export class RiskRules extends Context.Service<
  RiskRules,
  {
    /** From memory; a change anywhere is heard of as it commits. */
    readonly current: Effect.Effect<RuleSet>
    /** The newest version of each, by their ids. */
    readonly list: Effect.Effect<ReadonlyArray<RiskRule>>
    /** Newest first. */
    history(id: RuleId): Effect.Effect<ReadonlyArray<RiskRule>, RiskRuleNotFound>
    put(
      id: RuleId,
      change: RuleChange,
      author: string
    ): Effect.Effect<RiskRule, RiskRuleInvalid | RiskRuleChanged | RiskRuleNotFound>
    setMode(id: RuleId, change: ModeChange, author: string): Effect.Effect<RiskRule, RiskRuleNotFound>
  }
>()("@mall/risk/RiskRules") {
  static readonly layerNoDeps = Layer.effect(
    RiskRules,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      const builtIn = new Map(builtInRules(yield* RiskConfig).map((rule) => [rule.id, rule]))

      const selectNewest = SqlSchema.findAll({
        Request: Schema.Void,
        Result: RiskRule,
        execute: () => sql`SELECT DISTINCT ON (r.id) r.* FROM risk.rules AS r ORDER BY r.id, r.version DESC`
      })
      const selectHistory = SqlSchema.findAll({
        Request: Schema.String,
        Result: RiskRule,
        execute: (id) => sql`
          SELECT r.* FROM risk.rules AS r WHERE r.id = ${id} ORDER BY r.version DESC LIMIT ${historyLimit}`
      })
      const list = selectNewest().pipe(
        Effect.map((stored) =>
          [...new Map([...builtIn, ...stored.map((rule) => [rule.id, rule] as const)]).values()].toSorted((a, b) =>
            a.id < b.id ? -1 : 1
          )
        ),
        Effect.orDie
      )
      const cache = yield* PushedCache.make({
        channel: "risk_rules",
        capacity: 1,
        timeToLive,
        lookup: () => Effect.map(Effect.flatMap(list, compileAll), (rules) => new Map([["all" as const, rules]]))
      })

      const insert = SqlSchema.findAll({
        Request: RiskRule,
        Result: RiskRule,
        // of two who change the same version one finds the number taken
        execute: ({ action, at, author, id, mode, name, reason, score, traceId, version, when }) => sql`
          INSERT INTO risk.rules (id, version, name, "when", score, action, mode, author, reason, trace_id, at)
          VALUES (${id}, ${version}, ${name}, ${whenJson(when)}::jsonb, ${score}, ${action}, ${mode}, ${author}, ${reason},
            ${traceId}, ${at})
          ON CONFLICT (id, version) DO NOTHING
          RETURNING *`
      })

      const history = Effect.fn("RiskRules.history")(function* (id: RuleId) {
        const stored = yield* Effect.orDie(selectHistory(id))
        const first = builtIn.get(id)
        const all = first === undefined ? stored : [...stored, first]
        return all.length === 0 ? yield* new RiskRuleNotFound({ rule: id }) : all
      })
      const newest = (id: RuleId) => Effect.map(history(id), ([rule]) => rule)

      const putAs = Effect.fnUntraced(function* (
        action: "risk_rule.put" | "risk_rule.set_mode",
        id: RuleId,
        change: RuleChange,
        author: string
      ) {
        yield* Effect.fromResult(compile(change.when))
        const before = yield* newest(id).pipe(
          // whoever changed a version has to know that the rule is not here
          Effect.catchTag("RiskRuleNotFound", (error) => (change.version === 0 ? Effect.undefined : Effect.fail(error)))
        )
        const version = before?.version ?? 0
        if (version !== change.version) return yield* new RiskRuleChanged({ version })
        const traceId = yield* currentTraceId
        const row = { id, ...change, version: version + 1, author, traceId, at: yield* DateTime.nowAsDate }
        const [rule] = yield* insert(row).pipe(
          Effect.tap(([rule]) =>
            rule === undefined
              ? Effect.void
              : audit.record({
                  action,
                  resource: { type: "risk_rule", id },
                  reason: change.reason,
                  ...(before === undefined ? {} : { before: { ...before } }),
                  after: { ...rule }
                })
          ),
          Effect.tap(() => cache.invalidate(["all"])),
          sql.withTransaction,
          Effect.orDie
        )
        return rule ?? (yield* new RiskRuleChanged({ version: version + 1 }))
      })

      const put = Effect.fn("RiskRules.put")((id: RuleId, change: RuleChange, author: string) =>
        putAs("risk_rule.put", id, change, author)
      )

      const setMode = (id: RuleId, change: ModeChange, author: string): Effect.Effect<RiskRule, RiskRuleNotFound> =>
        Effect.gen(function* () {
          const before = yield* newest(id)
          if (before === undefined) return yield* new RiskRuleNotFound({ rule: id })
          const { action, name, score, version, when } = before
          return yield* putAs("risk_rule.set_mode", id, { version, name, when, score, action, ...change }, author)
        }).pipe(
          // Somebody else put a version in between: the switch is made on top of theirs.
          Effect.catchTags({ RiskRuleChanged: () => setMode(id, change, author), RiskRuleInvalid: Effect.die })
        )

      const none: RuleSet = { rules: [], needs: [] }
      return RiskRules.of({
        current: Effect.map(
          cache.get("all"),
          Option.getOrElse(() => none)
        ),
        list,
        history,
        put,
        setMode: Effect.fn("RiskRules.setMode")(setMode)
      })
    })
  )
}
