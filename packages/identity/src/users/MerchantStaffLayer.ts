import type { UserId } from "@mall/domain/identity/CurrentUser"
import { MerchantStaff } from "@mall/domain/identity/MerchantStaff"
import { Effect, Layer, Option, Stream } from "effect"
import { Policies } from "../policy/Policies.ts"
import type { StoredUser } from "./StoredUser.ts"
import { UserRepo } from "./UserRepo.ts"

const pageSize = 100

/** The port by which the staff of a shop is found. Needs `Policies` and `UserRepo`. */
export const layerNoDeps = Layer.effect(
  MerchantStaff,
  Effect.gen(function* () {
    const policies = yield* Policies
    const users = yield* UserRepo
    return MerchantStaff.of({
      holding: Effect.fn("MerchantStaff.holding")((merchantId, permission) =>
        Stream.paginate<UserId | undefined, StoredUser, Effect.Error<ReturnType<typeof users.listStaff>>>(
          undefined,
          (before) =>
            Effect.map(users.listStaff(merchantId, { before, limit: pageSize }), (page) => [
              page,
              page.length < pageSize ? Option.none() : Option.fromUndefinedOr(page.at(-1)?.id)
            ])
        ).pipe(
          Stream.filter((user) => user.bannedAt === null && policies.current().authorityOf(user).shop.has(permission)),
          Stream.runCollect,
          Effect.map((staff) =>
            staff.flatMap(({ email, id, locale }) => (email === null ? [] : [{ userId: id, email, locale }]))
          ),
          Effect.catchTag("SqlError", Effect.die)
        )
      )
    })
  })
)
