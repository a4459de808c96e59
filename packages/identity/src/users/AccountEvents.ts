import { currentTraceId } from "@mall/platform/currentTraceId"
import { AccountEvent } from "@mall/domain/identity/AccountEvent"
import type { AccountEventType } from "@mall/domain/identity/AccountEvent"
import { UserId } from "@mall/domain/identity/CurrentUser"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

const EventId = Uuid7.pipe(Schema.brand("AccountEventId"))
const newId = generator(EventId)
const cursor = cursorOf(Uuid7)

/** Each account's history. A line is written in the transaction of what it tells, and never changed while the account is. */
export class AccountEvents extends Context.Service<
  AccountEvents,
  {
    record(event: {
      readonly userId: UserId
      readonly type: AccountEventType
      /** Who did it; null for the system and the command line. */
      readonly actorId: UserId | null
      readonly reason: string
      /** The role that was given or taken. */
      readonly subject?: string
    }): Effect.Effect<void, SqlError>
    /** Leaves of the lines of a deleted account what was done and when; what people wrote about it goes. */
    eraseReasons(userId: UserId): Effect.Effect<void, SqlError>
    /** Newest first. */
    list(
      userId: UserId,
      page: { readonly limit?: number; readonly after?: string }
    ): Effect.Effect<Page<AccountEvent>, InvalidCursor>
  }
>()("@mall/identity/users/AccountEvents") {
  static readonly layer = Layer.effect(
    AccountEvents,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const record: AccountEvents["Service"]["record"] = Effect.fn("AccountEvents.record")(function* (event) {
        const createdAt = DateTime.toDateUtc(yield* DateTime.now)
        const traceId = yield* currentTraceId
        const row = { subject: null, ...event, id: yield* newId, traceId, createdAt }
        yield* sql`INSERT INTO identity.account_events ${sql.insert(row)}`
      })

      const select = SqlSchema.findAll({
        Request: Schema.Struct({ userId: UserId, before: Schema.UndefinedOr(Uuid7), limit: Schema.Int }),
        Result: AccountEvent,
        execute: ({ userId, before, limit }) => sql`
          SELECT * FROM identity.account_events
          WHERE user_id = ${userId} ${before === undefined ? sql`` : sql`AND account_events.id < ${before}::uuid`}
          ORDER BY account_events.id DESC LIMIT ${limit}
        `
      })

      const list: AccountEvents["Service"]["list"] = Effect.fn("AccountEvents.list")(function* (userId, page) {
        const limit = page.limit ?? defaultLimit
        const before = page.after === undefined ? undefined : yield* cursor.decode(page.after)
        const rows = yield* select({ userId, before, limit: limit + 1 }).pipe(
          Effect.catchTag(["SchemaError", "SqlError"], Effect.die)
        )
        return toPage(rows, limit, ({ id }) => cursor.encode(id))
      })

      return AccountEvents.of({
        record,
        eraseReasons: (userId) =>
          Effect.asVoid(sql`UPDATE identity.account_events SET reason = '' WHERE user_id = ${userId}`),
        list
      })
    })
  )
}
