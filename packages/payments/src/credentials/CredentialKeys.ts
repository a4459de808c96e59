import { Config, Context, Effect, FileSystem, Layer, Option, Path, Redacted, Schema } from "effect"
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"

/** The keys could not be read or made; `reason` is one sentence for the operator and holds no key. */
export class CredentialKeysUnusable extends Schema.TaggedError<CredentialKeysUnusable>()("CredentialKeysUnusable", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** What stored credentials are bound to: sealed for one, they cannot be opened for another. */
export interface Binding {
  readonly merchantId: string
  readonly channel: string
  readonly version: number
}

export interface Sealed {
  readonly keyId: string
  /** Nonce (12 bytes), tag (16 bytes), text. */
  readonly bytes: Uint8Array
}

// An id that looks like a number would leave its place among the names of a JSON object, and the first one encrypts.
const KeyId = Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9_-]{0,31}$/))
const Key = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9+/]{43}=$/))
const isKeyId = Schema.is(KeyId)
const Keys = Schema.fromJsonString(
  Schema.Record(Schema.String, Key).check(
    Schema.isMinProperties(1),
    Schema.makeFilter((keys: Readonly<Record<string, string>>) => Object.keys(keys).every(isKeyId))
  )
)
const decodeKeys = Schema.decodeUnknownOption(Keys)
const encodeKeys = Schema.encodeSync(Keys)

const nonceLength = 12
const tagLength = 16

const additionalData = ({ channel, merchantId, version }: Binding) =>
  Buffer.from(`mall/channel-credentials/${merchantId}/${channel}/${version}`)

/** A key in use, which no log shows. */
interface KeyRing {
  readonly currentId: string
  readonly byId: ReadonlyMap<string, Redacted.Redacted<Buffer>>
}

/**
 * Seals merchants' credentials by AES-256-GCM. The keys are `CREDENTIALS_KEYS`, JSON of base64 keys of 32 bytes by id, of which
 * the first encrypts and all decrypt; without it, a file in `MALL_DATA_DIR` of the same form, made at first use and readable by
 * its owner only. Keys that are given are checked at the start.
 */
export class CredentialKeys extends Context.Service<
  CredentialKeys,
  {
    /** The id of the key that encrypts now. */
    readonly currentId: Effect.Effect<string, CredentialKeysUnusable>
    seal(text: Redacted.Redacted, binding: Binding): Effect.Effect<Sealed, CredentialKeysUnusable>
    /** None where its key is not here, it was sealed for another binding, or altered. */
    open(sealed: Sealed, binding: Binding): Effect.Effect<Option.Option<Redacted.Redacted>, CredentialKeysUnusable>
  }
>()("@mall/payments/credentials/CredentialKeys") {
  static readonly layer = Layer.effect(
    CredentialKeys,
    Effect.gen(function* () {
      const given = yield* Config.option(Config.Redacted("CREDENTIALS_KEYS"))
      const ring: Effect.Effect<KeyRing, CredentialKeysUnusable> = Option.isSome(given)
        ? Effect.succeed(yield* toRing(given.value, "CREDENTIALS_KEYS"))
        : yield* Effect.cached(
            fileRing({
              fs: yield* FileSystem.FileSystem,
              path: yield* Path.Path,
              folder: yield* Config.String("MALL_DATA_DIR").pipe(Config.withDefault(".mall"))
            })
          )

      return CredentialKeys.of({
        currentId: Effect.map(ring, ({ currentId }) => currentId),
        seal: Effect.fnUntraced(function* (text, binding) {
          const { byId, currentId } = yield* ring
          const nonce = randomBytes(nonceLength)
          const cipher = createCipheriv("aes-256-gcm", keyOf(byId, currentId), nonce).setAAD(additionalData(binding))
          const body = Buffer.concat([cipher.update(Redacted.value(text), "utf8"), cipher.final()])
          return { keyId: currentId, bytes: Buffer.concat([nonce, cipher.getAuthTag(), body]) }
        }),
        open: Effect.fnUntraced(function* ({ bytes, keyId }, binding) {
          const { byId } = yield* ring
          const key = byId.get(keyId)
          if (key === undefined || bytes.length < nonceLength + tagLength) return Option.none()
          const decipher = createDecipheriv("aes-256-gcm", Redacted.value(key), bytes.subarray(0, nonceLength))
            .setAAD(additionalData(binding))
            .setAuthTag(bytes.subarray(nonceLength, nonceLength + tagLength))
          const text = Effect.try({
            try: () =>
              Buffer.concat([decipher.update(bytes.subarray(nonceLength + tagLength)), decipher.final()]).toString(),
            catch: () => "altered" as const
          })
          return yield* Effect.option(Effect.map(text, (opened) => Redacted.make(opened)))
        })
      })
    })
  )
}

const keyOf = (byId: KeyRing["byId"], id: string) => {
  const key = byId.get(id)
  // the ring was made with it
  if (key === undefined) throw new Error(`There is no key ${id}`)
  return Redacted.value(key)
}

const toRing = Effect.fnUntraced(function* (
  text: Redacted.Redacted,
  source: string
): Effect.fn.Return<KeyRing, CredentialKeysUnusable> {
  const keys = Option.getOrUndefined(decodeKeys(Redacted.value(text)))
  const entries = Object.entries(keys ?? {})
  const first = entries[0]
  if (first === undefined) {
    return yield* new CredentialKeysUnusable({
      reason: `${source} must be JSON of keys by id, such as {"k1":"<32 bytes in base64>"}; ids begin with a letter.`
    })
  }
  const byId = new Map(entries.map(([id, key]) => [id, Redacted.make(Buffer.from(key, "base64"))]))
  return { currentId: first[0], byId }
})

/** Reads the file, or makes it; of two processes that make it at once, one makes it and both use it. */
const fileRing = ({
  folder,
  fs,
  path
}: {
  readonly folder: string
  readonly fs: FileSystem.FileSystem
  readonly path: Path.Path
}) => {
  const file = path.join(folder, "credentials.keys")
  const read = Effect.map(fs.readFileString(file), Redacted.make)

  const make = Effect.gen(function* () {
    const draft = path.join(folder, `credentials.${randomBytes(6).toString("hex")}.draft`)
    yield* fs.makeDirectory(folder, { recursive: true })
    yield* fs.writeFileString(draft, encodeKeys({ k1: randomBytes(32).toString("base64") }), {
      mode: 0o600,
      flag: "wx"
    })
    // a link appears whole or not at all, and not over one that another process made first
    yield* fs.link(draft, file).pipe(Effect.catchReason("PlatformError", "AlreadyExists", () => Effect.void))
    yield* fs.remove(draft)
    return yield* read
  })

  return read.pipe(
    Effect.catchReason("PlatformError", "NotFound", () => make),
    Effect.mapError(
      (error) =>
        new CredentialKeysUnusable({ reason: `The file of keys in MALL_DATA_DIR cannot be used: ${error.message}.` })
    ),
    Effect.flatMap((text) => toRing(text, "credentials.keys in MALL_DATA_DIR"))
  )
}
