import { Effect } from "effect"
import type { Request, RequestResolver } from "effect"
import type { Tenant } from "./Tenancy.ts"

/**
 * Requests that may share a transaction, those of each tenant apart: `make` is given whose transaction it is. Requests
 * without a tenant are one group, and no group waits for another.
 */
export const groupByTenant = <A extends Request.Any>(
  make: (tenant: Tenant | undefined) => RequestResolver.RequestResolver<A>
) => {
  const ofNobody = make(undefined)
  // Kept while somebody waits in it, so that there are never more than there are requests.
  const groups = new Map<string, { readonly resolver: RequestResolver.RequestResolver<A>; waiting: number }>()

  return (request: A, tenant: Tenant | undefined) =>
    Effect.suspend(() => {
      if (tenant === undefined) return Effect.request(request, ofNobody)
      const key = `${tenant.merchantId}/${tenant.userId ?? ""}`
      const group = groups.get(key) ?? { resolver: make(tenant), waiting: 0 }
      group.waiting++
      groups.set(key, group)
      const leave = Effect.sync(() => {
        group.waiting--
        if (group.waiting === 0) groups.delete(key)
      })
      return Effect.ensuring(Effect.request(request, group.resolver), leave)
    })
}
