import { Context, Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { Problem } from "../kernel/Problem.ts"
import { ServiceName } from "./ServiceName.ts"

export const ServiceTokenId = Uuid7.pipe(
  Schema.brand("ServiceTokenId"),
  Schema.annotate({ identifier: "ServiceTokenId" })
)
export type ServiceTokenId = typeof ServiceTokenId.Type

/** By which one service calls one other. Its secret is in no answer but that of its making. */
export const ServiceToken = Schema.Struct({
  id: ServiceTokenId,
  callingService: ServiceName,
  calledService: ServiceName,
  status: Schema.Literals(["active", "expired", "revoked"]),
  createdAt: Schema.Date,
  createdBy: Schema.String,
  expiresAt: Schema.Date,
  revokedAt: Schema.NullOr(Schema.Date)
}).annotate({ identifier: "ServiceToken" })
export type ServiceToken = typeof ServiceToken.Type

export const IssuedServiceToken = Schema.Struct({
  serviceToken: ServiceToken,
  /** What the calling service sends. It is shown this once. */
  token: Schema.String
}).annotate({ identifier: "IssuedServiceToken" })
export type IssuedServiceToken = typeof IssuedServiceToken.Type

export class ServiceTokenNotFound extends Problem<ServiceTokenNotFound>()("ServiceTokenNotFound", {
  status: 404,
  title: "There is no such service token",
  fields: { serviceTokenId: ServiceTokenId }
}) {}

/** So many tokens of one service for another are good at the same time. */
export class ServiceTokenLimitReached extends Problem<ServiceTokenLimitReached>()("ServiceTokenLimitReached", {
  status: 422,
  title: "There are too many tokens between these services already",
  fields: { limit: Schema.Int },
  detail: ({ limit }) => `At most ${limit} are good at the same time; revoke one, or wait until an overlap ends`
}) {}

/** The service that calls, as its token proved. */
export class CurrentService extends Context.Service<CurrentService, { readonly name: ServiceName }>()(
  "@mall/domain/identity/CurrentService"
) {}

/** The service that an Rpc is of: a token is good for one service alone. */
export const CalledService = Context.Reference<ServiceName | undefined>("@mall/domain/identity/CalledService", {
  defaultValue: () => undefined
})
