import { MethodNotAllowed, RouteNotFound } from "@mall/domain/kernel/EdgeError"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import type { Exchange } from "./Exchange.ts"
import { malformed, toResponse } from "./problems.ts"
import type { RouteTable } from "./RouteTable.ts"

const isDecodable = (path: string) => {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

/** Answers what no route does: a path that cannot be read, one with other methods, or none at all. */
export const answerUnrouted = (table: RouteTable["Service"], { path, source }: Exchange) => {
  if (!isDecodable(path)) return toResponse(malformed("path", "The path is not valid percent-encoding"))
  const allow = table.allowed(path)
  if (allow.length === 0) return toResponse(new RouteNotFound({}))
  const header = HttpServerResponse.setHeader("allow", allow.join(", "))
  return source.method === "OPTIONS"
    ? Effect.succeed(header(HttpServerResponse.empty({ status: 204 })))
    : Effect.map(toResponse(new MethodNotAllowed({ allow })), header)
}
