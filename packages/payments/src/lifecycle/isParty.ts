import { shopOf } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import type { Tenant } from "@mall/platform/Tenancy"
import { Option } from "effect"
import type { IntentRow } from "../store/PaymentRecord.ts"

/** Who acts on a payment: somebody who is signed in, or the holder of a ticket of that payment. */
export type Caller = Principal | { readonly ticketOf: PaymentId }

/** Whether the payment is the caller's: as its payer, as staff of the merchant who asked for it, or by its ticket. */
export const isParty = (caller: Caller, intent: IntentRow) =>
  "ticketOf" in caller
    ? caller.ticketOf === intent.id
    : intent.payerId === caller.userId || isMerchantOf(caller, intent)

/** What the history says of who did it. */
export const actorOf = (caller: Caller) => ("ticketOf" in caller ? "ticket" : caller.actorName)

/** The merchant whose payments are the caller's business: not every role within a shop has to do with them. */
export const merchantOf = (principal: Principal) =>
  shopOf(principal, "payments:create", "payments:refund", "payments:read", "payments:write")

/**
 * Who the database is told that a caller is, so that it too keeps others' payments from staff and from merchants' servers.
 * Buyers' ways are short without.
 */
export const tenantOf = (caller: Caller): Tenant | undefined =>
  "ticketOf" in caller
    ? undefined
    : Option.getOrUndefined(Option.map(merchantOf(caller), (merchantId) => ({ merchantId, userId: caller.userId })))

/** Whether the caller is staff of the merchant who asked for the payment, who alone may give it back. */
export const isMerchantOf = (principal: Principal, intent: IntentRow) =>
  Option.exists(merchantOf(principal), (merchantId) => merchantId === intent.merchantId)
