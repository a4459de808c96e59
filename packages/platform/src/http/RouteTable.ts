import { Context, Effect, Layer } from "effect"
import { FindMyWay, HttpRouter, HttpServerRequest } from "effect/http"
import { AnonymousRoutes } from "./AnonymousRoutes.ts"
import { toResponse } from "./problems.ts"

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] as const

/**
 * What is served, by path: the router itself only tells whether one method is. `allowed` is asked for requests that no
 * route answers, and is empty where no method is served at all.
 */
export class RouteTable extends Context.Service<
  RouteTable,
  {
    allowed(url: string): ReadonlyArray<string>
    add(method: string, path: string): void
  }
>()("@mall/platform/http/RouteTable") {
  static readonly layer = Layer.sync(RouteTable, () => {
    const table = FindMyWay.make<true>()
    const known = new Set<string>()
    return RouteTable.of({
      allowed: (url) => {
        const served = methods.filter((method) => table.find(method, url) !== undefined)
        if (served.length === 0) return []
        return [
          ...served,
          ...(served.includes("GET") ? ["HEAD"] : []),
          ...(served.includes("OPTIONS") ? [] : ["OPTIONS"])
        ]
      },
      add: (method, path) => {
        const paths = path.endsWith("/*") ? [path, path.slice(0, -2) || "/"] : [path]
        for (const one of paths) {
          for (const each of method === "*" ? methods : [method]) {
            const key = `${each} ${one}`
            if (known.has(key)) continue
            known.add(key)
            table.on(each, one as HttpRouter.PathInput, true)
          }
        }
      }
    })
  })
}

/** A way in that is closed to who is not signed in asks for a token before anything else. */
const guard = <E, R>(
  route: HttpRouter.Route<E, R>,
  way: string,
  { isClosed, signedIn }: AnonymousRoutes
): HttpRouter.Route<E, R> =>
  isClosed(way)
    ? {
        ...route,
        handler: Effect.withFiber((fiber) => {
          const { headers } = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
          return Effect.matchEffect(signedIn(headers["authorization"]), {
            onFailure: toResponse,
            onSuccess: () => route.handler
          })
        })
      }
    : route

const record = (
  router: HttpRouter.HttpRouter,
  table: RouteTable["Service"],
  access: AnonymousRoutes,
  prefix: string
): HttpRouter.HttpRouter =>
  HttpRouter.HttpRouter.of({
    ...router,
    prefixed: (more) => record(router.prefixed(more), table, access, HttpRouter.prefixPath(more, prefix)),
    add: (method, path, handler, options) => {
      table.add(method, HttpRouter.prefixPath(path, prefix))
      return router.add(method, path, handler, options)
    },
    addAll: (routes) => {
      for (const route of routes) table.add(route.method, HttpRouter.prefixPath(route.path, prefix))
      const guarded = routes.map((route) =>
        guard(route, `${route.method} ${HttpRouter.prefixPath(route.path, prefix)}`, access)
      )
      // a guarded route fails and needs as its handler does
      return router.addAll(guarded as unknown as typeof routes)
    }
  })

/** The router, entering everything that is added to it in the `RouteTable`, and keeping what is closed by `AnonymousRoutes`. */
export const layerRecorded = Layer.effect(
  HttpRouter.HttpRouter,
  Effect.gen(function* () {
    const router = yield* HttpRouter.HttpRouter
    const table = yield* RouteTable
    return record(router, table, yield* AnonymousRoutes, "")
  })
)
