import { Option, Schema } from "effect"
import { ApiKeyId } from "./ApiKey.ts"

const shape = /^mk_(?<environment>[a-z]{1,16})_(?<id>[0-9a-f]{32})_[A-Za-z0-9_-]{43}$/
const decodeId = Schema.decodeUnknownOption(ApiKeyId)

/** What a key's text says by itself. */
export interface ParsedKey {
  readonly id: ApiKeyId
  /** The installation it belongs to, such as `live` or `test`. */
  readonly environment: string
}

/** The part of a key that is no secret: `mk_live_<id without hyphens>`. */
export const prefixOf = (environment: string, id: ApiKeyId) => `mk_${environment}_${id.replaceAll("-", "")}`

/** `secret` is 256 bits in base64url. */
export const textOf = (prefix: string, secret: string) => `${prefix}_${secret}`

export const parse = (text: string): Option.Option<ParsedKey> => {
  const { environment = "", id = "" } = shape.exec(text)?.groups ?? {}
  const uuid = id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
  return Option.map(decodeId(uuid), (id) => ({ id, environment }))
}
