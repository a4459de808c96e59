import { SkuId } from "@mall/domain/catalog/Catalog"
import { orderPlaced, orderTimeout } from "@mall/domain/trade/OrderTopics"
import * as OutboxTable from "@mall/platform/OutboxTable"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SealedDraft } from "./sealedOrder.ts"

const checkoutRow = (draft: SealedDraft) => ({
  id: draft.id,
  user_id: draft.userId,
  payment_id: draft.paymentId,
  currency: draft.total.currency,
  total: draft.total.amount,
  cart_id: draft.cartId,
  placed_at: draft.placedAt,
  expires_at: draft.expiresAt,
  address: draft.place,
  actor_kind: draft.actor.kind,
  actor_id: draft.actor.id,
  trace_id: draft.traceId
})

const orderRows = (draft: SealedDraft) =>
  draft.orders.map(({ id, merchantId, sealed, total }) => ({
    id,
    checkout_id: draft.id,
    merchant_id: merchantId,
    total: total.amount,
    personal_data: sealed.hex,
    personal_data_key: sealed.keyId
  }))

const lineRows = (draft: SealedDraft) =>
  draft.orders.flatMap((order) =>
    order.lines.map((line, position) => ({
      order_id: order.id,
      checkout_id: draft.id,
      sku_id: line.skuId,
      product_id: line.productId,
      position,
      quantity: line.quantity,
      unit_price: line.unitPrice.amount,
      title: line.title,
      options: line.options,
      image_url: line.imageUrl
    }))
  )

/** Ids of one kind have one length and lower-case digits, so the order of their text is the order of PostgreSQL's `uuid`. */
const sortedById = (drafts: ReadonlyArray<SealedDraft>) => drafts.toSorted((a, b) => (a.id < b.id ? -1 : 1))

const Messages = Schema.Struct({ ids: Schema.Array(Schema.String), elements: Schema.Array(Schema.String) })

const Documents = Schema.Struct({
  checkouts: Schema.String,
  orders: Schema.String,
  lines: Schema.String,
  skuIds: Schema.Array(Schema.String),
  timeouts: Schema.Struct({ ...Messages.fields, delays: Schema.Array(Schema.String) }),
  news: Messages
})

const Verdict = Schema.Struct({ fits: Schema.Boolean, skuId: SkuId, available: Schema.Int })

const timeoutsOf = Effect.fnUntraced(function* (drafts: ReadonlyArray<SealedDraft>) {
  const messages = drafts.map(({ id }) => ({ checkoutId: id }))
  const { elements, ids } = yield* OutboxTable.encode(orderTimeout, messages)
  const delays = drafts.map(({ expiresAt, placedAt }) => String(Math.ceil((+expiresAt - +placedAt) / 1000)))
  return { ids, elements, delays }
})

const newsOf = Effect.fnUntraced(function* (drafts: ReadonlyArray<SealedDraft>) {
  if (orderPlaced.subscribers.length === 0) return { ids: [], elements: [] }
  const messages = drafts.flatMap((draft) =>
    draft.orders.map((order) => ({
      orderId: order.id,
      checkoutId: draft.id,
      paymentId: draft.paymentId,
      userId: draft.userId,
      merchantId: order.merchantId,
      total: order.total,
      at: draft.placedAt
    }))
  )
  return yield* OutboxTable.encode(orderPlaced, messages)
})

/** What `makePlacementStatement` takes: the rows of a group of drafts, none of whose ids comes twice. */
export const documentsOf = Effect.fnUntraced(function* (unsorted: ReadonlyArray<SealedDraft>) {
  const drafts = sortedById(unsorted)
  const lines = drafts.flatMap(lineRows)
  return {
    checkouts: JSON.stringify(drafts.map(checkoutRow)),
    orders: JSON.stringify(drafts.flatMap(orderRows)),
    lines: JSON.stringify(lines),
    skuIds: Array.from(new Set(lines.map((line) => line.sku_id))),
    timeouts: yield* timeoutsOf(drafts),
    news: yield* newsOf(drafts)
  }
})

/**
 * One statement that places all checkouts of a group or none: it locks their stock rows in ascending order, then the lines of
 * carts that they take, and only if the group fits as a whole and the carts still hold that much reserves, takes the lines out of the carts, and writes checkouts, orders, lines, history, movements
 * and messages. Answers with what was available of each locked SKU before; with nothing where no SKU has stock. A checkout
 * id that is taken fails it with `UniqueViolation`.
 *
 * The rows come as three JSON documents: their names stand beside their types, and one parse costs less than a dozen arrays.
 * What changes a locked row computes from `locked`, the newest version, and not from the statement's older snapshot; also
 * columns that stay as they are: PostgreSQL checks constraints on the snapshot's row before it goes on to the newest one, so that
 * pieces which came in meanwhile would be refused by those that were there before.
 */
