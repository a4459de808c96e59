import { Effect, Option } from "effect"
import type { Cause, Schema } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import type { HttpRouter, HttpServerError } from "effect/http"
import { isIPv4 } from "node:net"
import type { ActionRefused, ReferenceUnknown } from "../Channel.ts"

type Refusal =
  | ActionRefused
  | Cause.NoSuchElementError
  | HttpServerError.HttpServerError
  | ReferenceUnknown
  | Schema.SchemaError

const problem = (status: number, message: string) => HttpServerResponse.jsonUnsafe({ message }, { status })

const isLoopback = (address: string) => {
  const plain = address.replace(/^::ffff:/i, "")
  return plain === "::1" || (isIPv4(plain) && plain.startsWith("127."))
}

/** Only programs of this machine may steer the sandbox, and no web page of another site through a browser on it. */
const isTrusted = (request: HttpServerRequest.HttpServerRequest) =>
  Option.exists(request.remoteAddress, isLoopback) &&
  !["cross-site", "same-site"].includes(request.headers["sec-fetch-site"] ?? "none")

const guarded = <E, R>(handle: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    if (!isTrusted(request)) return problem(403, "The control endpoints are for programs of this machine")
    return yield* handle
  })

/** Adds an endpoint by which programs of this machine steer the sandbox. */
export const makeAdd =
  (router: HttpRouter.HttpRouter) =>
  <R>(
    method: "GET" | "POST" | "DELETE",
    path: `/${string}`,
    handle: Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal, R>
  ) =>
    router.add(
      method,
      `/control${path}`,
      guarded(handle).pipe(
        Effect.catchTags({
          SchemaError: (error) => Effect.succeed(problem(400, error.message)),
          HttpServerError: () => Effect.succeed(problem(400, "The body cannot be read")),
          NoSuchElementError: () => Effect.succeed(problem(404, "There is no such channel, order or code")),
          ReferenceUnknown: (error) => Effect.succeed(problem(404, error.message)),
          ActionRefused: (error) => Effect.succeed(problem(409, error.message))
        })
      )
    )
export type Add = ReturnType<typeof makeAdd>
