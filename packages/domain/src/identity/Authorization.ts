import { Schema } from "effect"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import { RpcMiddleware } from "effect/rpc"
import { Forbidden, Unauthorized } from "../kernel/EdgeError.ts"
import { CurrentUser, CurrentVisitor } from "./CurrentUser.ts"

/** A valid access token is needed, and the endpoint's `RequiredPermission` must be granted to one of its roles. */
export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: CurrentUser }>()(
  "@mall/domain/identity/Authorization",
  {
    requiredForClient: true,
    security: { bearer: HttpApiSecurity.bearer },
    error: [Unauthorized, Forbidden]
  }
) {}

/** A token is used where there is one; a guest has none. */
export class OptionalAuthorization extends HttpApiMiddleware.Service<
  OptionalAuthorization,
  { provides: CurrentVisitor }
>()("@mall/domain/identity/OptionalAuthorization", { requiredForClient: true, error: Unauthorized }) {}

/** `Authorization` for RPC: the token comes in the `authorization` header of the call. */
export class RpcAuthorization extends RpcMiddleware.Service<RpcAuthorization, { provides: CurrentUser }>()(
  "@mall/domain/identity/RpcAuthorization",
  { requiredForClient: true, error: Schema.Union([Unauthorized, Forbidden]) }
) {}
