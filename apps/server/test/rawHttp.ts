import { Effect } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import type { HttpMethod } from "effect/http"

export interface RawRequest {
  readonly method: HttpMethod.HttpMethod
  readonly path: string
  readonly token?: string | undefined
  readonly body?: string | Uint8Array | undefined
  /** `application/json` where there is a body and nothing is said. */
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
}

const encoder = new TextEncoder()

/** Sends what no typed client would. */
export const call = (url: string, raw: RawRequest): Effect.Effect<RawAnswer> =>
  Effect.gen(function* () {
    const bare = HttpClientRequest.make(raw.method)(`${url}${raw.path}`).pipe(
      HttpClientRequest.setHeaders({
        ...(raw.token === undefined ? {} : { authorization: `Bearer ${raw.token}` }),
        ...raw.headers
      })
    )
    const bytes = typeof raw.body === "string" ? encoder.encode(raw.body) : raw.body
    const request =
      bytes === undefined ? bare : HttpClientRequest.bodyUint8Array(bare, bytes, raw.contentType ?? "application/json")
    const response = yield* HttpClient.execute(request)
    return { status: response.status, headers: response.headers, text: yield* response.text }
  }).pipe(Effect.provide(FetchHttpClient.layer), Effect.orDie)
