import * as KeyRing from "@mall/platform/sealing/KeyRing"
import type { KeysUnusable, Sealed } from "@mall/platform/sealing/KeyRing"
import { Config, Context, Effect, FileSystem, Layer, Option, Path, Redacted } from "effect"

/** What stored credentials are bound to: sealed for one, they cannot be opened for another. */
export interface Binding {
  readonly merchantId: string
  readonly channel: string
  readonly version: number
}

const bindingOf = ({ channel, merchantId, version }: Binding) =>
  `mall/channel-credentials/${merchantId}/${channel}/${version}`

/**
 * Seals merchants' credentials by AES-256-GCM. The keys are `CREDENTIALS_KEYS`, JSON of base64 keys of 32 bytes by id, of which
 * the first encrypts and all decrypt; without it, a file in `MALL_DATA_DIR` of the same form, made at first use and readable by
 * its owner only. Keys that are given are checked at the start.
 */
export class CredentialKeys extends Context.Service<
  CredentialKeys,
  {
    /** The id of the key that encrypts now. */
    readonly currentId: Effect.Effect<string, KeysUnusable>
    seal(text: Redacted.Redacted, binding: Binding): Effect.Effect<Sealed, KeysUnusable>
    /** None where its key is not here, it was sealed for another binding, or altered. */
    open(sealed: Sealed, binding: Binding): Effect.Effect<Option.Option<Redacted.Redacted>, KeysUnusable>
  }
>()("@mall/payments/credentials/CredentialKeys") {
  static readonly layer = Layer.effect(
    CredentialKeys,
    Effect.gen(function* () {
      const given = yield* Config.option(Config.Redacted("CREDENTIALS_KEYS"))
      const ring: Effect.Effect<KeyRing.KeyRing, KeysUnusable> = Option.isSome(given)
        ? Effect.succeed(yield* KeyRing.parseRing(given.value, "CREDENTIALS_KEYS"))
        : yield* Effect.cached(
            Effect.provideContext(
              KeyRing.ringOfFile(
                yield* Config.String("MALL_DATA_DIR").pipe(Config.withDefault(".mall")),
                "credentials.keys"
              ),
              yield* Effect.context<FileSystem.FileSystem | Path.Path>()
            )
          )

      return CredentialKeys.of({
        currentId: Effect.map(ring, ({ currentId }) => currentId),
        seal: (text, binding) =>
          Effect.map(ring, (keys) => KeyRing.seal(keys, Redacted.value(text), bindingOf(binding))),
        open: (sealed, binding) =>
          Effect.map(ring, (keys) =>
            Option.map(KeyRing.open(keys, sealed, bindingOf(binding)), (text) => Redacted.make(text.toString()))
          )
      })
    })
  )
}
