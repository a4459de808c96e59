import { SessionId } from "@mall/domain/identity/CurrentUser"
import { RefreshToken } from "@mall/domain/identity/User"
import { Option, Redacted, Schema } from "effect"

const prefix = "rt_"
const familyLength = 16
const secretLength = 32

/**
 * What a refresh token is made of: its session, a secret that all tokens of the session share, and one that is good for a
 * single use. So a token that was used before can be told from one that was made up, with nothing stored per token.
 */
export interface RefreshTokenParts {
  readonly sessionId: SessionId
  readonly family: Uint8Array
  readonly secret: Uint8Array
}

export const lengths = { family: familyLength, secret: secretLength }

export const encode = ({ sessionId, family, secret }: RefreshTokenParts) =>
  prefix + Buffer.concat([Buffer.from(sessionId.replaceAll("-", ""), "hex"), family, secret]).toString("base64url")

const decodeSessionId = Schema.decodeUnknownOption(SessionId)

export const decode = (token: RefreshToken): Option.Option<RefreshTokenParts> => {
  const text = Redacted.value(token)
  const bytes = new Uint8Array(Buffer.from(text.slice(prefix.length), "base64url"))
  if (!text.startsWith(prefix) || bytes.length !== 16 + familyLength + secretLength) return Option.none()
  const hex = Buffer.from(bytes.subarray(0, 16)).toString("hex")
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
  return Option.map(decodeSessionId(uuid), (sessionId) => ({
    sessionId,
    family: bytes.subarray(16, 16 + familyLength),
    secret: bytes.subarray(16 + familyLength)
  }))
}
