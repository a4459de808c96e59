import { Context, Effect, FileSystem, Layer, Path } from "effect"
import { Etag, HttpPlatform } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import type { HttpApi, HttpApiGroup } from "effect/http-api"

type Build = (handlers: HttpApiBuilder.Handlers<never, Record<string, never>>) => unknown

/**
 * `HttpApiBuilder.group`, for handlers that take their services when they are made. It keeps, for each request, the group's
 * middlewares only: the original merges every service of the process into the context of every request, which for a
 * small answer is the largest part of its cost. `Edge.serve` does not compile where a handler wants more.
 */
export const group = ((
  api: HttpApi.HttpApi<string, HttpApiGroup.Top>,
  identifier: string,
  build: Build
): Layer.Layer<never> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const all = yield* Effect.context<never>()
      const scope = yield* Effect.scope
      const endpoints = Object.values(api.groups[identifier]?.endpoints ?? {})
      const middlewares = endpoints.flatMap((endpoint) => [...endpoint.middlewares])
      const few = Context.pick(
        ...middlewares,
        Etag.Generator,
        HttpPlatform.HttpPlatform,
        FileSystem.FileSystem,
        Path.Path
      )(all)
      const withAll: Build = (handlers) => {
        const built = build(handlers)
        return Effect.isEffect(built) ? Effect.provideContext(built, all) : built
      }
      const layer: Layer.Layer<never> = Reflect.apply(HttpApiBuilder.group, undefined, [api, identifier, withAll])
      return yield* Layer.buildWithScope(layer, scope).pipe(Effect.updateContext<never, never>(() => few))
    })
  )) as unknown as typeof HttpApiBuilder.group
