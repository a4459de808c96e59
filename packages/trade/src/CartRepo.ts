import { SkuId } from "@mall/domain/catalog/Catalog"
import { UserId } from "@mall/domain/identity/CurrentUser"
import { CartAdditionId, CartId } from "@mall/domain/trade/Cart"
import { maximumLines, maximumQuantity, OrderId, Quantity } from "@mall/domain/trade/Order"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

const CartLine = Schema.Struct({ skuId: SkuId, quantity: Quantity, addedAt: Schema.Date })
export type CartLine = typeof CartLine.Type

const LineOfCart = Schema.Struct({ cartId: CartId, ...CartLine.fields })

const GuestCart = Schema.Struct({ id: CartId, mergedInto: Schema.NullOr(CartId) })

const Holder = Schema.Struct({ id: CartId })

const idOf = Option.map((holder: typeof Holder.Type) => holder.id)

const dying = <A, E, R>(effect: Effect.Effect<A, E | Schema.SchemaError, R>) =>
  Effect.catchIf(effect, Schema.isSchemaError, Effect.die)

/**
 * Rows of carts. Whoever changes the lines of a cart first locks its row (`lockOfUser`, `lockOfGuest`): what it then reads
 * of the lines stays true until it commits. Lines leave a cart also by being bought, without that lock.
 */
export class CartRepo extends Context.Service<
  CartRepo,
  {
    /** The user's cart, made with `newId` where there is none, locked. */
    lockOfUser(userId: UserId, newId: CartId, at: Date): Effect.Effect<CartId, SqlError>
    /** The cart of a token, locked; also one that was merged. */
    lockOfGuest(tokenHash: Uint8Array, at: Date): Effect.Effect<Option.Option<typeof GuestCart.Type>, SqlError>
    findOfUser(userId: UserId): Effect.Effect<Option.Option<CartId>, SqlError>
    findOfGuest(tokenHash: Uint8Array): Effect.Effect<Option.Option<CartId>, SqlError>
    insertOfGuest(id: CartId, tokenHash: Uint8Array, at: Date): Effect.Effect<void, SqlError>
    /** In the order in which they were added. */
    lines(cartId: CartId): Effect.Effect<ReadonlyArray<CartLine>, SqlError>
    linesOfUser(userId: UserId): Effect.Effect<ReadonlyArray<typeof LineOfCart.Type>, SqlError>
    /**
     * Notes an addition to a locked cart; false where it was noted before. Those noted until `forgottenBefore` go, so that a
     * cart remembers no more than what may still be repeated.
     */
    noteAddition(cartId: CartId, id: CartAdditionId, at: Date, forgottenBefore: Date): Effect.Effect<boolean, SqlError>
    /** Adds to the line as it is by then, or makes it. */
    add(cartId: CartId, skuId: SkuId, quantity: number, at: Date): Effect.Effect<void, SqlError>
    /** True where there was such a line. */
    set(cartId: CartId, skuId: SkuId, quantity: number): Effect.Effect<boolean, SqlError>
    /** True where there was such a line. */
    remove(cartId: CartId, skuId: SkuId): Effect.Effect<boolean, SqlError>
    clear(cartId: CartId): Effect.Effect<void, SqlError>
    /** Moves the lines of one cart into another; of a SKU in both, the sum stays within the maximum. */
    merge(from: CartId, into: CartId, at: Date): Effect.Effect<void, SqlError>
    /** Puts back the lines of canceled orders that came out of a cart, as far as its limits allow. */
    restore(orderIds: ReadonlyArray<OrderId>, at: Date): Effect.Effect<void, SqlError>
    /** Deletes up to `limit` guests' carts that nobody touched since, and answers how many. */
    deleteForsaken(before: Date, limit: number): Effect.Effect<number, SqlError>
  }
