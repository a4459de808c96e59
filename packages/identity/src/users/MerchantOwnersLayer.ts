import { MerchantOwners } from "@mall/domain/identity/MerchantOwners"
import { Effect, Layer } from "effect"
import { UserAdministration } from "./UserAdministration.ts"

/** The port by which who was admitted as a merchant is given the role. Needs `UserAdministration`. */
export const layerNoDeps = Layer.effect(
  MerchantOwners,
  Effect.map(UserAdministration, (users) =>
    MerchantOwners.of({
      appoint: (userId, merchantId, reason) =>
        users.grant(userId, "merchant", merchantId, { actorId: null, reason }).pipe(
          // without an actor nothing has to be held, and who is given a role loses none
          Effect.catchTag(["PermissionNotHeld", "LastAdministrator"], Effect.die),
          Effect.asVoid
        )
    })
  )
)
