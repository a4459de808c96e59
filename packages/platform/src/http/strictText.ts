import { Effect } from "effect"
import { HttpServerError, HttpServerRequest } from "effect/http"
import { isUtf8 } from "node:buffer"

const decoder = new TextDecoder()

/**
 * The same request, whose body is text only where it is UTF-8: else it fails as one that cannot be parsed, instead of
 * having the bytes that do not fit replaced. Who reads the bytes reads them as they came; they are read once for all.
 */
export const withStrictText = (request: HttpServerRequest.HttpServerRequest): HttpServerRequest.HttpServerRequest => {
  const bytes = request.arrayBuffer
  const text = Effect.flatMap(bytes, (body) =>
    isUtf8(new Uint8Array(body))
      ? Effect.succeed(decoder.decode(body))
      : Effect.fail(
          new HttpServerError.HttpServerError({
            reason: new HttpServerError.RequestParseError({ request, description: "The body is not UTF-8" })
          })
        )
  )
  return Object.create(request, { arrayBuffer: { get: () => bytes }, text: { get: () => text } })
}
