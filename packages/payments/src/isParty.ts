import type { Principal } from "@mall/domain/identity/CurrentUser"
import { Option } from "effect"
import type { IntentRow } from "./PaymentRecord.ts"

/** Whether the payment is the caller's: as its payer, or as staff of the merchant who asked for it. */
export const isParty = (caller: Principal, intent: IntentRow) =>
  intent.payerId === caller.userId || isMerchantOf(caller, intent)

/** Whether the caller is staff of the merchant who asked for the payment, who alone may give it back. */
export const isMerchantOf = ({ merchantId }: Principal, intent: IntentRow) =>
  Option.isSome(merchantId) && merchantId.value === intent.merchantId
