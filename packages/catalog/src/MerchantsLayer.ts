import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { MerchantCodeTaken } from "@mall/domain/merchants/MerchantError"
import { ListedMerchant, Merchants } from "@mall/domain/merchants/Merchants"
import { Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { jsonText } from "./jsonText.ts"

const cursor = cursorOf(MerchantId)

/** The port by which a merchant comes to be. Needs `SqlClient`. */
export const layer = Layer.effect(
  Merchants,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const select = SqlSchema.findOneOption({
      Request: MerchantId,
      Result: ListedMerchant,
      execute: (id) => sql`SELECT m.* FROM catalog.merchants m WHERE m.id = ${id}`
    })
    const selectPage = SqlSchema.findAll({
      Request: Schema.Struct({ before: Schema.NullOr(MerchantId), limit: Schema.Int }),
      Result: ListedMerchant,
      execute: ({ before, limit }) => sql`
        SELECT m.* FROM catalog.merchants m WHERE ${before}::uuid IS NULL OR m.id < ${before}::uuid
        ORDER BY m.id DESC LIMIT ${limit}`
    })

    return Merchants.of({
      create: Effect.fn("Merchants.create")(
        function* ({ code, createdAt, id, name }) {
          yield* sql`
            INSERT INTO catalog.merchants (id, code, name, created_at)
            VALUES (${id}, ${code}, ${jsonText(name)}::jsonb, ${createdAt}) ON CONFLICT (id) DO NOTHING`
        },
        (effect, { code }) =>
          Effect.catchReason(effect, "SqlError", "UniqueViolation", () =>
            Effect.fail(new MerchantCodeTaken({ merchantCode: code }))
          ),
        Effect.catchTag("SqlError", Effect.die)
      ),
      find: (id) => Effect.orDie(select(id)),
      isTaken: (code) =>
        sql`SELECT FROM catalog.merchants WHERE code = ${code}`.pipe(
          Effect.map((rows) => rows.length > 0),
          Effect.orDie
        ),
      list: Effect.fn("Merchants.list")(function* ({ after, limit = defaultLimit }) {
        const before = after === undefined ? null : yield* cursor.decode(after)
        const rows = yield* Effect.orDie(selectPage({ before, limit: limit + 1 }))
        return toPage(rows, limit, ({ id }) => cursor.encode(id))
      })
    })
  })
)
