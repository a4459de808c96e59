import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { MallApi } from "@mall/domain/MallApi"
import { AuditAdminRpcs, AuditMerchantRpcs } from "@mall/domain/operations/AuditApi"
import { Effect, Layer, Option } from "effect"
import * as ApiGroup from "../http/apiGroup.ts"
import { AuditChain } from "./AuditChain.ts"
import { auditScopeOf, AuditTrail } from "./AuditTrail.ts"

/** Serves the group `audit`. Needs `SqlClient` and the middlewares. */
export const httpLayer = ApiGroup.group(
  MallApi,
  "audit",
  Effect.fnUntraced(function* (handlers) {
    const trail = yield* AuditTrail
    return handlers.handleAll({
      list: ({ query }) => CurrentUser.use((user) => trail.list(auditScopeOf(user), query))
    })
  })
).pipe(Layer.provide(AuditTrail.layer))

const merchant = AuditMerchantRpcs.toLayer(
  Effect.map(AuditTrail, (trail) =>
    AuditMerchantRpcs.of({
      "audit.list": (query) => CurrentUser.use((user) => trail.list(user.merchantId, query))
    })
  )
)

const admin = AuditAdminRpcs.toLayer(
  Effect.gen(function* () {
    const trail = yield* AuditTrail
    const chain = yield* AuditChain
    return AuditAdminRpcs.of({
      "admin.audit.list": (query) => trail.list("all", query),
      "admin.audit.head": () => Effect.map(chain.head, Option.getOrNull),
      "admin.audit.verify": (options) => chain.verify(options)
    })
  })
)

/** Serves `AuditMerchantRpcs` and `AuditAdminRpcs`. Needs `SqlClient`. */
export const rpcLayer = Layer.mergeAll(merchant, admin).pipe(
  Layer.provide(Layer.mergeAll(AuditTrail.layer, AuditChain.layer))
)
