import type { Email } from "@mall/domain/identity/User"
import { RateLimited } from "@mall/domain/kernel/EdgeError"
import { Config, Context, DateTime, Duration, Effect, Layer, Option, Schema } from "effect"
import { Hex } from "effect/encoding"
import { SqlClient, SqlSchema } from "effect/sql"
import type { Fragment } from "effect/sql/Statement"
import { SecretKey } from "../tokens/SecretKey.ts"
import { networkOf } from "./networkOf.ts"

/** One attempt at an account. `device` is the key of a device that the owner signed in on before (`KnownDevices`). */
export interface Attempt {
  readonly email: Email
  readonly ip: string | null
  readonly device: string | null
}

/**
 * Slows down the guessing of passwords, over all processes. Failures are counted per account and per network; from the
 * allowed number on, each further one locks for twice as long. While it is locked even the right password is refused, so
 * that a guesser learns nothing.
 *
 * An attempt at an account is counted before its password is checked and taken back if it was right: a thousand guesses sent
 * at once are a thousand guesses. The network's failures are counted afterwards, so that many people behind one
 * address who sign in at once do not lock each other out.
 *
 * A device that the owner signed in on before has a counter of its own and heeds no other: a stranger who guesses at the
 * account, or from the same network, does not lock the owner out there. What a thief gains by naming such a device is its
 * own few guesses, and its name is as good as random.
 */
export class LoginThrottle extends Context.Service<
  LoginThrottle,
  {
    begin(attempt: Attempt): Effect.Effect<void, RateLimited>
    /** Everything was right: the counter starts afresh. */
    succeed(attempt: Attempt): Effect.Effect<void>
    fail(attempt: Attempt): Effect.Effect<void>
    /** The attempt was not decided, for want of capacity or of a further proof: it does not count. */
    abandon(attempt: Attempt): Effect.Effect<void>
    /** Deletes up to `limit` counters that have run out; answers how many. */
    purge(limit: number): Effect.Effect<number>
  }
