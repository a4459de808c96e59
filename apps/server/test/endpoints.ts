import type { Permission } from "@mall/domain/identity/Permission"
import { RequiredPermission } from "@mall/domain/identity/Permission"
import { Idempotent } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import { Context } from "effect"
import { HttpApi } from "effect/http-api"
import type { HttpMethod } from "effect/http"

/** What the tests know of one endpoint of the API. */
export interface Endpoint {
  /** `GET /api/v1/orders/:id`. */
  readonly way: string
  readonly method: HttpMethod.HttpMethod
  readonly path: string
  readonly permission: Permission | undefined
  /** Whether it takes JSON. */
  readonly hasPayload: boolean
  readonly isIdempotent: boolean
}

const reflectEndpoints = () => {
  const endpoints: Array<Endpoint> = []
  HttpApi.reflect(MallApi, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, mergedAnnotations, middleware }) => {
      endpoints.push({
        way: `${endpoint.method} ${endpoint.path}`,
        method: endpoint.method,
        path: endpoint.path,
        permission: Context.get(mergedAnnotations, RequiredPermission),
        hasPayload: endpoint.payload.has("application/json"),
        isIdempotent: Array.from(middleware, ({ key }) => key).includes(Idempotent.key)
      })
    }
  })
  return endpoints
}

/** Every endpoint of the API, as it declares itself. */
export const endpoints: ReadonlyArray<Endpoint> = reflectEndpoints()
