import { PublicJwk } from "@mall/domain/identity/AuthApi"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { Clock, Context, DateTime, Duration, Effect, Layer, Option, Schema, Semaphore } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { CryptoKey } from "jose"
import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair, importJWK, importPKCS8 } from "jose"
import { accessTokenLifetime } from "./accessTokenLifetime.ts"
import { SecretKey } from "./SecretKey.ts"

/** Chosen once and for ever: whoever makes a signing key takes this advisory lock. */
const lockKey = 7_301_120_262
const purpose = "identity.signing_keys"
const unknownKeyReloadMillis = 1000

export interface SigningKey {
  readonly kid: string
  readonly privateKey: CryptoKey
}

/** A key that signs (`retiredAt` is null) or, being retired, still verifies until `verifiesUntil`. */
export const SigningKeyStatus = Schema.Struct({
  kid: Schema.String,
  createdAt: Schema.Date,
  /** Who rotated; null where the mall made the key by itself. */
  createdBy: Schema.NullOr(Schema.String),
  retiredAt: Schema.NullOr(Schema.Date),
  verifiesUntil: Schema.NullOr(Schema.Date)
})
export type SigningKeyStatus = typeof SigningKeyStatus.Type

const KeyRow = Schema.Struct({
  kid: Schema.String,
  publicKey: Schema.String,
  sealedPrivateKey: Schema.Uint8Array,
  createdAt: Schema.Date,
  createdBy: Schema.NullOr(Schema.String),
  retiredAt: Schema.NullOr(Schema.Date)
})
type KeyRow = typeof KeyRow.Type

/**
 * The Ed25519 keys of access tokens. One is current; retired ones still verify until the last token signed with them has
 * expired. A process signs with the newest key that it can open: where processes have different secrets, each has a key of
 * its own and all verify the tokens of all, so a lost secret logs nobody out.
 */
export class Keys extends Context.Service<
  Keys,
  {
    /** What to sign with now. */
    readonly current: Effect.Effect<SigningKey>
    /** The public key of that name; one that is not known is looked for in the database, at most once a second. */
    find(kid: string): Effect.Effect<Option.Option<CryptoKey>>
    /** The keys that verify, newest first. */
    readonly published: Effect.Effect<ReadonlyArray<PublicJwk>>
    /** The same as they stand in the database now. */
    readonly list: Effect.Effect<ReadonlyArray<SigningKeyStatus>>
    /** Makes a new current key and retires the others. Nobody is logged out. Other processes hear of it at once. */
    rotate(author: string): Effect.Effect<PublicJwk>
    /** Reads the keys again. */
    readonly reload: Effect.Effect<void, SqlError>
  }
