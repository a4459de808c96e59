import type { EdgeConfig } from "./EdgeConfig.ts"

/** Headers that a page of another origin may read. */
const exposed =
  "X-Request-Id, X-Trace-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Idempotency-Replayed"
const methods = "GET, HEAD, POST, PUT, PATCH, DELETE"
const maxAgeSeconds = 7200

/** Scalar brings its script inline and may fetch fonts and images; it talks to this server only. */
const pagePolicy =
  "default-src 'self'; script-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data: https:; font-src 'self' data: https:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** One year, as preload lists ask for. */
const transportSecurity = "max-age=31536000; includeSubDomains"

/** Tells browsers to guess no type, to frame nothing and to tell no one where they come from. */
export const addSecurity = (
  headers: Array<string>,
  options: { readonly isPage: boolean; readonly isEncrypted: boolean }
) => {
  headers.push("x-content-type-options", "nosniff", "x-frame-options", "DENY", "referrer-policy", "no-referrer")
  if (options.isPage) headers.push("content-security-policy", pagePolicy)
  if (options.isEncrypted) headers.push("strict-transport-security", transportSecurity)
}

/** Whether a page of `origin` may read answers, by `CORS_ORIGINS`. */
export const makeIsAllowed = (config: EdgeConfig) => {
  const origins = new Set(config.corsOrigins)
  const any = origins.has("*")
  return (origin: string) => any || origins.has(origin)
}

/** For an answer to a page of `origin`, which is allowed. Tokens travel in a header, so credentials stay off. */
export const addCors = (headers: Array<string>, origin: string) => {
  headers.push("access-control-allow-origin", origin, "access-control-expose-headers", exposed)
}

/** The rest of the answer to a preflight, whose origin is allowed. */
export const preflightHeaders = (requestedHeaders: string | undefined) => ({
  "access-control-allow-methods": methods,
  "access-control-max-age": String(maxAgeSeconds),
  ...(requestedHeaders === undefined ? undefined : { "access-control-allow-headers": requestedHeaders })
})
