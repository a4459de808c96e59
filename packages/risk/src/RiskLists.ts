import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { RiskListEntryNotFound } from "@mall/domain/risk/RiskError"
import type { RiskListValueInvalid } from "@mall/domain/risk/RiskError"
import { ListedKind, ListEntry, ListName } from "@mall/domain/risk/RiskRecord"
import type { ListRemoval, NewListEntry } from "@mall/domain/risk/RiskRecord"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Context, DateTime, Effect, Layer, Result, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { listedValue } from "./listedValue.ts"
import type { PageRequest } from "./RiskChecks.ts"

export interface ListFilter extends PageRequest {
  readonly list?: ListName | undefined
}

const cursor = cursorOf(Schema.Struct({ kind: ListedKind, value: Schema.String, list: ListName }))
const decodeEntries = Schema.decodeUnknownEffect(Schema.Array(ListEntry))

/** Who is blocked and who is let pass. Each check reads it in the database, so a change counts from the next check on. */
export class RiskLists extends Context.Service<
  RiskLists,
  {
    /** By kind and value, those that have not expired. */
    list(filter: ListFilter): Effect.Effect<Page<ListEntry>, InvalidCursor>
    /** Keeps the value as checks write it, and answers with that. */
    enlist(entry: NewListEntry, author: string): Effect.Effect<ListEntry, RiskListValueInvalid>
    /** Takes the value off as it is written here, and as checks write it. */
    delist(entry: ListRemoval, author: string): Effect.Effect<void, RiskListEntryNotFound>
    /** Drops entries that have expired; answers with how many. */
    purge(limit: number): Effect.Effect<number>
  }
>()("@mall/risk/RiskLists") {
  static readonly layer = Layer.effect(
    RiskLists,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder

      const enlist = Effect.fn("RiskLists.enlist")(
        function* ({ expiresIn, kind, list, reason, value: given }: NewListEntry, author: string) {
          const value = yield* Effect.fromResult(listedValue(kind, given))
          const at = yield* DateTime.nowAsDate
          const entry = new ListEntry({
            ...{ list, kind, value, reason, author, at, traceId: yield* currentTraceId },
            expiresAt: expiresIn === undefined ? null : new Date(at.getTime() + expiresIn * 1000)
          })
          const { expiresAt, traceId } = entry
          yield* sql`
            WITH put AS (
              INSERT INTO risk.listed (list, kind, value, expires_at, reason, author, trace_id, at)
              VALUES (${list}, ${kind}, ${value}, ${expiresAt}, ${reason}, ${author}, ${traceId}, ${at})
              ON CONFLICT (kind, value, list) DO UPDATE SET expires_at = excluded.expires_at, reason = excluded.reason,
                author = excluded.author, trace_id = excluded.trace_id, at = excluded.at
            )
            INSERT INTO risk.list_history (list, kind, value, is_listed, expires_at, reason, author, trace_id, at)
            VALUES (${list}, ${kind}, ${value}, true, ${expiresAt}, ${reason}, ${author}, ${traceId}, ${at})`
          yield* audit.record({
            action: "risk_list.enlist",
            resource: { type: "risk_list", id: list },
            reason,
            after: { kind, value, expiresAt }
          })
          return entry
        },
        sql.withTransaction,
        Effect.catchTag("SqlError", Effect.die)
      )

      const delist = Effect.fn("RiskLists.delist")(
        function* ({ kind, list, reason, value }: ListRemoval, author: string) {
          const at = yield* DateTime.nowAsDate
          const values = [value, Result.getOrElse(listedValue(kind, value), () => value)]
          const gone = yield* sql`
            WITH gone AS (
              DELETE FROM risk.listed WHERE list = ${list} AND kind = ${kind} AND value = ANY(${values}::text[]) RETURNING list, kind, value
            )
            INSERT INTO risk.list_history (list, kind, value, is_listed, reason, author, trace_id, at)
            SELECT list, kind, value, false, ${reason}, ${author}, ${yield* currentTraceId}::text, ${at}::timestamptz FROM gone
            RETURNING id`
          if (gone.length === 0) return yield* new RiskListEntryNotFound({})
          yield* audit.record({
            action: "risk_list.delist",
            resource: { type: "risk_list", id: list },
            reason,
            before: { kind, value }
          })
        },
        sql.withTransaction,
        Effect.catchTag("SqlError", Effect.die)
      )

      return RiskLists.of({
        list: Effect.fn("RiskLists.list")(
          function* ({ after, limit = defaultLimit, list }) {
            const from = after === undefined ? undefined : yield* cursor.decode(after)
            const clauses = [
              sql`(l.expires_at IS NULL OR l.expires_at > ${yield* DateTime.nowAsDate})`,
              ...(list === undefined ? [] : [sql`l.list = ${list}`]),
              ...(from === undefined
                ? []
                : [sql`(l.kind, l.value, l.list) > (${from.kind}, ${from.value}, ${from.list})`])
            ]
            const rows = yield* sql`
              SELECT l.* FROM risk.listed AS l WHERE ${sql.and(clauses)}
              ORDER BY l.kind, l.value, l.list LIMIT ${limit + 1}`
            return toPage(yield* decodeEntries(rows), limit, (last) =>
              cursor.encode({ kind: last.kind, value: last.value, list: last.list })
            )
          },
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        enlist,
        delist,
        purge: Effect.fn("RiskLists.purge")(
          function* (limit) {
            const now = yield* DateTime.nowAsDate
            const rows = yield* sql`
              WITH gone AS (
                DELETE FROM risk.listed AS l USING (
                  SELECT d.list, d.kind, d.value FROM risk.listed AS d WHERE d.expires_at <= ${now}
                  LIMIT ${limit} FOR UPDATE SKIP LOCKED
                ) AS due WHERE l.list = due.list AND l.kind = due.kind AND l.value = due.value
                RETURNING l.list, l.kind, l.value
              )
              INSERT INTO risk.list_history (list, kind, value, is_listed, reason, author, at)
              SELECT list, kind, value, false, 'expired', 'sweep', ${now}::timestamptz FROM gone
              RETURNING id`
            return rows.length
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}
