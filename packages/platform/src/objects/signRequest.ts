import { createHash, createHmac } from "node:crypto"

/** A request as it goes out; the names of `headers` are in small letters. */
export interface Signable {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body in hexadecimal. */
  readonly bodyHash: string
}

export interface Signer {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
  readonly service: string
}

export const sha256Hex = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest("hex")
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest()

/** RFC 3986 leaves these alone, and `encodeURIComponent` leaves some more. */
const encode = (text: string) =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  )

const canonicalPath = ({ pathname }: URL) =>
  pathname
    .split("/")
    .map((part) => encode(decodeURIComponent(part)))
    .join("/")

const canonicalQuery = ({ searchParams }: URL) =>
  [...searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join("&")

/** `20130524T000000Z`. */
export const amzDate = (now: Date) => now.toISOString().replaceAll(/[-:]|\.\d{3}/g, "")

/**
 * The `authorization` header of AWS Signature Version 4 (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
 * All of `headers` are signed; `host` and `x-amz-date` must be among them.
 */
export const signRequest = ({ bodyHash, headers, method, url }: Signable, signer: Signer): string => {
  const date = headers["x-amz-date"] ?? ""
  const names = Object.keys(headers).toSorted()
  const signedHeaders = names.join(";")
  const canonical = [
    method,
    canonicalPath(url),
    canonicalQuery(url),
    ...names.map((name) => `${name}:${(headers[name] ?? "").trim().replaceAll(/ +/g, " ")}`),
    "",
    signedHeaders,
    bodyHash
  ].join("\n")
  const scope = `${date.slice(0, 8)}/${signer.region}/${signer.service}/aws4_request`
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256Hex(canonical)}`
  const key = scope.split("/").reduce<string | Buffer>(hmac, `AWS4${signer.secretAccessKey}`)
  const signature = hmac(Buffer.from(key), toSign).toString("hex")
  return `AWS4-HMAC-SHA256 Credential=${signer.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`
}
