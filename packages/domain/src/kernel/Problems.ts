import { HttpApiMiddleware } from "effect/http-api"
import { InternalError, InvalidRequest } from "./EdgeError.ts"

/** The outermost middleware of every API: shape errors become `InvalidRequest`, defects `InternalError`, both logged or shown as such. */
export class Problems extends HttpApiMiddleware.Service<Problems>()("@mall/domain/kernel/Problems", {
  error: [InvalidRequest, InternalError]
}) {}
