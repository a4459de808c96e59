/** What of a request is signed. */
export interface SignedParts {
  readonly method: string
  /** Path and query as they stand in the request line, percent-encoded. */
  readonly target: string
  /** SHA-256 of the bytes of the body (of none where there is no body), in lower-case hexadecimal. */
  readonly bodyHash: string
  /** Seconds since 1970, as sent in `X-Timestamp`. */
  readonly timestamp: string
  /** As sent in `X-Nonce`. */
  readonly nonce: string
}

/** The pairs of a query as they were written, in the order of their bytes: nothing is decoded, so nothing can be read in two ways. */
const canonicalQuery = (query: string) =>
  query
    .split("&")
    .filter((pair) => pair !== "")
    .toSorted((one, other) => (one < other ? -1 : one > other ? 1 : 0))
    .join("&")

/** The text whose HMAC-SHA256 under the key signs a request. `docs/signing.md` is its specification. */
export const canonicalRequest = ({ bodyHash, method, nonce, target, timestamp }: SignedParts) => {
  const mark = target.indexOf("?")
  const path = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? "" : target.slice(mark + 1)
  return [method.toUpperCase(), path, canonicalQuery(query), bodyHash, timestamp, nonce].join("\n")
}
