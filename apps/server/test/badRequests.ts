import { Effect, Schema } from "effect"
import { fill, queryOf } from "./addressOf.ts"
import { endpointCases } from "./endpointCases.ts"
import type { EndpointCase } from "./endpointCases.ts"
import type { Endpoint } from "./endpoints.ts"
import { marker } from "./hostileInput.ts"
import { call } from "./rawHttp.ts"
import type { RawAnswer, RawRequest } from "./rawHttp.ts"

const decodeProblem = Schema.decodeUnknownEffect(
  Schema.fromJsonString(
    Schema.Struct({
      type: Schema.String,
      title: Schema.String,
      status: Schema.Int,
      code: Schema.String,
      traceId: Schema.String
    })
  )
)

/** Channels are answered in their own format, and people at the cashier with a page. */
const isProblem = (path: string) => !["/callbacks/", "/api/webhook/", "/pay/"].some((start) => path.startsWith(start))

/** A short one could be found in any text. */
const isSecret = (token: string | undefined): token is string => token !== undefined && token.length > 40

/** What is wrong with an answer to bad input, in a word; nothing where all is well. */
const faultOf = Effect.fnUntraced(function* (request: RawRequest, { headers, status, text }: RawAnswer) {
  if (status >= 500) return `answered ${status}: ${text.slice(0, 200)}`
  if (status < 400) return undefined
  const secrets = [marker, ...(isSecret(request.token) ? [request.token] : [])]
  if (secrets.some((secret) => text.includes(secret))) return `repeats what it was given: ${text.slice(0, 200)}`
  if (!isProblem(request.path)) return undefined
  if (headers["content-type"]?.startsWith("application/problem+json") !== true) {
    return `${status} is ${headers["content-type"]}: ${text.slice(0, 200)}`
  }
  const problem = yield* Effect.option(decodeProblem(text))
  return problem._tag === "Some" && problem.value.status === status ? undefined : `is no problem: ${text.slice(0, 200)}`
})

/** Sends all, a few at a time, and tells of each answer that is not as it must be. */
export const faultsOf = (url: string, requests: ReadonlyArray<RawRequest>, statuses?: ReadonlyArray<number>) =>
  Effect.forEach(
    requests,
    Effect.fnUntraced(function* (request) {
      const answer = yield* call(url, request)
      const fault =
        (yield* faultOf(request, answer)) ??
        (statuses === undefined || statuses.includes(answer.status) || !isProblem(request.path)
          ? undefined
          : `answered ${answer.status}, not ${statuses.join(" or ")}`)
      if (fault === undefined) return []
      const body = typeof request.body === "string" ? request.body.slice(0, 120) : ""
      return [`${request.method} ${request.path.slice(0, 120)} ${body}: ${fault}`]
    }),
    { concurrency: 8 }
  ).pipe(Effect.map((faults) => faults.flat()))

export const caseOf = ({ way }: Endpoint): EndpointCase => endpointCases[way] ?? {}

/** A well-formed request to `endpoint`. */
export const requestTo = (endpoint: Endpoint, token?: string): RawRequest => {
  const { body, params, query, raw } = caseOf(endpoint)
  return {
    method: endpoint.method,
    path: fill(endpoint.path, params) + queryOf(query),
    token,
    ...(raw === undefined ? {} : { contentType: raw.contentType }),
    body: body === undefined ? raw?.text : JSON.stringify(body)
  }
}
