import { Context } from "effect"
import { HttpApi, OpenApi } from "effect/http-api"
import type { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
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

interface Described {
  readonly endpoint: HttpApiEndpoint.Top
  readonly annotations: Context.Context<never>
  readonly isIdempotent: boolean
}

const describeOperation = (
  operation: OpenApi.OpenAPISpecOperation,
  { annotations, endpoint, isIdempotent }: Described
) => {
  const title = Context.getOrUndefined(endpoint.annotations, OpenApi.Title)
  const permission = Context.get(annotations, RequiredPermission)
  return {
    ...operation,
    ...(operation.summary === undefined && title !== undefined ? { summary: title } : {}),
    ...(permission === undefined ? {} : { "x-required-permission": permission }),
    ...(isIdempotent ? { parameters: [...operation.parameters, idempotencyKey] } : {})
  }
}

/**
 * Completes the OpenAPI document of `api` by what its endpoints declare and Effect does not write down: the title as the
 * summary, the permission that is needed as `x-required-permission`, and the header `Idempotency-Key`.
 */
export const describeOperations = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>
): typeof OpenApi.Transform.Service => {
  const described: Array<Described> = []
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, mergedAnnotations, middleware }) => {
      const isIdempotent = Array.from(middleware, ({ key }) => key).includes(Idempotent.key)
      described.push({ endpoint, annotations: mergedAnnotations, isIdempotent })
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
    return { ...document, paths }
  }
}
