import { UserId } from "@mall/domain/identity/CurrentUser"
import type { LoginOutcome } from "@mall/domain/identity/SignIn"
import { LoginRecord } from "@mall/domain/identity/SignIn"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { nothingSealed, sealedFields, sealRow } from "@mall/platform/sealing/PersonalDataTable"
import type { PersonalDataTable } from "@mall/platform/sealing/PersonalDataTable"
import { openParts, sealedParts } from "@mall/platform/sealing/sealedParts"
import { Config, Context, DateTime, Duration, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { networkOf } from "./networkOf.ts"
import type { Origin } from "./Origin.ts"

const newId = generator(Uuid7.pipe(Schema.brand("LoginRecordId")))
const cursor = cursorOf(Uuid7)

export interface LoginAttempt {
  /** None where nobody has the email that was tried. */
  readonly userId: UserId | null
  readonly origin: Origin
  readonly country: string | null
  readonly deviceId: string | null
}

/** Where the user signed in: whether ever (as far as it is known where), whether in this country, and where last. */
const Places = Schema.Struct({
  anywhere: Schema.Boolean,
  here: Schema.Boolean,
  lastCountry: Schema.NullOr(Schema.String),
  lastAt: Schema.NullOr(Schema.Date)
})
export type Places = typeof Places.Type

const nowhere = { network: null, deviceId: null, userAgent: null }

/** Rows of before have the network sealed alone. Of IPv4 it is the whole address. */
const traces = sealedParts<{ readonly [Part in keyof typeof nowhere]: string | null }>(nowhere, "network")

export const sealedLogins: PersonalDataTable = {
  name: "identity.logins",
  clear: {
    text: "json_build_object('network', network, 'deviceId', device_id, 'userAgent', user_agent)::text",
    wipe: "network = NULL, device_id = NULL, user_agent = NULL",
    where: "num_nonnulls(network, device_id, user_agent) > 0",
    merge: traces.merge
  }
}

const SealedRecord = Schema.Struct({ ...LoginRecord.fields, ...sealedFields })

/** The history of sign-ins, for their owners and for deciding whether one is unusual. Kept `LOGIN_HISTORY_RETENTION`. */
export class LoginRecords extends Context.Service<
  LoginRecords,
  {
    /** Joins the transaction it runs in. */
    record(attempt: LoginAttempt, outcome: LoginOutcome): Effect.Effect<void, SqlError>
    placesOf(userId: UserId, country: string): Effect.Effect<Places>
    /** Whether a code was asked for in that country in the last day: then the owner was told. */
    wasAsked(userId: UserId, country: string): Effect.Effect<boolean>
    /** Newest first. */
    list(
      userId: UserId,
      page: { readonly limit?: number; readonly after?: string }
    ): Effect.Effect<Page<LoginRecord>, InvalidCursor>
    /** Deletes up to `limit` that are older than the retention; answers how many. */
    purge(limit: number): Effect.Effect<number>
  }
>()("@mall/identity/signin/LoginRecords") {
  static readonly layerNoDeps = Layer.effect(
    LoginRecords,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const keys = yield* PersonalDataKeys
      const retention = yield* Config.Duration("LOGIN_HISTORY_RETENTION").pipe(Config.withDefault(Duration.days(180)))
      const before = (duration: Duration.Input) =>
        Effect.map(DateTime.now, (now) => DateTime.toDateUtc(DateTime.subtractDuration(now, duration)))

      const record = Effect.fn("LoginRecords.record")(function* (
        { country, deviceId, origin, userId }: LoginAttempt,
        outcome: LoginOutcome
      ) {
        const id = yield* newId
        const { ip, userAgent } = origin
        const isTraced = ip !== null || deviceId !== null || userAgent !== null
        const trace = traces.text({ network: ip === null ? null : networkOf(ip), deviceId, userAgent })
        const row = {
          ...{ id, userId, outcome, country },
          ...(isTraced ? sealRow(keys, sealedLogins, id, trace) : nothingSealed),
          traceId: yield* currentTraceId,
          createdAt: DateTime.toDateUtc(yield* DateTime.now)
        }
        yield* sql`INSERT INTO identity.logins ${sql.insert(row)}`
      })

      const selectPlaces = SqlSchema.findOne({
        Request: Schema.Struct({ userId: UserId, country: Schema.String }),
        Result: Places,
        execute: ({ country, userId }) => sql`
          WITH known AS (
            SELECT id, country, created_at FROM identity.logins
            WHERE user_id = ${userId} AND outcome = 'succeeded' AND country IS NOT NULL
          ), newest AS (SELECT country, created_at FROM known ORDER BY known.id DESC LIMIT 1)
          SELECT
            EXISTS (SELECT FROM known) AS anywhere,
            EXISTS (SELECT FROM known WHERE country = ${country}) AS here,
            (SELECT country FROM newest) AS last_country,
            (SELECT created_at FROM newest) AS last_at
        `
      })
      const placesOf = Effect.fn("LoginRecords.placesOf")(
        (userId: UserId, country: string) => selectPlaces({ userId, country }),
        Effect.orDie
      )

      const selectAsked = SqlSchema.findOneOption({
        Request: Schema.Struct({ userId: UserId, country: Schema.String, since: Schema.Date }),
        Result: Schema.Struct({ id: Uuid7 }),
        execute: ({ country, since, userId }) => sql`
          SELECT id FROM identity.logins WHERE user_id = ${userId} AND country = ${country}
            AND outcome = 'code_required' AND created_at > ${since} LIMIT 1
        `
      })
      const wasAsked = Effect.fn("LoginRecords.wasAsked")(function* (userId: UserId, country: string) {
        return Option.isSome(yield* selectAsked({ userId, country, since: yield* before("1 day") }))
      }, Effect.orDie)

      const select = SqlSchema.findAll({
        Request: Schema.Struct({ userId: UserId, before: Schema.UndefinedOr(Uuid7), limit: Schema.Int }),
        Result: SealedRecord,
        execute: ({ before, limit, userId }) => sql`
          SELECT * FROM identity.logins
          WHERE user_id = ${userId} ${before === undefined ? sql`` : sql`AND logins.id < ${before}::uuid`}
          ORDER BY logins.id DESC LIMIT ${limit}
        `
      })
      const openTrace = ({ personalData, personalDataKey, ...row }: typeof SealedRecord.Type) =>
        Effect.map(
          openParts(keys, sealedLogins, traces, { id: row.id, personalData, personalDataKey }, row),
          (trace) => ({
            ...row,
            ...trace
          })
        )
      const list: LoginRecords["Service"]["list"] = Effect.fn("LoginRecords.list")(function* (userId, page) {
        const limit = page.limit ?? defaultLimit
        const before = page.after === undefined ? undefined : yield* cursor.decode(page.after)
        const rows = yield* select({ userId, before, limit: limit + 1 }).pipe(
          Effect.flatMap(Effect.forEach(openTrace)),
          Effect.catchTag(["SchemaError", "SqlError"], Effect.die)
        )
        return toPage(rows, limit, ({ id }) => cursor.encode(id))
      })

      const remove = SqlSchema.findAll({
        Request: Schema.Struct({ before: Schema.Date, limit: Schema.Int }),
        Result: Schema.Struct({ id: Uuid7 }),
        execute: ({ before, limit }) => sql`
          DELETE FROM identity.logins WHERE id IN (
            SELECT id FROM identity.logins WHERE created_at < ${before} LIMIT ${limit} FOR UPDATE SKIP LOCKED
          ) RETURNING id
        `
      })
      const purge = Effect.fn("LoginRecords.purge")(function* (limit: number) {
        return (yield* remove({ before: yield* before(retention), limit })).length
      }, Effect.orDie)

      return LoginRecords.of({ record, placesOf, wasAsked, list, purge })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(PersonalDataKeys.layer))
}