export const makePlacementStatement = Effect.map(SqlClient.SqlClient, (sql) =>
  SqlSchema.findAll({
    Request: Documents,
    Result: Verdict,
    execute: ({ checkouts, lines, news, orders, skuIds, timeouts }) => sql`
        WITH new_checkouts AS MATERIALIZED (
          SELECT * FROM json_to_recordset(${checkouts}::json) AS new (
            id uuid, user_id uuid, payment_id uuid, currency text, total bigint, cart_id uuid, placed_at timestamptz,
            expires_at timestamptz, address jsonb, actor_kind text, actor_id uuid, trace_id text
          )
        ),
        new_orders AS MATERIALIZED (
          SELECT * FROM json_to_recordset(${orders}::json) AS new (
            id uuid, checkout_id uuid, merchant_id uuid, total bigint, personal_data bytea, personal_data_key text
          )
        ),
        new_lines AS MATERIALIZED (
          SELECT * FROM json_to_recordset(${lines}::json) AS new (
            order_id uuid, checkout_id uuid, sku_id uuid, product_id uuid, position smallint, quantity integer,
            unit_price bigint, title jsonb, options jsonb, image_url text
          )
        ),
        demand AS MATERIALIZED (
          SELECT sku_id, sum(quantity) AS quantity FROM new_lines GROUP BY sku_id
        ),
        locked AS MATERIALIZED (
          SELECT stock.sku_id, stock.on_hand, stock.reserved
          FROM trade.stock
          WHERE stock.sku_id = ANY (${skuIds}::uuid[])
          ORDER BY stock.sku_id
          FOR UPDATE
        ),
        taken AS MATERIALIZED (
          SELECT cart_id, sku_id, sum(quantity) AS quantity
          FROM new_lines JOIN new_checkouts ON new_checkouts.id = checkout_id
          WHERE cart_id IS NOT NULL GROUP BY cart_id, sku_id
        ),
        held AS MATERIALIZED (
          SELECT item.cart_id, item.sku_id, item.quantity
          FROM taken JOIN trade.cart_items item USING (cart_id, sku_id)
          ORDER BY item.cart_id, item.sku_id
          FOR UPDATE OF item
        ),
        verdict AS MATERIALIZED (
          SELECT NOT EXISTS (
            SELECT FROM demand LEFT JOIN locked USING (sku_id)
            WHERE locked.sku_id IS NULL OR locked.on_hand - locked.reserved < demand.quantity
          ) AND NOT EXISTS (
            SELECT FROM taken LEFT JOIN held USING (cart_id, sku_id)
            WHERE held.cart_id IS NULL OR held.quantity < taken.quantity
          ) AS fits
        ),
        reserved_stock AS (
          UPDATE trade.stock SET on_hand = locked.on_hand, reserved = locked.reserved + demand.quantity
          FROM locked JOIN demand USING (sku_id), verdict
          WHERE stock.sku_id = locked.sku_id AND verdict.fits
        ),
        inserted_checkouts AS (
          INSERT INTO trade.checkouts (
            id, user_id, payment_id, status, currency, total, cart_id, placed_at, expires_at, due_at
          )
          SELECT id, user_id, payment_id, 'pending_payment', currency, total, cart_id, placed_at, expires_at, expires_at
          FROM new_checkouts, verdict WHERE verdict.fits
        ),
        inserted_orders AS (
          INSERT INTO trade.orders (
            id, checkout_id, user_id, merchant_id, status, currency, total, address, personal_data, personal_data_key
          )
          SELECT
            new_orders.id, checkout_id, user_id, merchant_id, 'pending_payment', currency, new_orders.total, address,
            personal_data, personal_data_key
          FROM new_orders JOIN new_checkouts ON new_checkouts.id = checkout_id, verdict WHERE verdict.fits
        ),
        inserted_lines AS (
          INSERT INTO trade.order_lines (
            order_id, sku_id, product_id, position, quantity, unit_price, title, options, image_url
          )
          SELECT order_id, sku_id, product_id, position, quantity, unit_price, title, options, image_url
          FROM new_lines, verdict WHERE verdict.fits
        ),
        inserted_history AS (
          INSERT INTO trade.order_history (order_id, to_status, actor_kind, actor_id, reason, trace_id, at)
          SELECT new_orders.id, 'pending_payment', actor_kind, actor_id, 'placed', trace_id, placed_at
          FROM new_orders JOIN new_checkouts ON new_checkouts.id = checkout_id, verdict WHERE verdict.fits
        ),
        inserted_movements AS (
          INSERT INTO trade.stock_movements (sku_id, kind, quantity, order_id, actor, trace_id, at)
          SELECT sku_id, 'reserve', quantity, order_id, actor_id::text, trace_id, placed_at
          FROM new_lines JOIN new_checkouts ON new_checkouts.id = checkout_id, verdict WHERE verdict.fits
        ),
        bought AS MATERIALIZED (
          SELECT cart_id, sku_id, held.quantity, taken.quantity AS bought
          FROM held JOIN taken USING (cart_id, sku_id), verdict WHERE verdict.fits
        ),
        emptied AS (
          DELETE FROM trade.cart_items item USING bought
          WHERE item.cart_id = bought.cart_id AND item.sku_id = bought.sku_id AND bought.quantity <= bought.bought
        ),
        lessened AS (
          UPDATE trade.cart_items item SET quantity = bought.quantity - bought.bought
          FROM bought
          WHERE item.cart_id = bought.cart_id AND item.sku_id = bought.sku_id AND bought.quantity > bought.bought
        ),
        published_timeouts AS (${OutboxTable.insertInto(sql, {
          queues: OutboxTable.queuesOf(orderTimeout),
          source: sql`
            SELECT given.* FROM
              unnest(${timeouts.ids}::text[], ${timeouts.elements}::text[], ${timeouts.delays}::float8[])
                AS given (id, element, delay_seconds),
              verdict
            WHERE verdict.fits`,
          delaySeconds: sql`message.delay_seconds`
        })}),
        published_news AS (${OutboxTable.insertInto(sql, {
          queues: OutboxTable.queuesOf(orderPlaced),
          source: sql`
            SELECT given.* FROM unnest(${news.ids}::text[], ${news.elements}::text[]) AS given (id, element), verdict
            WHERE verdict.fits`
        })})
        SELECT verdict.fits, locked.sku_id, locked.on_hand - locked.reserved AS available FROM verdict, locked
      `
  })
)
