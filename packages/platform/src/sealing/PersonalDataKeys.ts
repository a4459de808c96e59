import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { Config, Context, Effect, Layer, Option, Redacted, Schema } from "effect"
import { createHash, hkdfSync } from "node:crypto"
import { blindIndex, keyedDigest } from "./blindIndex.ts"
import type { BlindIndex, KeyedDigest } from "./blindIndex.ts"
import * as KeyRing from "./KeyRing.ts"
import { KeysUnusable } from "./KeyRing.ts"

/** Where something sealed stands: sealed for one place, it cannot be opened in another. */
export interface Place {
  /** `schema.table` */
  readonly table: string
  readonly column: string
  /** The row's. */
  readonly id: string
}

/** What stands there cannot be opened: its key is not here, it was altered, or it was sealed for another place. Names no data. */
export class PersonalDataUnreadable extends Schema.TaggedError<PersonalDataUnreadable>()("PersonalDataUnreadable", {
  table: Schema.String,
  column: Schema.String,
  id: Schema.String,
  keyId: Schema.String,
  isKeyHere: Schema.Boolean
}) {
  override get message() {
    const why = this.isKeyHere ? "it was altered, or moved there" : "that key is not here"
    return `${this.table}.${this.column} of ${this.id}, sealed under ${this.keyId}, cannot be opened: ${why}`
  }
}

const bindingOf = ({ column, id, table }: Place) => `mall/personal-data/${table}/${column}/${id}`

/**
 * Seals personal data by AES-256-GCM. The keys are `PERSONAL_DATA_KEYS`, JSON of base64 keys of 32 bytes by id, of which the
 * first seals and all open. Without it there is one that is derived from `MALL_SECRET_KEY`, which goes on opening once there are
 * others; without that too, a file in `MALL_DATA_DIR`, made at first use and readable by its owner only.
 */
export class PersonalDataKeys extends Context.Service<
  PersonalDataKeys,
  {
    /** The id of the key that seals now. */
    readonly currentId: string
    /** Every key that opens. */
    readonly ids: ReadonlyArray<string>
    /** Takes microseconds and waits for nothing. */
    seal(plain: string | Uint8Array, place: Place): KeyRing.Sealed
    open(sealed: KeyRing.Sealed, place: Place): Effect.Effect<Buffer, PersonalDataUnreadable>
    /** By which what is sealed in `table` is found by equality. Derives keys: made once, and kept. */
    indexOf(table: string): BlindIndex
    /** By which something is recognised that is not kept itself, one key at a time. Derives keys: made once, and kept. */
    digestOf(purpose: string): KeyedDigest
  }
>()("@mall/platform/sealing/PersonalDataKeys") {
  static readonly layerNoDeps = Layer.effect(
    PersonalDataKeys,
    Effect.gen(function* () {
      const given = yield* Config.option(Config.Redacted("PERSONAL_DATA_KEYS"))
      const secret = yield* Config.option(Config.Redacted("MALL_SECRET_KEY"))
      const derived = Option.isSome(secret) ? Option.some(yield* derivedRing(secret.value)) : Option.none()
      const ring = Option.isSome(given)
        ? withDerived(yield* KeyRing.parseRing(given.value, "PERSONAL_DATA_KEYS"), derived)
        : Option.isSome(derived)
          ? derived.value
          : yield* KeyRing.ringOfFile(
              yield* Config.String("MALL_DATA_DIR").pipe(Config.withDefault(".mall")),
              "personal-data.keys"
            )

      return PersonalDataKeys.of({
        currentId: ring.currentId,
        ids: [...ring.byId.keys()],
        seal: (plain, place) => KeyRing.seal(ring, plain, bindingOf(place)),
        open: (sealed, place) =>
          Effect.mapError(
            Effect.fromOption(KeyRing.open(ring, sealed, bindingOf(place))),
            () => new PersonalDataUnreadable({ ...place, keyId: sealed.keyId, isKeyHere: ring.byId.has(sealed.keyId) })
          ),
        indexOf: (table) => blindIndex(ring, table),
        digestOf: (purpose) => keyedDigest(ring, purpose)
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide([NodeFileSystem.layer, NodePath.layer]))
}

const withDerived = (ring: KeyRing.KeyRing, derived: Option.Option<KeyRing.KeyRing>) =>
  Option.match(derived, { onNone: () => ring, onSome: (former) => KeyRing.withFormer(ring, former) })

/** The id tells one secret from another, so that rows of a secret that was changed show under a key that is not here. */
const derivedRing = Effect.fnUntraced(function* (
  secret: Redacted.Redacted
): Effect.fn.Return<KeyRing.KeyRing, KeysUnusable> {
  if (Redacted.value(secret).length < 32) {
    return yield* new KeysUnusable({ reason: "MALL_SECRET_KEY must have at least 32 characters." })
  }
  const key = new Uint8Array(hkdfSync("sha256", Redacted.value(secret), "", "mall/personal-data", 32))
  return KeyRing.ringOf(`secret-${createHash("sha256").update(key).digest("hex").slice(0, 8)}`, key)
})
