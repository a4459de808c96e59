import { Context, Effect, Layer, Option, Ref } from "effect"
import type { Redacted } from "effect"

/** The access token that the clients of this package send: none until someone signs in. */
export class AccessToken extends Context.Service<AccessToken, Ref.Ref<Option.Option<Redacted.Redacted>>>()(
  "@mall/client/AccessToken"
) {
  static readonly layer = Layer.effect(AccessToken, Ref.make(Option.none<Redacted.Redacted>()))

  /** From now on the clients call as the bearer of `token`, or as a guest. */
  static readonly set = (token: Option.Option<Redacted.Redacted>) =>
    Effect.flatMap(AccessToken, (current) => Ref.set(current, token))
}
