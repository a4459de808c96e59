import type { UserId } from "@mall/domain/identity/CurrentUser"
import type { OrderStatus } from "@mall/domain/trade/Order"
import { Context, DateTime, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { sealedOrders } from "./sealedOrder.ts"

/** Goods that are still to be sent, or may still be paid: where they go is needed. */
const needed: ReadonlyArray<OrderStatus> = ["pending_payment", "paid", "shipped", "delivered", "refunding"]

/** After this long it is looked again whether an order still needs its address. */
const pause = Duration.hours(1)

/**
 * Lets go of who a buyer was, once their account is deleted. Orders, amounts and history stay, for the books; of an address
 * stays the place as far as the city, which taxes go by. An order that is not at its end keeps its address until it is.
 */
export class BuyerErasure extends Context.Service<
  BuyerErasure,
  {
    /** Begins; what can go goes at the next `sweep`. */
    begin(userId: UserId): Effect.Effect<void, SqlError>
    /** Looks at up to `limit` buyers that are due, and answers how many those were. */
    sweep(limit: number): Effect.Effect<number, SqlError>
  }
>()("@mall/trade/BuyerErasure") {
  static readonly layer = Layer.effect(
    BuyerErasure,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const begin = Effect.fn("BuyerErasure.begin")(function* (userId: UserId) {
        yield* sql`
          INSERT INTO trade.erased_buyers (user_id, due_at) VALUES (${userId}, ${yield* DateTime.nowAsDate})
          ON CONFLICT ON CONSTRAINT erased_buyers_pkey DO NOTHING`
      })

      const claim = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, limit: Schema.Int }),
        Result: Schema.Struct({ userId: Schema.String }),
        execute: ({ limit, now }) => sql`
          SELECT user_id FROM trade.erased_buyers WHERE due_at <= ${now}
          ORDER BY due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`
      })

      const sweep = Effect.fn("BuyerErasure.sweep")(
        function* (limit: number) {
          const now = yield* DateTime.nowAsDate
          const due = (yield* claim({ now, limit })).map(({ userId }) => userId)
          if (due.length === 0) return 0
          yield* sql`
            DELETE FROM trade.cart_items WHERE cart_id IN (
              SELECT id FROM trade.carts WHERE user_id = ANY (${due}::uuid[])
            )`
          const later = new Date(now.getTime() + Duration.toMillis(pause))
          // before the orders are looked at: one that comes to its end meanwhile is kept by neither, and goes the next time
          yield* sql`
            UPDATE trade.erased_buyers AS b SET due_at = ${later}
            WHERE user_id = ANY (${due}::uuid[]) AND EXISTS (
              SELECT FROM trade.orders AS o WHERE o.user_id = b.user_id AND o.status = ANY (${needed}::text[])
            )`
          yield* sql`
            UPDATE trade.orders
            SET ${sql.literal(sealedOrders.clear.wipe)}, personal_data = NULL, personal_data_key = NULL
            WHERE user_id = ANY (${due}::uuid[]) AND status <> ALL (${needed}::text[])`
          yield* sql`DELETE FROM trade.erased_buyers WHERE user_id = ANY (${due}::uuid[]) AND due_at <= ${now}`
          return due.length
        },
        sql.withTransaction,
        Effect.catchTag("SchemaError", Effect.die)
      )

      return BuyerErasure.of({ begin, sweep })
    })
  )
}