>()("@mall/trade/CartRepo") {
  static readonly layer = Layer.effect(
    CartRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const lockOfUser = SqlSchema.findOne({
        Request: Schema.Struct({ userId: UserId, newId: CartId, at: Schema.Date }),
        Result: Holder,
        execute: ({ at, newId, userId }) => sql`
          INSERT INTO trade.carts (id, user_id, created_at, updated_at) VALUES (${newId}, ${userId}, ${at}, ${at})
          ON CONFLICT ON CONSTRAINT carts_user_id_key DO UPDATE SET updated_at = excluded.updated_at
          RETURNING id
        `
      })
      const lockOfGuest = SqlSchema.findOneOption({
        Request: Schema.Struct({ hash: Schema.Uint8Array, at: Schema.Date }),
        Result: GuestCart,
        execute: ({ at, hash }) => sql`
          UPDATE trade.carts SET updated_at = ${at} WHERE token_hash = ${hash} RETURNING id, merged_into
        `
      })
      const findOfUser = SqlSchema.findOneOption({
        Request: UserId,
        Result: Holder,
        execute: (userId) => sql`SELECT id FROM trade.carts WHERE user_id = ${userId}`
      })
      const findOfGuest = SqlSchema.findOneOption({
        Request: Schema.Uint8Array,
        Result: Holder,
        execute: (hash) => sql`SELECT id FROM trade.carts WHERE token_hash = ${hash} AND merged_into IS NULL`
      })
      const lines = SqlSchema.findAll({
        Request: CartId,
        Result: CartLine,
        execute: (cartId) => sql`
          SELECT sku_id, quantity, added_at FROM trade.cart_items WHERE cart_id = ${cartId}
          ORDER BY cart_items.added_at, cart_items.sku_id
        `
      })
      const linesOfUser = SqlSchema.findAll({
        Request: UserId,
        Result: LineOfCart,
        execute: (userId) => sql`
          SELECT item.cart_id, item.sku_id, item.quantity, item.added_at
          FROM trade.carts cart JOIN trade.cart_items item ON item.cart_id = cart.id
          WHERE cart.user_id = ${userId}
          ORDER BY item.added_at, item.sku_id
        `
      })
      const set = SqlSchema.findAll({
        Request: Schema.Struct({ cartId: CartId, skuId: SkuId, quantity: Schema.Int }),
        Result: Schema.Struct({ skuId: SkuId }),
        execute: ({ cartId, quantity, skuId }) => sql`
          UPDATE trade.cart_items SET quantity = ${quantity} WHERE cart_id = ${cartId} AND sku_id = ${skuId}
          RETURNING sku_id
        `
      })
      const remove = SqlSchema.findAll({
        Request: Schema.Struct({ cartId: CartId, skuId: SkuId }),
        Result: Schema.Struct({ skuId: SkuId }),
        execute: ({ cartId, skuId }) => sql`
          DELETE FROM trade.cart_items WHERE cart_id = ${cartId} AND sku_id = ${skuId} RETURNING sku_id
        `
      })
      const noteAddition = SqlSchema.findAll({
        Request: Schema.Struct({ cartId: CartId, id: CartAdditionId, at: Schema.Date, forgottenBefore: Schema.Date }),
        Result: Schema.Struct({ id: CartAdditionId }),
        execute: ({ at, cartId, forgottenBefore, id }) => sql`
          WITH forgotten AS (DELETE FROM trade.cart_additions WHERE cart_id = ${cartId} AND at < ${forgottenBefore})
          INSERT INTO trade.cart_additions (cart_id, id, at) VALUES (${cartId}, ${id}, ${at})
          ON CONFLICT ON CONSTRAINT cart_additions_pkey DO NOTHING
          RETURNING id
        `
      })
      const deleteForsaken = SqlSchema.findAll({
        Request: Schema.Struct({ before: Schema.Date, limit: Schema.Int }),
        Result: Holder,
        execute: ({ before, limit }) => sql`
          DELETE FROM trade.carts WHERE id IN (
            SELECT id FROM trade.carts WHERE user_id IS NULL AND updated_at < ${before}
            ORDER BY updated_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
          )
          RETURNING id
        `
      })
      const lockRestored = (orderIds: ReadonlyArray<OrderId>) => sql`
        SELECT id FROM trade.carts
        WHERE id IN (
          SELECT checkout.cart_id FROM trade.orders JOIN trade.checkouts checkout ON checkout.id = orders.checkout_id
          WHERE orders.id = ANY (${orderIds}::uuid[])
        )
        ORDER BY carts.id
        FOR UPDATE
      `
      // A line that the cart already has only grows; a new one needs room among the maximum of lines.
      const insertRestored = (orderIds: ReadonlyArray<OrderId>, at: Date) => sql`
        INSERT INTO trade.cart_items (cart_id, sku_id, quantity, added_at)
        SELECT cart_id, sku_id, quantity, ${at} FROM (
          SELECT
            bought.cart_id, bought.sku_id, bought.quantity, present.sku_id IS NOT NULL AS is_present,
            (SELECT count(*) FROM trade.cart_items held WHERE held.cart_id = bought.cart_id)
              + row_number() OVER (
                  PARTITION BY bought.cart_id, present.sku_id IS NULL ORDER BY bought.order_id, bought.position
                ) AS place
          FROM (
            SELECT
              checkout.cart_id, line.sku_id, least(sum(line.quantity), ${maximumQuantity}) AS quantity,
              min(line.order_id::text) AS order_id, min(line.position) AS position
            FROM trade.orders
            JOIN trade.checkouts checkout ON checkout.id = orders.checkout_id
            JOIN trade.order_lines line ON line.order_id = orders.id
            WHERE orders.id = ANY (${orderIds}::uuid[]) AND checkout.cart_id IS NOT NULL
            GROUP BY checkout.cart_id, line.sku_id
          ) bought
          LEFT JOIN trade.cart_items present ON present.cart_id = bought.cart_id AND present.sku_id = bought.sku_id
        ) candidate
        WHERE is_present OR place <= ${maximumLines}
        ORDER BY cart_id, sku_id
        ON CONFLICT ON CONSTRAINT cart_items_pkey DO UPDATE
          SET quantity = least(cart_items.quantity + excluded.quantity, ${maximumQuantity})
      `
      const merge = (from: CartId, into: CartId, at: Date) => sql`
        WITH moved AS (
          DELETE FROM trade.cart_items WHERE cart_id = ${from} RETURNING sku_id, quantity, added_at
        ),
        closed AS (
          UPDATE trade.carts SET merged_into = ${into}, updated_at = ${at} WHERE id = ${from}
        )
        INSERT INTO trade.cart_items (cart_id, sku_id, quantity, added_at)
        SELECT ${into}::uuid, sku_id, quantity, added_at FROM moved ORDER BY sku_id
        ON CONFLICT ON CONSTRAINT cart_items_pkey DO UPDATE
          SET quantity = least(cart_items.quantity + excluded.quantity, ${maximumQuantity})
      `

      return CartRepo.of({
        lockOfUser: (userId, newId, at) =>
          lockOfUser({ userId, newId, at }).pipe(
            Effect.map(({ id }) => id),
            Effect.catchTag("NoSuchElementError", Effect.die),
            dying
          ),
        lockOfGuest: (hash, at) => dying(lockOfGuest({ hash, at })),
        findOfUser: (userId) => dying(Effect.map(findOfUser(userId), idOf)),
        findOfGuest: (hash) => dying(Effect.map(findOfGuest(hash), idOf)),
        insertOfGuest: (id, hash, at) =>
          Effect.asVoid(sql`
            INSERT INTO trade.carts (id, token_hash, created_at, updated_at) VALUES (${id}, ${hash}, ${at}, ${at})
          `),
        lines: (cartId) => dying(lines(cartId)),
        linesOfUser: (userId) => dying(linesOfUser(userId)),
        set: (cartId, skuId, quantity) =>
          dying(Effect.map(set({ cartId, skuId, quantity }), (rows) => rows.length > 0)),
        add: (cartId, skuId, quantity, at) =>
          Effect.asVoid(sql`
            INSERT INTO trade.cart_items (cart_id, sku_id, quantity, added_at)
            VALUES (${cartId}, ${skuId}, ${quantity}, ${at})
            ON CONFLICT ON CONSTRAINT cart_items_pkey DO UPDATE SET quantity = cart_items.quantity + excluded.quantity
          `),
        noteAddition: (cartId, id, at, forgottenBefore) =>
          dying(Effect.map(noteAddition({ cartId, id, at, forgottenBefore }), (rows) => rows.length > 0)),
        remove: (cartId, skuId) => dying(Effect.map(remove({ cartId, skuId }), (rows) => rows.length > 0)),
        clear: (cartId) => Effect.asVoid(sql`DELETE FROM trade.cart_items WHERE cart_id = ${cartId}`),
        merge: (from, into, at) => Effect.asVoid(merge(from, into, at)),
        restore: (orderIds, at) => Effect.andThen(lockRestored(orderIds), Effect.asVoid(insertRestored(orderIds, at))),
        deleteForsaken: (before, limit) => dying(Effect.map(deleteForsaken({ before, limit }), (rows) => rows.length))
      })
    })
  )
}
