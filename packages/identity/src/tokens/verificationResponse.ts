import type { Principal } from "@mall/domain/identity/CurrentUser"
import { TokenVerification } from "@mall/domain/identity/User"
import { Schema } from "effect"
import { HttpServerResponse } from "effect/http"

const encode = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(TokenVerification)))

/**
 * The answer of the verify endpoints, encoded once for each token: `AccessTokens` hands out the same principal each time it
 * sees the same token, and the answer goes when that does.
 */
const answers = new WeakMap<Principal, HttpServerResponse.HttpServerResponse>()

export const verificationResponse = (principal: Principal) => {
  const before = answers.get(principal)
  if (before !== undefined) return before
  const { userId, sessionId, roles, expiresAt } = principal
  // as text: Node writes it with the head, in one piece
  const answer = HttpServerResponse.text(encode({ userId, sessionId, roles, expiresAt }), {
    contentType: "application/json",
    headers: { "cache-control": "no-store" }
  })
  answers.set(principal, answer)
  return answer
}
