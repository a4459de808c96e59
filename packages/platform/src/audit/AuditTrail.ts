import { mayEverywhere } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { AuditEntryId } from "@mall/domain/operations/Audit"
import type { AuditAction, AuditEntry } from "@mall/domain/operations/Audit"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { readsOf, tenantSeeing } from "../Tenancy.ts"
import { EntryRow, entryOf } from "./auditRows.ts"

export interface AuditQuery {
  /** The id of a user or key, or the name of an operator. */
  readonly actor?: string
  readonly action?: AuditAction
  readonly resourceType?: string
  readonly resourceId?: string
  readonly merchantId?: MerchantId
  readonly from?: Date
  readonly until?: Date
  readonly limit?: number
  readonly after?: string
}

/** Whose entries are seen: all, or what concerns one merchant; a user who is staff of none sees none. */
export type AuditScope = "all" | Option.Option<MerchantId>

export const auditScopeOf = (principal: Principal): AuditScope =>
  mayEverywhere(principal, "operations:administer") ? "all" : principal.merchantId

const cursor = cursorOf(AuditEntryId)

/** What staff did, for those who look into it. */
export class AuditTrail extends Context.Service<
  AuditTrail,
  {
    /** Newest first; `from` is included, `until` is not. */
    list(scope: AuditScope, query: AuditQuery): Effect.Effect<Page<AuditEntry>, InvalidCursor>
  }
>()("@mall/platform/audit/AuditTrail") {
  /** Needs `SqlClient`. */
  static readonly layer = Layer.effect(
    AuditTrail,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const conditionsOf = (scope: AuditScope, query: AuditQuery, before: AuditEntryId | undefined) => [
        scope === "all"
          ? sql`TRUE`
          : Option.match(scope, { onNone: () => sql`FALSE`, onSome: (id) => sql`merchant_id = ${id}` }),
        ...(query.actor === undefined ? [] : [sql`actor_id = ${query.actor}`]),
        ...(query.action === undefined ? [] : [sql`action = ${query.action}`]),
        ...(query.resourceType === undefined ? [] : [sql`resource_type = ${query.resourceType}`]),
        ...(query.resourceId === undefined ? [] : [sql`resource_id = ${query.resourceId}`]),
        ...(query.merchantId === undefined ? [] : [sql`merchant_id = ${query.merchantId}`]),
        ...(query.from === undefined ? [] : [sql`at >= ${query.from}`]),
        ...(query.until === undefined ? [] : [sql`at < ${query.until}`]),
        ...(before === undefined ? [] : [sql`e.id < ${before}`])
      ]

      const list: AuditTrail["Service"]["list"] = Effect.fn("AuditTrail.list")(
        function* (scope, query) {
          const limit = query.limit ?? defaultLimit
          const tenant = tenantSeeing(scope === "all" ? scope : Option.getOrNull(scope))
          const before = query.after === undefined ? undefined : yield* cursor.decode(query.after)
          const select = SqlSchema.findAll({
            Request: Schema.Void,
            Result: EntryRow,
            execute: () => sql`
              SELECT e.* FROM platform.audit_entries AS e
              WHERE ${sql.and(conditionsOf(scope, query, before))} ORDER BY e.id DESC LIMIT ${limit + 1}`
          })
          const rows = yield* readsOf(sql, "mall_store_tenant", tenant)(select())
          return toPage(rows.map(entryOf), limit, ({ id }) => cursor.encode(id))
        },
        Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
      )

      return AuditTrail.of({ list })
    })
  )
}
