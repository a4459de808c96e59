import { CartToken } from "@mall/domain/trade/Cart"
import { Context, Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import { createHash } from "node:crypto"

const tokenBytes = 32

/** Makes the secrets that open guests' carts, and what is kept of them. */
export class CartTokens extends Context.Service<
  CartTokens,
  {
    readonly issue: Effect.Effect<CartToken>
    /** A plain digest is enough: what is hashed has 256 random bits, so there is nothing to guess. */
    hash(token: CartToken): Uint8Array
  }
>()("@mall/trade/CartTokens") {
  static readonly layer = Layer.effect(
    CartTokens,
    Effect.gen(function* () {
      const random = yield* SecureRandom.SecureRandom
      return CartTokens.of({
        issue: Effect.map(random.randomBytes(tokenBytes), (bytes) => CartToken.make(Base64Url.encode(bytes))),
        // here and now: a digest by another thread costs forty times as much
        hash: (token) => createHash("sha256").update(token).digest()
      })
    })
  ).pipe(Layer.provide(SecureRandom.layerWebCrypto))
}
