import { Effect, Option, Redacted, Schema } from "effect"
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from "node:crypto"
import type { KeyObject } from "node:crypto"
import { readOrMakeSecretFile } from "./secretFile.ts"

/** The keys could not be read or made; `reason` is one sentence for the operator and holds no key. */
export class KeysUnusable extends Schema.TaggedError<KeysUnusable>()("KeysUnusable", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

/**
 * Keys of 32 bytes by id: the current one seals, all open. No log shows a `KeyObject`, and it is ready for use, where bytes would be
 * made ready at every call, for ten times the price.
 */
export interface KeyRing {
  readonly currentId: string
  readonly byId: ReadonlyMap<string, KeyObject>
}

export interface Sealed {
  readonly keyId: string
  /** Nonce (12 bytes), tag (16 bytes), text. */
  readonly bytes: Uint8Array
}

// An id that looks like a number would leave its place among the names of a JSON object, and the first one seals.
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

/** A ring of its own for one key. */
export const ringOf = (id: string, key: Uint8Array): KeyRing => ({
  currentId: id,
  byId: new Map([[id, createSecretKey(key)]])
})

/** Opens what either opens, and seals as the first does. */
export const withFormer = (ring: KeyRing, former: KeyRing): KeyRing => ({
  currentId: ring.currentId,
  byId: new Map([...former.byId, ...ring.byId])
})

/** JSON of base64 keys by id, the first of which seals; `source` is what the operator knows it by. */
export const parseRing = Effect.fnUntraced(function* (
  text: Redacted.Redacted,
  source: string
): Effect.fn.Return<KeyRing, KeysUnusable> {
  const keys = Option.getOrUndefined(decodeKeys(Redacted.value(text)))
  const entries = Object.entries(keys ?? {})
  const first = entries[0]
  if (first === undefined) {
    return yield* new KeysUnusable({
      reason: `${source} must be JSON of keys by id, such as {"k1":"<32 bytes in base64>"}; ids begin with a letter.`
    })
  }
  const byId = new Map(entries.map(([id, key]) => [id, createSecretKey(Buffer.from(key, "base64"))]))
  return { currentId: first[0], byId }
})

/** The ring in the file `name` of `folder`, made at first use. Several machines do not share it. */
export const ringOfFile = (folder: string, name: string) =>
  readOrMakeSecretFile(
    folder,
    name,
    Effect.sync(() => encodeKeys({ k1: randomBytes(32).toString("base64") }))
  ).pipe(
    Effect.mapError(
      (error) => new KeysUnusable({ reason: `The file of keys in MALL_DATA_DIR cannot be used: ${error.message}.` })
    ),
    Effect.flatMap((text) => parseRing(text, `${name} in MALL_DATA_DIR`))
  )

/** AES-256-GCM under the current key; `binding` is authenticated: what was sealed for one cannot be opened for another. */
export const seal = (ring: KeyRing, plain: string | Uint8Array, binding: string): Sealed => {
  const key = ring.byId.get(ring.currentId)
  // a ring is made with its current key
  if (key === undefined) throw new Error(`There is no key ${ring.currentId}`)
  const nonce = randomBytes(nonceLength)
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(binding))
  const body = Buffer.concat([
    typeof plain === "string" ? cipher.update(plain, "utf8") : cipher.update(plain),
    cipher.final()
  ])
  return { keyId: ring.currentId, bytes: Buffer.concat([nonce, cipher.getAuthTag(), body]) }
}

/** None where its key is not in the ring, it was sealed for another binding, or altered. */
export const open = (ring: KeyRing, { bytes, keyId }: Sealed, binding: string): Option.Option<Buffer> => {
  const key = ring.byId.get(keyId)
  if (key === undefined || bytes.length < nonceLength + tagLength) return Option.none()
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceLength))
    .setAAD(Buffer.from(binding))
    .setAuthTag(bytes.subarray(nonceLength, nonceLength + tagLength))
  return Option.liftThrowable(() =>
    Buffer.concat([decipher.update(bytes.subarray(nonceLength + tagLength)), decipher.final()])
  )()
}
