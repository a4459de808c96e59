import { RpcAuthorization } from "@mall/domain/identity/Authorization"
import { AdminRpcs } from "@mall/domain/rpc/AdminRpcs"
import { MerchantRpcs } from "@mall/domain/rpc/MerchantRpcs"
import { StorefrontRpcs } from "@mall/domain/rpc/StorefrontRpcs"
import { Context, Effect, Layer, Option, Redacted, Ref } from "effect"
import { Headers } from "effect/http"
import { RpcClient, RpcMiddleware } from "effect/rpc"
import type { RpcClientError } from "effect/rpc"
import { AccessToken } from "./AccessToken.ts"
import { protocol } from "./rpcProtocol.ts"

const Bearer = RpcMiddleware.layerClient(
  RpcAuthorization,
  Effect.fnUntraced(function* ({ next, request }) {
    const token = yield* Ref.get(yield* AccessToken)
    return yield* next(
      Option.match(token, {
        onNone: () => request,
        onSome: (value) => ({
          ...request,
          headers: Headers.set(request.headers, "authorization", `Bearer ${Redacted.value(value)}`)
        })
      })
    )
  })
)

/** The typed RPC client of a shop's front end. It runs in a browser and in Node. */
export class StorefrontRpc extends Context.Service<
  StorefrontRpc,
  RpcClient.FromGroup<typeof StorefrontRpcs, RpcClientError.RpcClientError>
>()("@mall/client/StorefrontRpc") {
  /** `baseUrl` without a slash at its end. Needs an `HttpClient` and the `AccessToken` that it sends. */
  static readonly layer = (baseUrl: string) =>
    Layer.effect(StorefrontRpc, RpcClient.make(StorefrontRpcs)).pipe(Layer.provide([Bearer, protocol(baseUrl)]))
}

/** The typed RPC client of a merchant's console. */
export class MerchantRpc extends Context.Service<
  MerchantRpc,
  RpcClient.FromGroup<typeof MerchantRpcs, RpcClientError.RpcClientError>
>()("@mall/client/MerchantRpc") {
  static readonly layer = (baseUrl: string) =>
    Layer.effect(MerchantRpc, RpcClient.make(MerchantRpcs)).pipe(Layer.provide([Bearer, protocol(baseUrl)]))
}

/** The typed RPC client of the operators' console. */
export class AdminRpc extends Context.Service<
  AdminRpc,
  RpcClient.FromGroup<typeof AdminRpcs, RpcClientError.RpcClientError>
>()("@mall/client/AdminRpc") {
  static readonly layer = (baseUrl: string) =>
    Layer.effect(AdminRpc, RpcClient.make(AdminRpcs)).pipe(Layer.provide([Bearer, protocol(baseUrl)]))
}
