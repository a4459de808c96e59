import { Uuid7 } from "@mall/domain/kernel/Id"
import { Context, DateTime, Duration, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

/** Longer than any message is tried again. */
const memory = Duration.days(7)
const Id = Schema.Struct({ id: Uuid7 })

/** Which mails were sent, for as long as the message that asks for one may come again. */
export class SentMails extends Context.Service<
  SentMails,
  {
    has(id: string): Effect.Effect<boolean>
    add(id: string): Effect.Effect<void>
    /** Forgets up to `limit` that were sent long ago; answers how many. */
    purge(limit: number): Effect.Effect<number>
  }
>()("@mall/identity/signin/SentMails") {
  static readonly layer = Layer.effect(
    SentMails,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const select = SqlSchema.findOneOption({
        Request: Uuid7,
        Result: Id,
        execute: (id) => sql`SELECT id FROM identity.sent_mails WHERE id = ${id}`
      })
      const remove = SqlSchema.findAll({
        Request: Schema.Struct({ before: Schema.Date, limit: Schema.Int }),
        Result: Id,
        execute: ({ before, limit }) => sql`
          DELETE FROM identity.sent_mails WHERE id IN (
            SELECT id FROM identity.sent_mails WHERE sent_at < ${before} LIMIT ${limit} FOR UPDATE SKIP LOCKED
          ) RETURNING id
        `
      })
      return SentMails.of({
        has: Effect.fn("SentMails.has")((id: string) => Effect.map(select(id), Option.isSome), Effect.orDie),
        add: Effect.fn("SentMails.add")(function* (id: string) {
          const row = { id, sentAt: DateTime.toDateUtc(yield* DateTime.now) }
          yield* sql`INSERT INTO identity.sent_mails ${sql.insert(row)} ON CONFLICT (id) DO NOTHING`
        }, Effect.orDie),
        purge: Effect.fn("SentMails.purge")(function* (limit: number) {
          const before = DateTime.toDateUtc(DateTime.subtractDuration(yield* DateTime.now, memory))
          return (yield* remove({ before, limit })).length
        }, Effect.orDie)
      })
    })
  )
}
