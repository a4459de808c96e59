import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { planApart } from "./planning.ts"

/** Whose rows there are: the merchant's, and those that the user has to do with as a buyer. */
export interface Tenant {
  readonly merchantId: string
  readonly userId?: string
}

/** Who the database is told that somebody is who sees all rows, one merchant's, or none, for which there is no tenant. */
export const tenantSeeing = (sees: "all" | string | null): Tenant | undefined =>
  sees === "all" || sees === null ? undefined : { merchantId: sees }

/** Roles whom row-level security holds to the rows of one tenant, one for each product. */
export type TenantRole = "mall_store_tenant" | "mall_pay_tenant"

/**
 * To be run first in a transaction: until it ends, of every merchant-owned table there is only what is the tenant's, for
 * reading and writing alike, whatever the statements say. A `WHERE` that was forgotten then finds nothing of others.
 */
const enterTenant = (
  sql: SqlClient.SqlClient,
  role: TenantRole,
  { merchantId, userId = "" }: Tenant
): Effect.Effect<void, SqlError> =>
  sql`
    SELECT
      set_config('mall.tenant_merchant', ${merchantId}, true),
      set_config('mall.tenant_user', ${userId}, true),
      set_config('role', ${role}, true)
  `.pipe(
    // PostgreSQL plans a statement on tables with row-level security anew whenever the role is not the one of the time before
    Effect.andThen(planApart(sql, role))
  )

/** Runs `effect` in a transaction, of the tenant's where there is one. */
export const transactionOf =
  (sql: SqlClient.SqlClient, role: TenantRole, tenant: Tenant | undefined) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError, R> =>
    sql.withTransaction(tenant === undefined ? effect : Effect.andThen(enterTenant(sql, role, tenant), effect))

/** The same for reads, which without a tenant need no transaction. */
export const readsOf =
  (sql: SqlClient.SqlClient, role: TenantRole, tenant: Tenant | undefined) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError, R> =>
    tenant === undefined ? effect : transactionOf(sql, role, tenant)(effect)
