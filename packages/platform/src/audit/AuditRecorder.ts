import { AuditEntryId } from "@mall/domain/operations/Audit"
import type { AuditAction, AuditEntry } from "@mall/domain/operations/Audit"
import { generator } from "@mall/domain/kernel/Id"
import { maskInText } from "@mall/domain/kernel/mask"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { DateTime, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { Fragment } from "effect/sql/Statement"
import { changedFields } from "./auditableFields.ts"
import type { AuditedRecord } from "./auditableFields.ts"
import { maskCardNumbers } from "../telemetry/cardNumbers.ts"
import { currentStamp } from "./CurrentActor.ts"
import type { Stamp } from "./CurrentActor.ts"

const newEntryId = generator(AuditEntryId)
const jsonText = Schema.encodeUnknownSync(Schema.fromJsonString(Schema.Unknown))

/** An act, as the service that does it tells of it. */
export interface Act {
  readonly action: AuditAction
  /** `id` is empty for what there is one of. */
  readonly resource: { readonly type: string; readonly id: string }
  /** Whose shop it concerns: its staff may read of it. */
  readonly merchantId?: MerchantId | null
  readonly reason?: string
  /** The records before and after; the fields that differ are kept. With neither the act itself is what there is to know. */
  readonly before?: AuditedRecord
  readonly after?: AuditedRecord
}

/**
 * Makes the way into the audit trail, over the ambient transaction: what is rolled back was not done. Called last in the
 * transaction, or at least after everything that may be refused.
 */
export const makeAuditRecorder = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  /**
   * The entry of an act of this fiber, or of the one that `stamp` is from; none where both records are given and nothing
   * differs.
   */
  const prepare = Effect.fnUntraced(function* (act: Act, stamp?: Stamp) {
    const fields = changedFields(act.before ?? null, act.after ?? null)
    if (fields === undefined) return []
    const entry: AuditEntry = {
      id: yield* newEntryId,
      action: act.action,
      resource: act.resource,
      merchantId: act.merchantId ?? null,
      ...(stamp ?? (yield* currentStamp)),
      reason: act.reason === undefined ? null : maskInText(maskCardNumbers(act.reason)),
      ...fields,
      at: yield* DateTime.nowAsDate
    }
    return [entry]
  })

  /** Entries as `inserting` takes them. */
  const encode = (entries: ReadonlyArray<AuditEntry>) =>
    jsonText(
      entries.map(({ actor, origin, resource, ...entry }) => ({
        ...entry,
        ...origin,
        ...{ resourceType: resource.type, resourceId: resource.id },
        ...{ actorKind: actor.kind, actorId: actor.id, actorRoles: actor.roles }
      }))
    )

  /**
   * Parts of a larger statement's `WITH` that write those of `encoded` for which `condition` holds, an expression that may
   * name them as `audited`.
   */
  const inserting = (encoded: string, condition: Fragment = sql`TRUE`) => sql`
      audited AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(${encoded}::jsonb) AS audited(
          id uuid, action text, "resourceType" text, "resourceId" text, "merchantId" uuid, "actorKind" text,
          "actorId" text, "actorRoles" text[], network text, "userAgent" text, "requestId" text, "traceId" text,
          reason text, before jsonb, after jsonb, at timestamptz(3)
        )
        WHERE ${condition}
      ),
      audit_added AS (
        INSERT INTO platform.audit_entries (
          id, action, resource_type, resource_id, merchant_id, actor_kind, actor_id, actor_roles,
          network, user_agent, request_id, trace_id, reason, before, after, at
        )
        SELECT
          id, action, "resourceType", "resourceId", "merchantId", "actorKind", "actorId", "actorRoles",
          network, "userAgent", "requestId", "traceId", reason, before, after, at
        FROM audited
      ),
      audit_unsealed AS (INSERT INTO platform.audit_unsealed (entry_id) SELECT id FROM audited)`

  const insert = (entries: ReadonlyArray<AuditEntry>) =>
    entries.length === 0 ? Effect.void : Effect.asVoid(sql`WITH ${inserting(encode(entries))} SELECT`)

  return {
    prepare,
    encode,
    inserting,
    insert,
    /** Both at once. */
    record: (act: Act, stamp?: Stamp) => Effect.flatMap(prepare(act, stamp), insert)
  }
})
