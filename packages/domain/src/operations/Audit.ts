import { Context, Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { Page } from "../kernel/Page.ts"
import { PlainText } from "../kernel/PlainText.ts"
import { MerchantId } from "../merchants/Merchant.ts"

export const AuditEntryId = Uuid7.pipe(Schema.brand("AuditEntryId"), Schema.annotate({ identifier: "AuditEntryId" }))
export type AuditEntryId = typeof AuditEntryId.Type

/** What staff of the mall and of merchants do that is kept for good. Each is `<resource>.<act>`. */
export const AuditAction = Schema.Literals([
  "alert.acknowledge",
  "api_key.create",
  "api_key.revoke",
  "api_key.rotate",
  "block.add",
  "block.remove",
  "branding.put",
  "business_calendar.put",
  "callback.replay",
  "category.create",
  "category.remove",
  "category.update",
  "channel_fee.add",
  "credentials.remove",
  "credentials.reseal",
  "credentials.retire",
  "credentials.set",
  "deposit_forwarders.deploy",
  "difference.approve",
  "difference.assign",
  "difference.draft",
  "difference.reject",
  "difference.resolve",
  "dispute.accept",
  "dispute.add_evidence",
  "dispute.submit",
  "dispute.sync",
  "doctor.run",
  "fee_plan.put",
  "fx_limit.put",
  "fx_quote.accept",
  "fx_rate.approve",
  "fx_rate.fetch",
  "fx_rate.propose",
  "fx_rate.reject",
  "fx_spread.put",
  "ledger.adjust",
  "ledger_account.close",
  "ledger_account.freeze",
  "ledger_account.thaw",
  "merchant.recheck",
  "merchant.resume",
  "merchant.suspend",
  "merchant_application.approve",
  "merchant_application.recommend",
  "merchant_application.reject",
  "merchant_application.request_changes",
  "order.cancel",
  "order.deliver",
  "order.ship",
  "order_expiry_rule.put",
  "order_expiry_rule.remove",
  "payment.cancel",
  "payment.create",
  "payment.query",
  "payment.refund",
  "payment.schedule_cancel",
  "payment_limits.put",
  "payment_policy.put",
  "payout.approve",
  "payout.query",
  "payout.reject",
  "payout.return",
  "payout_account.add",
  "payout_account.reject",
  "payout_account.verify",
  "personal_data.reseal",
  "personal_data.unmask",
  "policy.apply",
  "policy.rollback",
  "product.archive",
  "product.create",
  "product.import",
  "product.publish",
  "product.unpublish",
  "product.update",
  "queue_message.drop",
  "queue_message.retry",
  "reconciliation.run",
  "resolution_rules.put",
  "return.approve",
  "return.receive",
  "return.refund_again",
  "return.reject",
  "risk_list.delist",
  "risk_list.enlist",
  "risk_review.approve",
  "risk_review.reject",
  "risk_rule.put",
  "risk_rule.set_mode",
  "routes.put",
  "service_token.issue",
  "service_token.retire",
  "service_token.revoke",
  "settlement.retry",
  "settlement.run",
  "settlement_terms.set",
  "shop.create",
  "shop.edit",
  "signing_key.rotate",
  "sku.add",
  "sku.archive",
  "sku.update",
  "stock.set",
  "sweep.run",
  "user.ban",
  "user.logout",
  "user.mfa_reset",
  "user.role_grant",
  "user.role_revoke",
  "user.unban",
  "violation.acknowledge",
  "withdrawal.cancel",
  "withdrawal.create"
]).annotate({ identifier: "AuditAction" })
export type AuditAction = typeof AuditAction.Type

export const AuditActorKind = Schema.Literals(["user", "api_key", "operator", "system"]).annotate({
  identifier: "AuditActorKind"
})

/** Who acted: a user or key by its id, an operator at the command line by the name given there, or the mall itself. */
export const AuditActor = Schema.Struct({
  kind: AuditActorKind,
  id: Schema.String,
  roles: Schema.Array(Schema.String)
}).annotate({ identifier: "AuditActor" })
export type AuditActor = typeof AuditActor.Type

/** From where: the caller's network (an IPv4 /24 or an IPv6 /64), and the ids that find the request in logs and traces. */
export const AuditOrigin = Schema.Struct({
  network: Schema.NullOr(Schema.String),
  userAgent: Schema.NullOr(Schema.String),
  requestId: Schema.NullOr(Schema.String),
  traceId: Schema.NullOr(Schema.String)
}).annotate({ identifier: "AuditOrigin" })
export type AuditOrigin = typeof AuditOrigin.Type

const Fields = Schema.NullOr(Schema.Record(Schema.String, Schema.Json))

/**
 * One act. `before` and `after` hold the fields that it changed: `before` is null where something was made, `after` where
 * it was taken away. Secrets are left out of them and personal data is masked.
 */
export const AuditEntry = Schema.Struct({
  id: AuditEntryId,
  action: AuditAction,
  resource: Schema.Struct({ type: Schema.String, id: Schema.String }),
  merchantId: Schema.NullOr(MerchantId),
  actor: AuditActor,
  origin: AuditOrigin,
  reason: Schema.NullOr(Schema.String),
  before: Fields,
  after: Fields,
  at: Schema.Date
}).annotate({ identifier: "AuditEntry" })
export type AuditEntry = typeof AuditEntry.Type

export const AuditPage = Page(AuditEntry)

const Name = PlainText(200)

/** What a list of entries may be narrowed by. */
export const auditFilter = {
  actor: Schema.optionalKey(Name),
  action: Schema.optionalKey(AuditAction),
  resourceType: Schema.optionalKey(Name),
  resourceId: Schema.optionalKey(Name),
  merchantId: Schema.optionalKey(MerchantId)
}

/**
 * The end of the chain: whoever keeps it elsewhere can tell later that nothing up to `position` was taken away or written
 * anew. `hash` is SHA-256 in hexadecimal.
 */
export const AuditHead = Schema.Struct({
  position: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  hash: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/))
}).annotate({ identifier: "AuditHead" })
export type AuditHead = typeof AuditHead.Type

/**
 * The first thing that is wrong: a link of the chain is `missing`; its entry is `erased` or was `altered`; the kept `head` is
 * not what stands there; or, with no place in the chain, an entry was taken away before it got one (`erased`) or was put in
 * past the program (`foreign`).
 */
export const AuditBreak = Schema.Struct({
  position: Schema.NullOr(Schema.Int),
  entryId: Schema.NullOr(AuditEntryId),
  what: Schema.Literals(["missing", "erased", "altered", "head", "foreign"])
}).annotate({ identifier: "AuditBreak" })
export type AuditBreak = typeof AuditBreak.Type

export const AuditVerification = Schema.Struct({
  /** Links that were looked at. */
  checked: Schema.Int,
  head: Schema.NullOr(AuditHead),
  /** Entries that wait for their place in the chain. */
  unsealed: Schema.Int,
  broken: Schema.NullOr(AuditBreak)
}).annotate({ identifier: "AuditVerification" })
export type AuditVerification = typeof AuditVerification.Type

/**
 * What a way into the server leaves in the audit trail: an action, or `nothing` where it only reads. Every Rpc, and every
 * endpoint that is not a `GET`, carries it where more is needed than every customer holds; the server does not start while one lacks it.
 */
export const Audited = Context.Reference<AuditAction | "nothing" | undefined>("@mall/domain/operations/Audited", {
  defaultValue: () => undefined
})
