import { Effect, FileSystem, Path, Schema } from "effect"
import type { PlatformError } from "effect"
import { generateKeyPair, randomBytes } from "node:crypto"
import { Journal } from "./Journal.ts"
import { SandboxUnavailable } from "./SandboxUnavailable.ts"

/** A fresh RSA key of 2048 bits, as PEM. */
export const generateRsa = Effect.callback<{ readonly publicKey: string; readonly privateKey: string }>((resume) =>
  generateKeyPair(
    "rsa",
    {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" }
    },
    (error, publicKey, privateKey) =>
      resume(error === null ? Effect.succeed({ publicKey, privateKey }) : Effect.die(error))
  )
)

/**
 * The identity in `<sandbox folder>/<channel>/platform.json`, made at first use, and what of it the merchant holds in
 * `merchant.json`. Files appear whole and are the owner's only (0600); of two processes that start at once, one makes the
 * identity and both use it.
 */
export const loadIdentity = <Identity, I, Account, J>(options: {
  readonly channel: string
  readonly identity: Schema.Codec<Identity, I>
  readonly account: Schema.Codec<Account, J>
  readonly accountOf: (identity: Identity) => Account
  readonly generate: Effect.Effect<Identity>
}) =>
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const journal = yield* Journal
    const indented = { space: 2 }
    const identityJson = Schema.fromJsonString(options.identity, indented)
    const accountJson = Schema.fromJsonString(options.account, indented)
    const folder = path.join(journal.folder, options.channel)
    const identityFile = path.join(folder, "platform.json")
    const draft = path.join(folder, `.${randomBytes(8).toString("hex")}`)

    const exclusively = (file: string, text: string) =>
      fileSystem.writeFileString(draft, text, { mode: 0o600 }).pipe(
        Effect.andThen(fileSystem.link(draft, file)),
        Effect.catchIf(
          (error) => error.reason._tag === "AlreadyExists",
          () => Effect.void
        ),
        Effect.ensuring(Effect.ignore(fileSystem.remove(draft)))
      )

    yield* fileSystem.makeDirectory(folder, { recursive: true, mode: 0o700 })
    if (!(yield* fileSystem.exists(identityFile))) {
      yield* exclusively(identityFile, yield* Schema.encodeEffect(identityJson)(yield* options.generate))
    }
    const text = yield* fileSystem.readFileString(identityFile)
    const identity = yield* Schema.decodeEffect(identityJson)(text)
    const account = yield* Schema.encodeEffect(accountJson)(options.accountOf(identity))
    yield* fileSystem.writeFileString(draft, account, { mode: 0o600 })
    yield* fileSystem.rename(draft, path.join(folder, "merchant.json"))
    return identity
  }).pipe(
    Effect.catchTags({
      PlatformError: (error: PlatformError.PlatformError) =>
        Effect.fail(new SandboxUnavailable({ reason: `The sandbox cannot keep its keys: ${error.message}.` })),
      SchemaError: () =>
        Effect.fail(
          new SandboxUnavailable({
            reason: `The sandbox's ${options.channel}/platform.json is damaged; delete that folder.`
          })
        )
    })
  )
