import type { Declaration } from "@mall/domain/identity/declarations"
import { Unauthorized } from "@mall/domain/kernel/EdgeError"
import { AnonymousRoutes } from "@mall/platform/http/AnonymousRoutes"
import { Config, Effect, Layer, Option, Result, Schema } from "effect"
import { AccessTokens } from "./AccessTokens.ts"
import { anonymousWays } from "./anonymousWays.ts"
import { tokenOf } from "./AuthorizationLayers.ts"

/** The list would open what must not be open, or is none: the server does not start. */
class AnonymousRoutesRefused extends Schema.TaggedError<AnonymousRoutesRefused>()("AnonymousRoutesRefused", {
  fault: Schema.String
}) {
  override get message() {
    return `The setting ANONYMOUS_ROUTES is wrong: ${this.fault}.`
  }
}

const Entries = Config.option(Config.String("ANONYMOUS_ROUTES")).pipe(
  Config.map(
    Option.map((text) =>
      text
        .split(",")
        .map((entry) => entry.trim())
        .filter((entry) => entry !== "")
    )
  )
)

/** Which public ways in of `declarations` the configuration leaves open. */
export const configuredWays = Effect.fnUntraced(function* (declarations: ReadonlyArray<Declaration>) {
  const ways = anonymousWays(declarations, Option.getOrUndefined(yield* Entries))
  return Result.isSuccess(ways) ? ways.success : yield* new AnonymousRoutesRefused({ fault: ways.failure })
})

/** `AnonymousRoutes` by the configuration. Needs `AccessTokens`. */
export const layerOf = (declarations: ReadonlyArray<Declaration>) =>
  Layer.effect(
    AnonymousRoutes,
    Effect.gen(function* () {
      const tokens = yield* AccessTokens
      const closed = new Set((yield* configuredWays(declarations)).closed)
      return {
        isClosed: (way) => closed.has(way),
        signedIn: (authorization) => {
          const token = tokenOf(authorization)
          return token === undefined ? Effect.fail(new Unauthorized({})) : Effect.asVoid(tokens.verify(token))
        }
      }
    })
  )
