import { InvalidRequest, PayloadTooLarge } from "@mall/domain/kernel/EdgeError"
import { ByteSize, Cause, Effect, SchemaIssue } from "effect"
import { HttpServerError, HttpServerRespondable, HttpServerResponse } from "effect/http"
import type { HttpServerRespondable as Respondable } from "effect/http"
import { HttpApiError } from "effect/http-api"

/** Read by people: more than this many are the same mistake again. */
const maxIssues = 20

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

const segment = (part: PropertyKey | { readonly key: PropertyKey }) => {
  const key = typeof part === "object" ? part.key : part
  return typeof key === "number" && Number.isInteger(key) ? key : String(key)
}

/** The parts of `slot` that do not fit, by path; never their values. */
export const shapeIssuesOf = (slot: string, issue: SchemaIssue.Issue) =>
  formatIssue(issue)
    .issues.slice(0, maxIssues)
    .map(({ message, path }) => ({ path: [slot, ...(path ?? []).map(segment)], message }))

const invalidRequest = (error: HttpApiError.HttpApiSchemaError) =>
  new InvalidRequest({ errors: shapeIssuesOf(error.kind.toLowerCase(), error.cause.issue) })

/** A request that is refused as a whole, for the one reason `message`, found in `slot`. */
export const malformed = (slot: string, message: string) => new InvalidRequest({ errors: [{ path: [slot], message }] })

/**
 * What a failure of a handler means to the caller:
 * - `problem`: the caller's own mistake, answered with this;
 * - `defect`: ours, to be logged and answered with a trace id only;
 * - `none`: not for the edge (an interrupted request, or a failure that carries its own answer).
 */
export type Reading =
  | { readonly kind: "problem"; readonly problem: Respondable.Respondable }
  | { readonly kind: "defect" }
  | { readonly kind: "none" }

const none: Reading = { kind: "none" }
const defect: Reading = { kind: "defect" }

const readReason = (error: unknown, maxBody: ByteSize.ByteSize): Reading => {
  if (HttpApiError.HttpApiSchemaError.is(error)) {
    const ours = error.kind === "Body" || error.kind === "ResponseHeaders"
    return ours ? defect : { kind: "problem", problem: invalidRequest(error) }
  }
  if (HttpApiError.HttpApiPayloadTooLarge.is(error)) {
    return { kind: "problem", problem: new PayloadTooLarge({ limit: ByteSize.toNumberUnsafe(error.size) }) }
  }
  if (HttpServerError.isHttpServerError(error)) {
    if (error.reason._tag !== "RequestParseError") return error.reason._tag === "RouteNotFound" ? none : defect
    const problem =
      error.reason.reason === "BodyTooLarge"
        ? new PayloadTooLarge({ limit: ByteSize.toNumberUnsafe(maxBody) })
        : malformed("payload", "The body could not be read")
    return { kind: "problem", problem }
  }
  return HttpServerResponse.isHttpServerResponse(error) || HttpServerRespondable.isRespondable(error) ? none : defect
}

/** Reads the first failure of `cause`; interruption counts only where nothing else happened. */
export const readCause = (cause: Cause.Cause<unknown>, maxBody: ByteSize.ByteSize): Reading => {
  const reason = cause.reasons.find((reason) => !Cause.isInterruptReason(reason))
  if (reason === undefined) return none
  return readReason(Cause.isFailReason(reason) ? reason.error : reason.defect, maxBody)
}

export const toResponse = (problem: Respondable.Respondable): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  HttpServerRespondable.toResponse(problem)