>()("@mall/identity/signin/LoginThrottle") {
  static readonly layerNoDeps = Layer.effect(
    LoginThrottle,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const secret = yield* SecretKey
      const settings = yield* Config.all({
        account: Config.Int("LOGIN_ACCOUNT_ATTEMPTS").pipe(Config.withDefault(5)),
        network: Config.Int("LOGIN_NETWORK_FAILURES").pipe(Config.withDefault(100)),
        window: Config.Duration("LOGIN_WINDOW").pipe(Config.withDefault(Duration.hours(24))),
        lock: Config.Duration("LOGIN_LOCK").pipe(Config.withDefault(Duration.minutes(1))),
        maxLock: Config.Duration("LOGIN_LOCK_MAX").pipe(Config.withDefault(Duration.hours(1)))
      })

      const accountKey = ({ device, email }: Attempt) =>
        device === null
          ? Effect.map(secret.mac(email, "login_throttles.key"), (mac) => `account:${Hex.encode(mac)}`)
          : Effect.succeed(`device:${device}`)
      const networkKey = (ip: string) => `ip:${networkOf(ip)}`
      const now = Effect.map(DateTime.now, DateTime.toDateUtc)

      const Key = Schema.Struct({ key: Schema.String })

      /** Counts one more; none where the key is locked, which leaves it as it is. */
      const countUp = SqlSchema.findOneOption({
        Request: Schema.Struct({ key: Schema.String, limit: Schema.Int, now: Schema.Date }),
        Result: Key,
        execute: ({ key, limit, now }) => {
          const lockAfter = (failures: Fragment) => sql`
            CASE WHEN ${failures} >= ${limit}::int THEN ${now}::timestamptz + interval '1 millisecond' * LEAST(
              ${Duration.toMillis(settings.maxLock)}::float8,
              ${Duration.toMillis(settings.lock)}::float8 * power(2, LEAST(${failures} - ${limit}::int, 30))
            ) END
          `
          const windowEnd = sql`${now}::timestamptz + interval '1 millisecond' * ${Duration.toMillis(settings.window)}::float8`
          const failures = sql`CASE WHEN t.window_ends_at <= ${now}::timestamptz THEN 1 ELSE t.failures + 1 END`
          return sql`
            INSERT INTO identity.login_throttles AS t (key, failures, window_ends_at, locked_until)
            VALUES (${key}, 1, ${windowEnd}, ${lockAfter(sql`1`)})
            ON CONFLICT (key) DO UPDATE SET
              failures = ${failures},
              window_ends_at = CASE WHEN t.window_ends_at <= ${now}::timestamptz THEN ${windowEnd} ELSE t.window_ends_at END,
              locked_until = ${lockAfter(sql`(${failures})`)}
            WHERE t.locked_until IS NULL OR t.locked_until <= ${now}::timestamptz
            RETURNING key
          `
        }
      })

      const selectLock = SqlSchema.findOneOption({
        Request: Schema.Struct({ keys: Schema.Array(Schema.String), now: Schema.Date }),
        Result: Schema.Struct({ lockedUntil: Schema.Date }),
        execute: ({ keys, now }) => sql`
          SELECT locked_until FROM identity.login_throttles
          WHERE ${sql.in("key", keys)} AND locked_until > ${now}
          ORDER BY login_throttles.locked_until DESC LIMIT 1
        `
      })

      const failIfLocked = Effect.fnUntraced(function* (keys: ReadonlyArray<string>, now: Date) {
        const lock = yield* selectLock({ keys, now })
        if (Option.isNone(lock)) return
        const millis = lock.value.lockedUntil.getTime() - now.getTime()
        return yield* new RateLimited({ retryAfterSeconds: Math.max(1, Math.ceil(millis / 1000)) })
      })

      const begin = Effect.fn("LoginThrottle.begin")(
        function* (attempt: Attempt) {
          const { device, ip } = attempt
          const account = yield* accountKey(attempt)
          const at = yield* now
          yield* failIfLocked(ip === null || device !== null ? [account] : [account, networkKey(ip)], at)
          const counted = yield* countUp({ key: account, limit: settings.account, now: at })
          if (Option.isSome(counted)) return
          // another attempt locked it between the two statements
          yield* failIfLocked([account], at)
          return yield* new RateLimited({ retryAfterSeconds: 1 })
        },
        Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
      )

      const succeed = Effect.fn("LoginThrottle.succeed")(function* (attempt: Attempt) {
        const account = yield* accountKey(attempt)
        yield* sql`DELETE FROM identity.login_throttles WHERE key = ${account}`
      }, Effect.orDie)

      const fail = Effect.fn("LoginThrottle.fail")(function* ({ device, ip }: Attempt) {
        if (ip === null || device !== null) return
        yield* countUp({ key: networkKey(ip), limit: settings.network, now: yield* now })
      }, Effect.orDie)

      const abandon = Effect.fn("LoginThrottle.abandon")(function* (attempt: Attempt) {
        const account = yield* accountKey(attempt)
        yield* sql`
          UPDATE identity.login_throttles SET failures = failures - 1, locked_until = NULL
          WHERE key = ${account} AND failures > 0
        `
      }, Effect.orDie)

      const remove = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, limit: Schema.Int }),
        Result: Key,
        execute: ({ now, limit }) => sql`
          DELETE FROM identity.login_throttles WHERE key IN (
            SELECT key FROM identity.login_throttles
            WHERE window_ends_at < ${now} AND (locked_until IS NULL OR locked_until < ${now})
            LIMIT ${limit} FOR UPDATE SKIP LOCKED
          ) RETURNING key
        `
      })
      const purge = Effect.fn("LoginThrottle.purge")(function* (limit: number) {
        return (yield* remove({ now: yield* now, limit })).length
      }, Effect.orDie)

      return LoginThrottle.of({ begin, succeed, fail, abandon, purge })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(SecretKey.layer))
}
