import { RouteRules, RoutingTable, RoutingTableChanged, UnknownChannel } from "@mall/domain/payments/Routing"
import type { RoutingChange } from "@mall/domain/payments/Routing"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { Channels } from "../channel/Channels.ts"

/** For how long a process goes by the table it has read. */
const freshFor = "5 seconds"

const builtIn: RoutingTable = { version: 0, rules: [], author: "", reason: "built in", createdAt: null }

const rulesJson = Schema.encodeSync(Schema.fromJsonString(RouteRules))

/** The rules of routing, a version a row: what counts is the newest, and an older one is set again as a new one. */
export class RoutingTables extends Context.Service<
  RoutingTables,
  {
    /** A change of another process is seen within seconds. */
    readonly current: Effect.Effect<RoutingTable>
    /** Newest first. */
    history(limit: number): Effect.Effect<ReadonlyArray<RoutingTable>>
    put(change: RoutingChange, author: string): Effect.Effect<RoutingTable, RoutingTableChanged | UnknownChannel>
  }
>()("@mall/payments/routing/RoutingTables") {
  static readonly layerNoDeps = Layer.effect(
    RoutingTables,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const channels = yield* Channels
      const audit = yield* makeAuditRecorder

      const select = SqlSchema.findAll({
        Request: Schema.Int,
        Result: RoutingTable,
        execute: (limit) => sql`SELECT t.* FROM payments.routing_tables AS t ORDER BY t.version DESC LIMIT ${limit}`
      })
      const newest = Effect.map(Effect.orDie(select(1)), ([table]) => table ?? builtIn)
      const [current, forget] = yield* Effect.cachedInvalidateWithTTL(newest, freshFor)

      const insert = SqlSchema.findAll({
        Request: Schema.Struct({
          version: Schema.Int,
          rules: Schema.String,
          author: Schema.String,
          reason: Schema.String,
          at: Schema.Date
        }),
        Result: RoutingTable,
        // of two who change the same version one finds the number taken
        execute: ({ at, author, reason, rules, version }) => sql`
          INSERT INTO payments.routing_tables (version, rules, author, reason, created_at)
          VALUES (${version}, ${rules}::jsonb, ${author}, ${reason}, ${at})
          ON CONFLICT (version) DO NOTHING
          RETURNING *`
      })

      const put = Effect.fn("RoutingTables.put")(function* ({ reason, rules, version }: RoutingChange, author: string) {
        for (const { targets } of rules) {
          for (const { channel } of targets) {
            if (Option.isNone(channels.find(channel))) return yield* new UnknownChannel({ channel })
          }
        }
        const before = yield* newest
        if (before.version !== version) return yield* new RoutingTableChanged({ version: before.version })
        const row = { version: version + 1, rules: rulesJson(rules), author, reason, at: yield* DateTime.nowAsDate }
        const [table] = yield* insert(row).pipe(
          Effect.tap(([after]) =>
            after === undefined
              ? Effect.void
              : audit.record({
                  ...{ action: "routes.put", resource: { type: "routes", id: String(after.version) }, reason },
                  ...{ before: { version, rules: before.rules }, after: { version: after.version, rules: after.rules } }
                })
          ),
          sql.withTransaction,
          Effect.orDie
        )
        if (table === undefined) return yield* new RoutingTableChanged({ version: (yield* newest).version })
        yield* forget
        return table
      })

      return RoutingTables.of({ current, history: (limit) => Effect.orDie(select(limit)), put })
    })
  )
}
