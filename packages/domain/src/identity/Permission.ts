import { Context, Schema } from "effect"

/** The roles that there are without anybody having made them. A policy may say what they hold, and add others. */
export const BuiltInRole = Schema.Literals(["customer", "merchant", "admin"])
export type BuiltInRole = typeof BuiltInRole.Type

const roleName = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/

/** The name of a role: one of `BuiltInRole`, or one that the policy in force defines. */
export const Role = Schema.String.check(
  Schema.isMaxLength(40),
  Schema.isPattern(roleName, { message: "must be words of small letters and digits, such as catalog-editor" })
).annotate({ identifier: "Role" })
export type Role = typeof Role.Type

/**
 * What an endpoint or an Rpc needs: `public` for anyone, `account` for anyone signed in, `service` for another of our own
 * services, else `<resource>:<action>`.
 * Whose rows may be touched is decided by the service, in the `WHERE` clause.
 */
export const Permission = Schema.Literals([
  "public",
  "account",
  "service",
  "catalog:write",
  "categories:write",
  "stock:write",
  "orders:read",
  "orders:fulfil",
  "orders:administer",
  "payments:read",
  "payments:write",
  "payments:create",
  "payments:refund",
  "payments:dispute",
  "payments:credentials",
  "payments:administer",
  "merchants:keys",
  "merchants:profile",
  "merchants:read",
  "merchants:review",
  "merchants:administer",
  "ledger:read",
  "ledger:administer",
  "ledger:adjust",
  "fx:read",
  "fx:convert",
  "fx:administer",
  "payouts:read",
  "payouts:accounts",
  "payouts:administer",
  "payouts:approve",
  "withdrawals:create",
  "staff:administer",
  "risk:read",
  "risk:administer",
  "reconciliation:own",
  "reconciliation:read",
  "reconciliation:administer",
  "reconciliation:approve",
  "terms:read",
  "terms:administer",
  "settlements:read",
  "settlements:administer",
  "users:administer",
  "policy:administer",
  "blocks:administer",
  "operations:administer",
  "doctor:read",
  "doctor:administer",
  "audit:read",
  "personal-data:unmask"
]).annotate({ identifier: "Permission" })
export type Permission = typeof Permission.Type

/** What roles hold: `public` is everybody's, and `service` is proved by a service's token. */
export const heldPermissions: ReadonlyArray<Permission> = Permission.literals.filter(
  (permission) => permission !== "public" && permission !== "service"
)

const customer: ReadonlyArray<Permission> = ["account", "orders:read", "payments:read", "payments:write"]
const merchant: ReadonlyArray<Permission> = [
  ...customer,
  "catalog:write",
  "stock:write",
  "orders:fulfil",
  "payments:create",
  "payments:refund",
  "payments:dispute",
  "payments:credentials",
  "merchants:keys",
  "merchants:profile",
  "ledger:read",
  "fx:read",
  "fx:convert",
  "payouts:read",
  "payouts:accounts",
  "withdrawals:create",
  "reconciliation:own",
  "settlements:read",
  "staff:administer",
  "audit:read",
  "terms:read"
]

/** What each built-in role holds where no policy says otherwise. */
export const permissionsOf: Readonly<Record<BuiltInRole, ReadonlyArray<Permission>>> = {
  customer,
  merchant,
  admin: [
    ...merchant,
    "categories:write",
    "orders:administer",
    "payments:administer",
    "merchants:read",
    "merchants:review",
    "merchants:administer",
    "ledger:administer",
    "ledger:adjust",
    "fx:administer",
    "payouts:administer",
    "payouts:approve",
    "risk:read",
    "risk:administer",
    "reconciliation:read",
    "reconciliation:administer",
    "reconciliation:approve",
    "terms:administer",
    "settlements:administer",
    "users:administer",
    "policy:administer",
    "blocks:administer",
    "operations:administer",
    "doctor:read",
    "doctor:administer",
    "personal-data:unmask"
  ]
}

/**
 * What can be held within one shop alone: what the built-in role `merchant` does. All else is about the whole mall, and a
 * role that somebody has within a shop never opens it.
 */
export const shopPermissions: ReadonlySet<Permission> = new Set(merchant.filter((each) => !customer.includes(each)))

const isBuiltIn = Schema.is(BuiltInRole)

/** What the built-in roles among `roles` hold where no policy says otherwise. */
export const isGranted = (roles: ReadonlyArray<Role>, permission: Permission) =>
  permission === "public" || roles.some((role) => isBuiltIn(role) && permissionsOf[role].includes(permission))

/** The annotation every endpoint and every Rpc carries; the server does not start while one lacks it. */
export const RequiredPermission = Context.Reference<Permission | undefined>(
  "@mall/domain/identity/RequiredPermission",
  { defaultValue: () => undefined }
)
