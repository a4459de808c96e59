import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { CredentialsNotFound } from "@mall/domain/payments/ChannelCredentials"
import { CredentialAdminRpcs, CredentialMerchantRpcs } from "@mall/domain/payments/CredentialRpcs"
import { Effect, Option } from "effect"
import { ChannelCredentials } from "./ChannelCredentials.ts"

/** The caller's merchant; whose staff nobody is has no credentials. */
const ownMerchant = Effect.flatMap(CurrentUser, ({ merchantId, userId }) =>
  Option.match(merchantId, {
    onNone: () => Effect.fail(new CredentialsNotFound({})),
    onSome: (id) => Effect.succeed({ merchantId: id, actor: `user:${userId}` })
  })
)

/** Serves `CredentialMerchantRpcs`. Needs `ChannelCredentials`. */
export const merchantLayer = CredentialMerchantRpcs.toLayer(
  Effect.gen(function* () {
    const credentials = yield* ChannelCredentials
    return CredentialMerchantRpcs.of({
      "credentials.list": () =>
        ownMerchant.pipe(
          Effect.flatMap(({ merchantId }) => credentials.list(merchantId)),
          Effect.catchTag("CredentialsNotFound", () => Effect.succeed([]))
        ),
      "credentials.set": (input) =>
        Effect.flatMap(ownMerchant, ({ actor, merchantId }) => credentials.set(merchantId, input, actor)),
      "credentials.remove": (input) =>
        Effect.flatMap(ownMerchant, ({ actor, merchantId }) => credentials.remove(merchantId, input, actor))
    })
  })
)

/** Serves `CredentialAdminRpcs`. Needs `ChannelCredentials`. */
export const adminLayer = CredentialAdminRpcs.toLayer(
  Effect.gen(function* () {
    const credentials = yield* ChannelCredentials
    return CredentialAdminRpcs.of({
      "admin.credentials.list": ({ merchantId }) => credentials.list(merchantId),
      "admin.credentials.set": ({ merchantId, ...input }) =>
        CurrentUser.use(({ userId }) => credentials.set(merchantId, input, `user:${userId}`)),
      "admin.credentials.remove": ({ merchantId, ...input }) =>
        CurrentUser.use(({ userId }) => credentials.remove(merchantId, input, `user:${userId}`)),
      "admin.credentials.retire": (input) =>
        CurrentUser.use(({ userId }) => credentials.retire(input, `user:${userId}`))
    })
  })
)