>()("@mall/identity/tokens/Keys") {
  static readonly layerNoDeps = Layer.effect(
    Keys,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const secret = yield* SecretKey
      const clock = yield* Clock.Clock
      const audit = yield* makeAuditRecorder
      const lifetime = yield* accessTokenLifetime
      // a minute for a process that heard late of the rotation and for clocks that differ
      const retention = Duration.sum(lifetime, Duration.minutes(1))

      let state: {
        readonly current: SigningKey | undefined
        readonly published: ReadonlyArray<PublicJwk>
        readonly verifying: ReadonlyMap<string, CryptoKey>
      } = { current: undefined, published: [], verifying: new Map() }

      const select = SqlSchema.findAll({
        Request: Schema.Date,
        Result: KeyRow,
        execute: (retiredAfter) => sql`
          SELECT kid, public_key, sealed_private_key, created_at, created_by, retired_at FROM identity.signing_keys
          WHERE retired_at IS NULL OR retired_at > ${retiredAfter}
          ORDER BY signing_keys.created_at DESC, signing_keys.kid DESC
        `
      })

      const openPrivate = Effect.fnUntraced(function* (row: KeyRow) {
        if (row.retiredAt !== null) return undefined
        const bytes = yield* secret.open(row.sealedPrivateKey, purpose)
        if (Option.isNone(bytes)) return undefined
        const privateKey = yield* Effect.promise(() => importPKCS8(new TextDecoder().decode(bytes.value), "EdDSA"))
        return { kid: row.kid, privateKey }
      })

      const readVerifying = Effect.gen(function* () {
        const now = yield* DateTime.now
        return yield* select(DateTime.toDateUtc(DateTime.subtractDuration(now, retention))).pipe(
          Effect.catchTag("SchemaError", Effect.die)
        )
      })

      const list = readVerifying.pipe(
        Effect.map((rows) =>
          rows.map(({ createdAt, createdBy, kid, retiredAt }) => ({
            kid,
            createdAt,
            createdBy,
            retiredAt,
            verifiesUntil:
              retiredAt === null
                ? null
                : DateTime.toDateUtc(DateTime.addDuration(DateTime.fromDateUnsafe(retiredAt), retention))
          }))
        ),
        Effect.catchTag("SqlError", Effect.die),
        Effect.withSpan("Keys.list")
      )

      const load = Effect.fnUntraced(function* () {
        const rows = yield* readVerifying
        const published = rows.map(({ kid, publicKey }) => jwkOf(kid, publicKey))
        const verifying = new Map<string, CryptoKey>()
        for (const jwk of published) verifying.set(jwk.kid, yield* importPublic(jwk))
        let current: SigningKey | undefined
        for (const row of rows) current ??= yield* openPrivate(row)
        state = { current, published, verifying }
      })

      const insert = Effect.fnUntraced(function* (author: string | null) {
        const now = yield* DateTime.now
        const pair = yield* Effect.promise(() => generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true }))
        const { x } = yield* Effect.promise(() => exportJWK(pair.publicKey))
        if (x === undefined) return yield* Effect.die(new Error("An Ed25519 key without a public part"))
        const kid = yield* Effect.promise(() => calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x }))
        const pkcs8 = yield* Effect.promise(() => exportPKCS8(pair.privateKey))
        const sealed = yield* secret.seal(new TextEncoder().encode(pkcs8), purpose)
        yield* sql`
          INSERT INTO identity.signing_keys (kid, public_key, sealed_private_key, created_at, created_by)
          VALUES (${kid}, ${x}, ${sealed}, ${DateTime.toDateUtc(now)}, ${author})
        `
        return jwkOf(kid, x)
      })

      const lock = sql`SELECT pg_advisory_xact_lock(${lockKey}::bigint)`

      /** Reads the keys; makes one where none of them is ours to sign with. */
      const ensure = Effect.gen(function* () {
        yield* lock
        yield* load()
        if (state.current === undefined) {
          yield* insert(null)
          yield* load()
        }
      }).pipe(sql.withTransaction)

      const reload = Effect.gen(function* () {
        yield* load()
        if (state.current === undefined) yield* ensure
      })

      const rotate = Effect.fn("Keys.rotate")(
        function* (author: string) {
          const jwk = yield* Effect.gen(function* () {
            const now = yield* DateTime.now
            yield* lock
            yield* sql`UPDATE identity.signing_keys SET retired_at = ${DateTime.toDateUtc(now)} WHERE retired_at IS NULL`
            const made = yield* insert(author)
            yield* audit.record({ action: "signing_key.rotate", resource: { type: "signing_key", id: made.kid } })
            return made
          }).pipe(sql.withTransaction)
          yield* load()
          return jwk
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const current = Effect.suspend(() =>
        state.current === undefined
          ? Effect.die(new Error("There is no signing key this process can open"))
          : Effect.succeed(state.current)
      )

      const misses = Semaphore.makeUnsafe(1)
      let lastMissReload = 0
      const reloadAfterMiss = Effect.suspend(() => {
        const now = clock.currentTimeMillisUnsafe()
        if (now - lastMissReload < unknownKeyReloadMillis) return Effect.void
        lastMissReload = now
        return Effect.catchTag(load(), "SqlError", Effect.die)
      })

      const find = Effect.fnUntraced(function* (kid: string) {
        if (!state.verifying.has(kid)) yield* misses.withPermit(reloadAfterMiss)
        return Option.fromUndefinedOr(state.verifying.get(kid))
      })

      yield* Effect.catchTag(ensure, "SqlError", Effect.die)
      return Keys.of({ current, find, published: Effect.sync(() => state.published), list, rotate, reload })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(SecretKey.layer))
}

const jwkOf = (kid: string, x: string): PublicJwk =>
  PublicJwk.make({ kty: "OKP", crv: "Ed25519", x, kid, alg: "EdDSA", use: "sig" })

const importPublic = Effect.fnUntraced(function* (jwk: PublicJwk) {
  const key = yield* Effect.promise(() => importJWK({ ...jwk }, "EdDSA"))
  if (key instanceof Uint8Array) return yield* Effect.die(new Error("A public key cannot be symmetric"))
  return key
})
