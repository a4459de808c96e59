import { Context } from "effect"
import type { Effect } from "effect"
import type { MerchantId } from "../merchants/Merchant.ts"
import type { UserId } from "./CurrentUser.ts"
import type { RoleNotGrantable, UserNotFound } from "./IdentityError.ts"

/**
 * The port by which who was admitted as a merchant is given the role. Owned by identity; joins the ambient transaction. It is
 * the admission that grants, not the reviewer, who need not hold what a merchant does.
 */
export class MerchantOwners extends Context.Service<
  MerchantOwners,
  {
    appoint(
      userId: UserId,
      merchantId: MerchantId,
      reason: string
    ): Effect.Effect<void, UserNotFound | RoleNotGrantable>
  }
>()("@mall/domain/identity/MerchantOwners") {}
