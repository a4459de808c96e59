import { Option } from "effect"
import type { HttpServerRequest } from "effect/http"
import type { Origin } from "./Origin.ts"

const maxUserAgent = 256

/** The caller's address as the HTTP edge established it, and what the client calls itself, as far as it can be stored. */
export const originOf = (request: HttpServerRequest.HttpServerRequest): Origin => ({
  ip: Option.getOrNull(request.remoteAddress),
  userAgent: request.headers["user-agent"]?.slice(0, maxUserAgent).toWellFormed().replaceAll("\u0000", "") ?? null
})
