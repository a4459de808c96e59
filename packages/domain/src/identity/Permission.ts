import { Context, Schema } from "effect"

export const Role = Schema.Literals(["customer", "merchant", "admin"]).annotate({ identifier: "Role" })
export type Role = typeof Role.Type

/**
 * What an endpoint or an Rpc needs: `public` for anyone, `account` for anyone signed in, else `<resource>:<action>`.
 * Whose rows may be touched is decided by the service, in the `WHERE` clause.
 */
export const Permission = Schema.Literals([
  "public",
  "account",
  "catalog:write",
  "categories:write",
  "stock:write",
  "orders:fulfil",
  "orders:administer",
  "payments:create",
  "payments:refund",
  "payments:dispute",
  "payments:credentials",
  "payments:administer",
  "ledger:read",
  "ledger:administer",
  "ledger:adjust",
  "reconciliation:read",
  "reconciliation:administer",
  "reconciliation:approve",
  "users:administer",
  "operations:administer"
]).annotate({ identifier: "Permission" })
export type Permission = typeof Permission.Type

const customer: ReadonlyArray<Permission> = ["account"]
const merchant: ReadonlyArray<Permission> = [
  ...customer,
  "catalog:write",
  "stock:write",
  "orders:fulfil",
  "payments:create",
  "payments:refund",
  "payments:dispute",
  "payments:credentials",
  "ledger:read"
]

/** What each role may do. */
export const permissionsOf: Readonly<Record<Role, ReadonlyArray<Permission>>> = {
  customer,
  merchant,
  admin: [
    ...merchant,
    "categories:write",
    "orders:administer",
    "payments:administer",
    "ledger:administer",
    "ledger:adjust",
    "reconciliation:read",
    "reconciliation:administer",
    "reconciliation:approve",
    "users:administer",
    "operations:administer"
  ]
}

export const isGranted = (roles: ReadonlyArray<Role>, permission: Permission) =>
  permission === "public" || roles.some((role) => permissionsOf[role].includes(permission))

/** The annotation every endpoint and every Rpc carries; the server does not start while one lacks it. */
export const RequiredPermission = Context.Reference<Permission | undefined>(
  "@mall/domain/identity/RequiredPermission",
  { defaultValue: () => undefined }
)
