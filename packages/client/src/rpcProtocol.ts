import { Layer } from "effect"
import { RpcClient, RpcSerialization } from "effect/rpc"

/** Calls go to `/rpc` of the server at `baseUrl`, which has no slash at its end. Needs an `HttpClient`. */
export const protocol = (baseUrl: string) =>
  RpcClient.layerProtocolHttp({ url: `${baseUrl}/rpc` }).pipe(Layer.provide(RpcSerialization.layerNdjson))
