import { Hash } from "effect"
import { HttpServerResponse } from "effect/http"

/** A JSON answer made once and sent many times: with an `ETag`, to be asked for again before it is reused. */
export interface EncodedJson {
  readonly etag: string
  readonly ok: HttpServerResponse.HttpServerResponse
  readonly notModified: HttpServerResponse.HttpServerResponse
}

const encoder = new TextEncoder()

export const encodedJson = (text: string): EncodedJson => {
  const bytes = encoder.encode(text)
  const etag = `"${bytes.length.toString(36)}-${(Hash.string(text) >>> 0).toString(36)}"`
  const headers = { etag, "cache-control": "no-cache" }
  return {
    etag,
    ok: HttpServerResponse.uint8Array(bytes, { contentType: "application/json", headers }),
    notModified: HttpServerResponse.empty({ status: 304, headers })
  }
}

/** 304 where the client says that it has this very answer: `ifNoneMatch` is its header, one or more tags or `*`. */
export const respond = ({ etag, notModified, ok }: EncodedJson, ifNoneMatch: string | undefined) => {
  if (ifNoneMatch === undefined) return ok
  const isKnown = ifNoneMatch
    .split(",")
    .map((tag) => tag.trim().replace(/^W\//, ""))
    .some((tag) => tag === etag || tag === "*")
  return isKnown ? notModified : ok
}
