import { ApiKeyAdminRpcs, ApiKeyMerchantRpcs } from "@mall/domain/identity/ApiKeyRpcs"
import { Effect } from "effect"
import { ApiKeys } from "./ApiKeys.ts"
import { currentAdministrator, currentHolder } from "./currentHolder.ts"

export const ApiKeyMerchantRpcHandlers = ApiKeyMerchantRpcs.toLayer(
  Effect.gen(function* () {
    const keys = yield* ApiKeys
    return ApiKeyMerchantRpcs.of({
      "apiKeys.list": (page) => Effect.flatMap(currentHolder, ({ merchantId }) => keys.list(merchantId, page)),
      "apiKeys.create": ({ apiKey, id }) =>
        Effect.flatMap(currentHolder, (holder) => keys.create(holder.merchantId, id, apiKey, holder)),
      "apiKeys.rotate": ({ id, ...rotation }) =>
        Effect.flatMap(currentHolder, (holder) => keys.rotate(holder.merchantId, id, rotation, holder)),
      "apiKeys.revoke": ({ id, ...revocation }) =>
        Effect.flatMap(currentHolder, ({ actor, merchantId }) => keys.revoke(merchantId, id, revocation, actor))
    })
  })
)

export const ApiKeyAdminRpcHandlers = ApiKeyAdminRpcs.toLayer(
  Effect.gen(function* () {
    const keys = yield* ApiKeys
    return ApiKeyAdminRpcs.of({
      "admin.apiKeys.list": ({ merchantId, ...page }) => keys.list(merchantId, page),
      "admin.apiKeys.create": ({ apiKey, id, merchantId }) =>
        Effect.flatMap(currentAdministrator, (holder) => keys.create(merchantId, id, apiKey, holder)),
      "admin.apiKeys.rotate": ({ id, merchantId, ...rotation }) =>
        Effect.flatMap(currentAdministrator, (holder) => keys.rotate(merchantId, id, rotation, holder)),
      "admin.apiKeys.revoke": ({ id, merchantId, ...revocation }) =>
        Effect.flatMap(currentAdministrator, ({ actor }) => keys.revoke(merchantId, id, revocation, actor))
    })
  })
)
