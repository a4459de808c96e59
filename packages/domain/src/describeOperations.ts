import { Context, Schema } from "effect"
import { HttpApi, OpenApi } from "effect/http-api"
import type { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { ApiKeyScope } from "./identity/ApiKey.ts"
import { Authorization } from "./identity/Authorization.ts"
import { RequiredPermission } from "./identity/Permission.ts"
import { Idempotent } from "./kernel/Operation.ts"

const idempotencyKey: OpenApi.OpenAPISpecParameter = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description:
    "Names this request, so that it can be sent again without doing anything twice: the same key with the same request is answered as the first time, with `Idempotency-Replayed: true`. Kept 24 hours.",
  schema: { type: "string", minLength: 1, maxLength: 255, pattern: "^[\\x20-\\x7e]+$" }
}

const header = (name: string, description: string): OpenApi.OpenAPISecurityScheme => ({
  type: "apiKey",
  ...{ name, in: "header", description }
})

/** How merchants' servers say who they are; `docs/signing.md` tells more. */
const machineSchemes = {
  apiKey: header("X-Api-Key", "An API key of the method `secret`."),
  signature: header(
    "X-Signature",
    "`v1=` and the HMAC-SHA256 of the request under an API key of the method `signature`, beside `X-Api-Key-Id`, `X-Timestamp` and `X-Nonce`."
  )
}

const isScope = Schema.is(ApiKeyScope)

interface Described {
  readonly endpoint: HttpApiEndpoint.Top
  readonly annotations: Context.Context<never>
  readonly isIdempotent: boolean
  readonly isGuarded: boolean
}

const describeOperation = (
  operation: OpenApi.OpenAPISpecOperation,
  { annotations, endpoint, isGuarded, isIdempotent }: Described
) => {
  const title = Context.getOrUndefined(endpoint.annotations, OpenApi.Title)
  const permission = Context.get(annotations, RequiredPermission)
  return {
    ...operation,
    ...(operation.summary === undefined && title !== undefined ? { summary: title } : {}),
    ...(permission === undefined ? {} : { "x-required-permission": permission }),
    ...(isGuarded && isScope(permission)
      ? { security: [...operation.security, { apiKey: [] }, { signature: [] }] }
      : {}),
    ...(isIdempotent ? { parameters: [...operation.parameters, idempotencyKey] } : {})
  }
}

/**
 * Completes the OpenAPI document of `api` by what its endpoints declare and Effect does not write down: the title as the
 * summary, the permission that is needed as `x-required-permission`, the header `Idempotency-Key`, and where API keys are taken.
 */
export const describeOperations = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>
): typeof OpenApi.Transform.Service => {
  const described: Array<Described> = []
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, mergedAnnotations, middleware }) => {
      const keys = new Set(Array.from(middleware, ({ key }) => key))
      const isIdempotent = keys.has(Idempotent.key)
      const isGuarded = keys.has(Authorization.key)
      described.push({ endpoint, annotations: mergedAnnotations, isIdempotent, isGuarded })
    }
  })
  return (document) => {
    const paths: Record<string, Record<string, OpenApi.OpenAPISpecOperation>> = { ...document["paths"] }
    for (const each of described) {
      const path = each.endpoint.path.replaceAll(/:(\w+)/g, "{$1}")
      const method = each.endpoint.method.toLowerCase()
      const operation = paths[path]?.[method]
      if (operation !== undefined) paths[path] = { ...paths[path], [method]: describeOperation(operation, each) }
    }
    const components = { ...document["components"] }
    const securitySchemes = { ...components.securitySchemes, ...machineSchemes }
    return { ...document, paths, components: { ...components, securitySchemes } }
  }
}
