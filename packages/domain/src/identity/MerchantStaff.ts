import { Context } from "effect"
import type { Effect } from "effect"
import type { MerchantId } from "../merchants/Merchant.ts"
import type { UserId } from "./CurrentUser.ts"
import type { Permission } from "./Permission.ts"
import type { Email, Locale } from "./User.ts"

/** Somebody of a shop's staff, as they are written to. */
export interface StaffMember {
  readonly userId: UserId
  readonly email: Email
  readonly locale: Locale
}

/**
 * The port by which the staff of a shop is found who may do something there, by the policy in force: the names of roles are the
 * operators' to choose. Owned by identity. Who was banned, or is no more of the staff, is none of them.
 */
export class MerchantStaff extends Context.Service<
  MerchantStaff,
  {
    holding(merchantId: MerchantId, permission: Permission): Effect.Effect<ReadonlyArray<StaffMember>>
  }
>()("@mall/domain/identity/MerchantStaff") {}
