import { Schema } from "effect"
import { HttpApiMiddleware } from "effect/http-api"
import { RpcMiddleware } from "effect/rpc"
import { InternalError, InvalidRequest, RateLimited, Unauthorized, UnknownRpc } from "./EdgeError.ts"

/** The outermost middleware of every HTTP API: a shape error is answered `InvalidRequest`, a defect `InternalError`. */
export class Problems extends HttpApiMiddleware.Service<Problems>()("@mall/domain/kernel/Problems", {
  error: [InvalidRequest, InternalError]
}) {}

/**
 * The outermost middleware of every RPC group: a defect is logged and answered `InternalError`, its cause stays here.
 * A caller who calls too often is answered `RateLimited`, a call of another shape `InvalidRequest`,
 * one that the server does not know `UnknownRpc`, a guest where the house serves none `Unauthorized`.
 */
export class RpcProblems extends RpcMiddleware.Service<RpcProblems>()("@mall/domain/kernel/RpcProblems", {
  error: Schema.Union([InternalError, InvalidRequest, RateLimited, Unauthorized, UnknownRpc])
}) {}
