import { AuditEntry, AuditEntryId } from "@mall/domain/operations/Audit"
import { Schema, Struct } from "effect"

const row = {
  ...Struct.omit(AuditEntry.fields, ["actor", "origin", "resource"]),
  ...AuditEntry.fields.origin.fields,
  resourceType: Schema.String,
  resourceId: Schema.String,
  actorKind: AuditEntry.fields.actor.fields.kind,
  actorId: Schema.String,
  actorRoles: Schema.Array(Schema.String)
}

/** A row of `platform.audit_entries`. */
export const EntryRow = Schema.Struct(row)

export const entryOf = ({
  actorId,
  actorKind,
  actorRoles,
  network,
  requestId,
  resourceId,
  resourceType,
  traceId,
  userAgent,
  ...rest
}: typeof EntryRow.Type): AuditEntry => ({
  ...rest,
  resource: { type: resourceType, id: resourceId },
  actor: { kind: actorKind, id: actorId, roles: actorRoles },
  origin: { network, userAgent, requestId, traceId }
})

/** A row of `platform.audit_chain`. */
export const LinkRow = Schema.Struct({ position: Schema.Int, entryId: AuditEntryId, hash: Schema.Uint8Array })
