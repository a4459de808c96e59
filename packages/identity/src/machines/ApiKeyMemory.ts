import { ApiKeyId } from "@mall/domain/identity/ApiKey"
import type { ApiKeyMethod } from "@mall/domain/identity/ApiKey"
import { Principal, SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { Clock, Config, Context, DateTime, Effect, Layer, Option, Semaphore } from "effect"
import type { VerifiedToken } from "../tokens/AccessTokens.ts"
import { SecretKey } from "../tokens/SecretKey.ts"
import { TokenCache } from "../tokens/TokenCache.ts"
import { makeAllows } from "./allowList.ts"
import { ApiKeyRepo } from "./ApiKeyRepo.ts"
import type { ApiKeyRow, SecretRow } from "./ApiKeyRepo.ts"
import { sealPurpose } from "./sealPurpose.ts"

/** Lookups under way at the same time: however many keys somebody makes up, the database is asked for no more at once. */
const maxLookups = 4

const never = new Date(8_640_000_000_000_000)

/** What a request with a key is checked against. */
export interface KnownKey {
  readonly id: ApiKeyId
  readonly method: ApiKeyMethod
  readonly expiresAtMillis: number
  /** The SHA-256 of the key's text, or where it signs the text itself; the newest first. */
  readonly secrets: ReadonlyArray<{ readonly bytes: Uint8Array; readonly endsAtMillis: number }>
  allows(address: string | undefined): boolean
  readonly verified: VerifiedToken
}

/**
 * The API keys that are in use, and made-up ones that are not, in memory: a key that is known costs no statement. What
 * changes is forgotten as `IdentityListener` hears of it; while that is not connected each use asks the database.
 */
export class ApiKeyMemory extends Context.Service<
  ApiKeyMemory,
  {
    /** None where there is no such key, or it was revoked. Expiry is for the caller to look at. */
    find(id: ApiKeyId): Effect.Effect<Option.Option<KnownKey>>
    forget(id: ApiKeyId): void
    forgetAll(): void
    /** Whether every change is being heard of. */
    setConnected(connected: boolean): void
    /** Notes a use, to be written by `flushUses`. */
    used(id: ApiKeyId): void
    /** Writes when keys were used last. What cannot be written is kept for the next time. */
    readonly flushUses: Effect.Effect<void>
  }
>()("@mall/identity/machines/ApiKeyMemory") {
  static readonly layerNoDeps = Layer.effect(
    ApiKeyMemory,
    Effect.gen(function* () {
      const repo = yield* ApiKeyRepo
      const secretKey = yield* SecretKey
      const clock = yield* Clock.Clock
      const capacity = yield* Config.Int("API_KEY_CACHE_SIZE").pipe(Config.withDefault(10_000))
      const lookups = Semaphore.makeUnsafe(maxLookups)

      let known = new TokenCache<Option.Option<KnownKey>>(capacity)
      let connected = false
      // What was read while something changed may be what was before the change: it is used once and not kept.
      let changes = 0
      let uses = new Map<ApiKeyId, Date>()

      const openSecret = Effect.fnUntraced(function* (key: ApiKeyRow, { endsAt, hash, sealed }: SecretRow) {
        const opened = sealed === null ? Option.none() : yield* secretKey.open(sealed, sealPurpose(key.id))
        const bytes = hash ?? Option.getOrUndefined(opened)
        if (bytes === undefined) {
          yield* Effect.logError("The secret of an API key cannot be opened: another MALL_SECRET_KEY sealed it").pipe(
            Effect.annotateLogs({ apiKeyId: key.id })
          )
          return []
        }
        return [{ bytes, endsAtMillis: Number(endsAt ?? never) }]
      })

      const read = Effect.fn("ApiKeyMemory.read")(
        function* (id: ApiKeyId) {
          const key = Option.getOrUndefined(yield* repo.find(id))
          if (key === undefined || key.revokedAt !== null) return Option.none<KnownKey>()
          const rows = (yield* repo.secrets([id], yield* DateTime.nowAsDate)).get(id) ?? []
          const secrets = yield* Effect.forEach(rows, (row) => openSecret(key, row))
          return Option.some(toKnownKey(key, secrets.flat()))
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const load = (id: ApiKeyId) =>
        lookups.withPermit(
          Effect.suspend(() => {
            const before = connected ? known.get(id) : undefined
            if (before !== undefined) return Effect.succeed(before)
            const at = changes
            return Effect.tap(read(id), (found) =>
              Effect.sync(() => {
                if (connected && changes === at) known.set(id, found)
              })
            )
          })
        )

      const find = (id: ApiKeyId) => {
        const before = connected ? known.get(id) : undefined
        return before === undefined ? load(id) : Effect.succeed(before)
      }

      const forgetAll = () => {
        changes++
        known = new TokenCache(capacity)
      }

      const flushUses = Effect.suspend(() => {
        if (uses.size === 0) return Effect.void
        const written = uses
        uses = new Map()
        return Effect.catchTag(repo.noteUses(written), "SqlError", (error) => {
          for (const [id, at] of written) if (!uses.has(id)) uses.set(id, at)
          return Effect.logWarning("When API keys were used could not be written; it is tried again", error)
        })
      }).pipe(Effect.withSpan("ApiKeyMemory.flushUses"))

      return ApiKeyMemory.of({
        find,
        forget: (id) => {
          changes++
          known.delete(id)
        },
        forgetAll,
        setConnected: (value) => {
          connected = value
          if (!value) forgetAll()
        },
        used: (id) => {
          uses.set(id, new Date(clock.currentTimeMillisUnsafe()))
        },
        flushUses
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(SecretKey.layer))
}

const toKnownKey = (key: ApiKeyRow, secrets: KnownKey["secrets"]): KnownKey => ({
  id: key.id,
  method: key.method,
  expiresAtMillis: Number(key.expiresAt ?? never),
  secrets,
  allows: makeAllows(key.allowedNetworks),
  verified: {
    principal: new Principal({
      userId: UserId.make(key.id),
      sessionId: SessionId.make(key.id),
      roles: ["merchant"],
      merchantId: Option.some(key.merchantId),
      expiresAt: key.expiresAt ?? never,
      actor: "api_key",
      held: { mall: [], shop: [...key.scopes] }
    }),
    permissions: new Set(key.scopes)
  }
})
