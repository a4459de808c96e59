import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Rpc, RpcGroup } from "effect/rpc"
import { Authorization, RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { InvalidCursor, pageQuery, pageRequest } from "../kernel/Page.ts"
import { Audited, auditFilter, AuditHead, AuditPage, AuditVerification } from "./Audit.ts"

const fromUntil = { from: Schema.optionalKey(Schema.Date), until: Schema.optionalKey(Schema.Date) }
const filter = { ...pageRequest, ...auditFilter, ...fromUntil }

/** The audit trail: for admins all of it, for the staff of a merchant what was done to what is theirs. */
export class AuditApiGroup extends HttpApiGroup.make("audit")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: {
        ...pageQuery,
        ...auditFilter,
        from: Schema.optionalKey(Schema.DateFromString),
        until: Schema.optionalKey(Schema.DateFromString)
      },
      success: AuditPage,
      error: InvalidCursor
    })
      .annotate(RequiredPermission, "audit:read")
      .annotateMerge(
        OpenApi.annotations({
          summary: "List what staff did",
          description:
            "Newest first; `from` is included, `until` is not. Secrets are left out and personal data is masked."
        })
      )
  )
  .middleware(Authorization)
  .prefix("/api/v1/audit")
  .annotateMerge(OpenApi.annotations({ title: "Audit", description: "Who changed what, when and from where" })) {}

/** What was done to what belongs to the caller's merchant. */
export class AuditMerchantRpcs extends RpcGroup.make(
  Rpc.make("audit.list", { payload: filter, success: AuditPage, error: InvalidCursor }).annotate(Audited, "nothing")
)
  .annotateRpcs(RequiredPermission, "audit:read")
  .middleware(RpcAuthorization) {}

/** The whole trail, and whether it is whole. */
export class AuditAdminRpcs extends RpcGroup.make(
  Rpc.make("admin.audit.list", { payload: filter, success: AuditPage, error: InvalidCursor }),
  Rpc.make("admin.audit.head", { success: Schema.NullOr(AuditHead) }),
  /** Walks the chain from `from` on: not for a loop. `head` is one that was kept elsewhere. */
  Rpc.make("admin.audit.verify", {
    payload: {
      from: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
      head: Schema.optionalKey(AuditHead)
    },
    success: AuditVerification
  })
)
  .annotateRpcs(Audited, "nothing")
  .annotateRpcs(RequiredPermission, "operations:administer")
  .middleware(RpcAuthorization) {}
