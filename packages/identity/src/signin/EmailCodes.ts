import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import type { EmailCode, EmailCodePurpose } from "@mall/domain/identity/SignIn"
import type { EmailCodeRequest } from "@mall/domain/identity/SignInRequests"
import { signInMail } from "@mall/domain/identity/SignInTopics"
import type { Email } from "@mall/domain/identity/User"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { Outbox } from "@mall/platform/Outbox"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Config, Context, DateTime, Duration, Effect, Layer, Option, Redacted, Schema } from "effect"
import { Mac, SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import { SqlClient, SqlSchema } from "effect/sql"
import { SecretKey } from "../tokens/SecretKey.ts"
import { sealCodeLetter } from "./codeLetter.ts"

const newId = generator(Uuid7.pipe(Schema.brand("EmailCodeId")))

/** What a code is good for: who has it for one is as far as before for every other. */
export interface CodeUse {
  readonly email: Email
  readonly purpose: EmailCodePurpose
  readonly deviceId: string | null
}

const Id = Schema.Struct({ id: Uuid7 })
const Sendings = Schema.Struct({ recent: Schema.Int, hourly: Schema.Int })

/**
 * Codes sent by mail: six random digits, good for one use, a short time and a few tries. To ask for one costs the same work
 * whoever is meant: the code is made and stored for an email that nobody has, too, and whether there is somebody to write
 * to is found out afterwards, by the handler of the mail. In the database there are only keyed hashes of the code and the
 * email, and in the message to the mail's handler both of them sealed.
 */
export class EmailCodes extends Context.Service<
  EmailCodes,
  {
    /** Too soon after the last one, nothing is sent and nothing said: the earlier code is still good. */
    request(request: EmailCodeRequest): Effect.Effect<void>
    /** Whether it is the newest code for this use and still good; then it is spent. A wrong one costs a try. */
    redeem(use: CodeUse, code: EmailCode): Effect.Effect<boolean>
    /** Deletes up to `limit` codes that ran out; answers how many. */
    purge(limit: number): Effect.Effect<number>
  }
>()("@mall/identity/signin/EmailCodes") {
  static readonly layerNoDeps = Layer.effect(
    EmailCodes,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const secret = yield* SecretKey
      const random = yield* SecureRandom.SecureRandom
      const outbox = yield* Outbox
      const settings = yield* Config.all({
        lifetime: Config.Duration("EMAIL_CODE_LIFETIME").pipe(Config.withDefault(Duration.minutes(10))),
        tries: Config.Int("EMAIL_CODE_TRIES").pipe(Config.withDefault(5)),
        interval: Config.Duration("EMAIL_CODE_INTERVAL").pipe(Config.withDefault(Duration.minutes(1))),
        hourly: Config.Int("EMAIL_CODE_HOURLY").pipe(Config.withDefault(10))
      })

      const keyOf = ({ deviceId, email, purpose }: CodeUse) =>
        secret.mac(JSON.stringify([purpose, email, purpose === "login" ? deviceId : null]), "email_codes.key")
      const emailKeyOf = (email: Email) => secret.mac(email, "email_codes.email")
      const hashOf = (key: Uint8Array, code: string) =>
        secret.mac(`${Base64Url.encode(key)} ${code}`, "email_codes.code")

      const countSendings = SqlSchema.findOne({
        Request: Schema.Struct({ emailKey: Schema.Uint8Array, since: Schema.Date, anHourAgo: Schema.Date }),
        Result: Sendings,
        execute: ({ anHourAgo, emailKey, since }) => sql`
          SELECT count(*) FILTER (WHERE sent_at > ${since})::int AS recent, count(*)::int AS hourly
          FROM identity.email_codes WHERE email_key = ${emailKey} AND sent_at > ${anHourAgo}
        `
      })

      const request = Effect.fn("EmailCodes.request")(
        function* ({ email, purpose, ...request }: EmailCodeRequest) {
          const { deviceId = null, locale = null } = request
          const now = yield* DateTime.now
          const emailKey = yield* emailKeyOf(email)
          const key = yield* keyOf({ deviceId, email, purpose })
          // two requests at once would each see none sent
          yield* sql`SELECT pg_advisory_xact_lock(hashtextextended(encode(${emailKey}, 'hex'), 0))`
          const sent = yield* countSendings({
            emailKey,
            since: DateTime.toDateUtc(DateTime.subtractDuration(now, settings.interval)),
            anHourAgo: DateTime.toDateUtc(DateTime.subtractDuration(now, Duration.hours(1)))
          })
          if (sent.recent > 0 || sent.hourly >= settings.hourly) return
          const id = yield* newId
          const code = String(yield* random.intBetween(0, 1_000_000, { halfOpen: true })).padStart(6, "0")
          const codeHash = yield* hashOf(key, code)
          const expiresAt = DateTime.toDateUtc(DateTime.addDuration(now, settings.lifetime))
          const row = { id, key, emailKey, codeHash, tries: 0, sentAt: DateTime.toDateUtc(now), expiresAt }
          yield* sql`INSERT INTO identity.email_codes ${sql.insert(row)}`
          const letter = yield* sealCodeLetter(secret, id, { email, code })
          yield* outbox.publish(signInMail, { _tag: "Code", id, letter, purpose, locale, expiresAt })
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag(["SqlError", "SchemaError", "NoSuchElementError"], Effect.die)
      )

      const takeTry = SqlSchema.findOneOption({
        Request: Schema.Struct({ key: Schema.Uint8Array, now: Schema.Date }),
        Result: Schema.Struct({ id: Uuid7, codeHash: Schema.Uint8Array }),
        execute: ({ key, now }) => sql`
          UPDATE identity.email_codes SET tries = tries + 1
          WHERE id = (
            SELECT newest.id FROM identity.email_codes AS newest WHERE newest.key = ${key}
            ORDER BY newest.sent_at DESC, newest.id DESC LIMIT 1
          ) AND used_at IS NULL AND expires_at > ${now} AND tries < ${settings.tries}
          RETURNING id, code_hash
        `
      })
      const spend = SqlSchema.findOneOption({
        Request: Schema.Struct({ id: Uuid7, now: Schema.Date }),
        Result: Id,
        execute: ({ id, now }) => sql`
          UPDATE identity.email_codes SET used_at = ${now} WHERE id = ${id} AND used_at IS NULL RETURNING id
        `
      })

      const redeem = Effect.fn("EmailCodes.redeem")(function* (use: CodeUse, code: EmailCode) {
        const now = DateTime.toDateUtc(yield* DateTime.now)
        const key = yield* keyOf(use)
        const hash = yield* hashOf(key, Redacted.value(code))
        // a try is taken before it is looked at: guesses sent at once are as many tries
        const taken = yield* takeTry({ key, now })
        if (Option.isNone(taken) || !Mac.timingSafeEqual(taken.value.codeHash, hash)) return false
        return Option.isSome(yield* spend({ id: taken.value.id, now }))
      }, Effect.orDie)

      const remove = SqlSchema.findAll({
        Request: Schema.Struct({ before: Schema.Date, limit: Schema.Int }),
        Result: Id,
        execute: ({ before, limit }) => sql`
          DELETE FROM identity.email_codes WHERE id IN (
            SELECT id FROM identity.email_codes WHERE expires_at < ${before} LIMIT ${limit} FOR UPDATE SKIP LOCKED
          ) RETURNING id
        `
      })
      const purge = Effect.fn("EmailCodes.purge")(function* (limit: number) {
        // those of the last hour are still counted
        const before = DateTime.toDateUtc(DateTime.subtractDuration(yield* DateTime.now, Duration.hours(1)))
        return (yield* remove({ before, limit })).length
      }, Effect.orDie)

      return EmailCodes.of({ request, redeem, purge })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(
    Layer.provide([NodeCrypto.layerSecureRandom, SecretKey.layer, Outbox.layer])
  )
}
