import { HttpApiMiddleware } from "effect/http-api"
import { RpcMiddleware } from "effect/rpc"
import { InternalError, InvalidRequest } from "./EdgeError.ts"

/** The outermost middleware of every HTTP API: a shape error is answered `InvalidRequest`, a defect `InternalError`. */
export class Problems extends HttpApiMiddleware.Service<Problems>()("@mall/domain/kernel/Problems", {
  error: [InvalidRequest, InternalError]
}) {}

/** The outermost middleware of every RPC group: a defect is logged and answered `InternalError`, its cause stays here. */
export class RpcProblems extends RpcMiddleware.Service<RpcProblems>()("@mall/domain/kernel/RpcProblems", {
  error: InternalError
}) {}
