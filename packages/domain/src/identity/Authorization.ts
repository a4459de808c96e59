import { Schema } from "effect"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import { RpcMiddleware } from "effect/rpc"
import { Forbidden, Unauthorized } from "../kernel/EdgeError.ts"
import { CurrentUser, CurrentVisitor } from "./CurrentUser.ts"
import { CurrentService } from "./ServiceToken.ts"
import { machineErrors } from "./MachineError.ts"

/**
 * A valid access token is needed, and the endpoint's `RequiredPermission` must be granted to one of its roles. Without a token, a
 * merchant's server may send its API key (`X-Api-Key`) or sign the request (`docs/signing.md`): the permission must then be one
 * of the key's scopes.
 */
export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: CurrentUser }>()(
  "@mall/domain/identity/Authorization",
  {
    requiredForClient: true,
    security: { bearer: HttpApiSecurity.bearer },
    error: [Unauthorized, Forbidden, ...machineErrors]
  }
) {}

/** A token is used where there is one; a guest has none. The holder of an API key is a guest here. */
export class OptionalAuthorization extends HttpApiMiddleware.Service<
  OptionalAuthorization,
  { provides: CurrentVisitor }
>()("@mall/domain/identity/OptionalAuthorization", { requiredForClient: true, error: Unauthorized }) {}

/** `Authorization` for RPC: the token or the key comes in the headers of the call; a signature is of the request that brings the calls. */
export class RpcAuthorization extends RpcMiddleware.Service<RpcAuthorization, { provides: CurrentUser }>()(
  "@mall/domain/identity/RpcAuthorization",
  { requiredForClient: true, error: Schema.Union([Unauthorized, Forbidden, ...machineErrors]) }
) {}

/**
 * The token of one of our services is needed, for the `CalledService` of the Rpc; where the connection has a client certificate, it must be
 * that of the same service. What it stands before needs the permission `service`, which nobody has by a role.
 */
export class ServiceAuthorization extends RpcMiddleware.Service<ServiceAuthorization, { provides: CurrentService }>()(
  "@mall/domain/identity/ServiceAuthorization",
  { requiredForClient: true, error: Unauthorized }
) {}
