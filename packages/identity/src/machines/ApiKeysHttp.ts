import { ApiKeyId } from "@mall/domain/identity/ApiKey"
import { Operation } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Effect } from "effect"
import { ApiKeys } from "./ApiKeys.ts"
import { currentHolder } from "./currentHolder.ts"

export const ApiKeysHttp = ApiGroup.group(
  MallApi,
  "apiKeys",
  Effect.fn(function* (handlers) {
    const keys = yield* ApiKeys
    return handlers.handleAll({
      list: ({ query }) => Effect.flatMap(currentHolder, ({ merchantId }) => keys.list(merchantId, query)),
      create: ({ payload }) =>
        Effect.flatMap(Effect.all([currentHolder, Operation]), ([holder, { id }]) =>
          keys.create(holder.merchantId, ApiKeyId.make(id), payload, holder)
        ),
      rotate: ({ params, payload }) =>
        Effect.flatMap(Effect.all([currentHolder, Operation]), ([holder, operation]) =>
          keys.rotate(holder.merchantId, params.id, { ...payload, rotationId: operation.id }, holder)
        ),
      revoke: ({ params, payload }) =>
        Effect.flatMap(currentHolder, ({ actor, merchantId }) => keys.revoke(merchantId, params.id, payload, actor))
    })
  })
)
