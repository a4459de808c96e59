import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "./Authorization.ts"
import { RequiredPermission } from "./Permission.ts"
import { LastWayIn, ProviderIdentity, ProviderName, ProviderNotLinked } from "./ProviderSignIn.ts"
import { RequiredStepUp, RpcStepUp } from "./StepUp.ts"

/** By which identity providers a user may sign in. Linking one leads a browser away and back, and so is HTTP only. */
export class ProviderStorefrontRpcs extends RpcGroup.make(
  Rpc.make("identities.list", { success: Schema.Array(ProviderIdentity) }),
  Rpc.make("identities.unlink", {
    payload: { provider: ProviderName },
    error: Schema.Union([ProviderNotLinked, LastWayIn])
  })
    .annotate(RequiredStepUp, "recent")
    .middleware(RpcStepUp)
)
  .annotateRpcs(RequiredPermission, "account")
  .middleware(RpcAuthorization) {}
