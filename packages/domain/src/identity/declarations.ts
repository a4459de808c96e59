import { Context } from "effect"
import { HttpApi } from "effect/http-api"
import type { HttpApiGroup } from "effect/http-api"
import type { RpcGroup, Rpc } from "effect/rpc"
import type { AuditAction } from "../operations/Audit.ts"
import { Audited } from "../operations/Audit.ts"
import { Authorization, OptionalAuthorization, RpcAuthorization, ServiceAuthorization } from "./Authorization.ts"
import type { Permission } from "./Permission.ts"
import { permissionsOf, RequiredPermission } from "./Permission.ts"
import type { ServiceName } from "./ServiceName.ts"
import { CalledService } from "./ServiceToken.ts"
import type { StepUpLevel } from "./StepUp.ts"
import { RequiredStepUp, RpcStepUp, StepUp } from "./StepUp.ts"

/** What one way into the server asks of its caller. */
export interface Declaration {
  /** `GET /api/v1/orders/:id`, or `rpc orders.get`. */
  readonly way: string
  readonly permission: Permission | undefined
  /** Whether a middleware that knows who calls stands before it: a user or key, a guest besides, or a service. */
  readonly guard: "required" | "optional" | "service" | "none"
  /** The service that another service must have a token for. */
  readonly calledService: ServiceName | undefined
  readonly stepUp: StepUpLevel | undefined
  /** Whether the middleware that asks for a recent proof stands before it. */
  readonly hasStepUp: boolean
  /** What it leaves in the audit trail. */
  readonly audited: AuditAction | "nothing" | undefined
}

const guardOf = (required: boolean, optional: boolean): Declaration["guard"] =>
  required ? "required" : optional ? "optional" : "none"

/** What every endpoint of `api` declares, in the order of the groups. */
export const ofHttpApi = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>
): ReadonlyArray<Declaration> => {
  const declarations: Array<Declaration> = []
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, mergedAnnotations, middleware }) => {
      const keys = new Set(Array.from(middleware, ({ key }) => key))
      declarations.push({
        way: `${endpoint.method} ${endpoint.path}`,
        permission: Context.get(mergedAnnotations, RequiredPermission),
        guard: guardOf(keys.has(Authorization.key), keys.has(OptionalAuthorization.key)),
        calledService: undefined,
        stepUp: Context.get(mergedAnnotations, RequiredStepUp),
        hasStepUp: keys.has(StepUp.key),
        audited: Context.get(mergedAnnotations, Audited) ?? (endpoint.method === "GET" ? "nothing" : undefined)
      })
    }
  })
  return declarations
}

/** What every Rpc of `group` declares. */
export const ofRpcGroup = <R extends Rpc.Any>(group: RpcGroup.RpcGroup<R>): ReadonlyArray<Declaration> =>
  Array.from(group.requests.values() as Iterable<Rpc.AnyWithProps>, (rpc) => {
    const keys = new Set(Array.from(rpc.middlewares, ({ key }) => key))
    return {
      way: `rpc ${rpc._tag}`,
      permission: Context.get(rpc.annotations, RequiredPermission),
      guard: keys.has(ServiceAuthorization.key) ? "service" : guardOf(keys.has(RpcAuthorization.key), false),
      calledService: Context.get(rpc.annotations, CalledService),
      stepUp: Context.get(rpc.annotations, RequiredStepUp),
      hasStepUp: keys.has(RpcStepUp.key),
      audited: Context.get(rpc.annotations, Audited)
    }
  })

/**
 * What is wrong with the declarations, a sentence each; the server does not start while there is one. A way in must say
 * what it needs, and what is not public must have the middleware that checks it; what needs more than an account must say
 * what it leaves in the audit trail.
 */
export const faults = (declarations: ReadonlyArray<Declaration>): ReadonlyArray<string> =>
  declarations.flatMap(({ audited, calledService, guard, hasStepUp, permission, stepUp, way }) => {
    if (permission === undefined) return [`${way} declares no permission`]
    if (guard === "service" && permission !== "service") return [`${way} is for services and needs ${permission}`]
    if (guard === "service" && calledService === undefined) return [`${way} does not say of which service it is`]
    if (permission !== "public" && guard !== (permission === "service" ? "service" : "required"))
      return [`${way} needs ${permission} but nothing checks it`]
    if (stepUp !== undefined && !hasStepUp) return [`${way} needs a ${stepUp} proof but nothing checks it`]
    if (stepUp === undefined && hasStepUp) return [`${way} checks for a proof but does not say which it needs`]
    if (permission !== "public" && !permissionsOf.customer.includes(permission) && audited === undefined) {
      return [`${way} needs ${permission} and does not say what it leaves in the audit trail`]
    }
    return []
  })
