import { UserId } from "@mall/domain/identity/CurrentUser"
import type { Email } from "@mall/domain/identity/User"
import { Config, Context, DateTime, Duration, Effect, Layer, Option, Schema } from "effect"
import { Base64Url } from "effect/encoding"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { SecretKey } from "../tokens/SecretKey.ts"

/** A shorter name may be somebody else's guess (`web`, `iPhone`). */
const shortestName = 16

export interface KnownDevice {
  /** Names the device in other tables, and tells nothing. */
  readonly key: string
  /** No code by mail is asked for there. */
  readonly isTrusted: boolean
}

/** Where the owner of an account signed in before, by the name the client gives the device. */
export class KnownDevices extends Context.Service<
  KnownDevices,
  {
    find(email: Email, deviceId: string | null): Effect.Effect<Option.Option<KnownDevice>>
    /** The owner signed in there; `trusts`: with more than the password, so that for a while no code is asked for. */
    remember(device: {
      readonly userId: UserId
      readonly email: Email
      readonly deviceId: string | null
      readonly trusts: boolean
    }): Effect.Effect<void, SqlError>
    forgetAll(userId: UserId): Effect.Effect<void, SqlError>
    /** Deletes up to `limit` that were not used for long; answers how many. */
    purge(limit: number): Effect.Effect<number>
  }
>()("@mall/identity/signin/KnownDevices") {
  static readonly layerNoDeps = Layer.effect(
    KnownDevices,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const secret = yield* SecretKey
      const lifetime = yield* Config.Duration("TRUSTED_DEVICE_LIFETIME").pipe(Config.withDefault(Duration.days(30)))
      const keyOf = (email: Email, deviceId: string) =>
        secret.mac(JSON.stringify([email, deviceId]), "known_devices.key")
      const now = Effect.map(DateTime.now, DateTime.toDateUtc)
      const Key = Schema.Struct({ key: Schema.Uint8Array })

      const select = SqlSchema.findOneOption({
        Request: Schema.Struct({ key: Schema.Uint8Array, now: Schema.Date }),
        Result: Schema.Struct({ isTrusted: Schema.Boolean }),
        execute: ({ key, now }) => sql`
          SELECT coalesce(trusted_until > ${now}, false) AS is_trusted FROM identity.known_devices
          WHERE key = ${key} AND expires_at > ${now}
        `
      })
      const find = Effect.fn("KnownDevices.find")(function* (email: Email, deviceId: string | null) {
        if (deviceId === null || deviceId.length < shortestName) return Option.none()
        const key = yield* keyOf(email, deviceId)
        const found = yield* select({ key, now: yield* now })
        return Option.map(found, ({ isTrusted }): KnownDevice => ({ key: Base64Url.encode(key), isTrusted }))
      }, Effect.orDie)

      const remember: KnownDevices["Service"]["remember"] = Effect.fn("KnownDevices.remember")(function* (device) {
        const { deviceId, email, trusts, userId } = device
        if (deviceId === null || deviceId.length < shortestName) return
        const lastUsedAt = yield* now
        const expiresAt = new Date(lastUsedAt.getTime() + Duration.toMillis(lifetime))
        const row = { key: yield* keyOf(email, deviceId), userId, lastUsedAt, expiresAt }
        yield* sql`
          INSERT INTO identity.known_devices AS d ${sql.insert({ ...row, trustedUntil: trusts ? expiresAt : null })}
          ON CONFLICT (key) DO UPDATE SET
            user_id = excluded.user_id, last_used_at = excluded.last_used_at, expires_at = excluded.expires_at,
            trusted_until = CASE
              WHEN excluded.trusted_until IS NOT NULL THEN excluded.trusted_until
              WHEN d.user_id = excluded.user_id THEN d.trusted_until
            END
        `
      })

      const forgetAll = Effect.fn("KnownDevices.forgetAll")(
        (userId: UserId) => sql`DELETE FROM identity.known_devices WHERE user_id = ${userId}`,
        Effect.asVoid
      )

      const remove = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, limit: Schema.Int }),
        Result: Key,
        execute: ({ limit, now }) => sql`
          DELETE FROM identity.known_devices WHERE key IN (
            SELECT key FROM identity.known_devices WHERE expires_at < ${now} LIMIT ${limit} FOR UPDATE SKIP LOCKED
          ) RETURNING key
        `
      })
      const purge = Effect.fn("KnownDevices.purge")(function* (limit: number) {
        return (yield* remove({ now: yield* now, limit })).length
      }, Effect.orDie)

      return KnownDevices.of({ find, remember, forgetAll, purge })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(SecretKey.layer))
}
