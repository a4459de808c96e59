import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Audited } from "../operations/Audit.ts"
import { Branding, NoMerchant } from "./Branding.ts"

/** What the staff of a merchant do with their cashier. */
export class PaymentsMerchantRpcs extends RpcGroup.make(
  /** The house's own where the merchant said nothing. */
  Rpc.make("branding.show", { success: Branding }).annotate(Audited, "nothing"),
  Rpc.make("branding.put", { payload: { branding: Branding }, success: Branding, error: NoMerchant }).annotate(
    Audited,
    "branding.put"
  )
)
  .annotateRpcs(RequiredPermission, "payments:create")
  .middleware(RpcAuthorization) {}
