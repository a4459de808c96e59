import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { ProviderStorefrontRpcs } from "@mall/domain/identity/ProviderRpcs"
import { Effect } from "effect"
import { ProviderSignIns } from "./ProviderSignIns.ts"

export const ProviderStorefrontRpcHandlers = ProviderStorefrontRpcs.toLayer(
  Effect.gen(function* () {
    const signIns = yield* ProviderSignIns
    return ProviderStorefrontRpcs.of({
      "identities.list": () => Effect.flatMap(CurrentUser, signIns.list),
      "identities.unlink": ({ provider }) => Effect.flatMap(CurrentUser, (user) => signIns.unlink(user, provider))
    })
  })
)
