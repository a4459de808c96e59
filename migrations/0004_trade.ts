import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Inventory: what lies in the warehouse, what open orders hold of it, and every change of either. */
const createStock = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // fillfactor leaves room on each page, so that the hottest rows of the mall are updated in place (HOT).
  yield* sql`
    CREATE TABLE trade.stock (
      sku_id uuid NOT NULL,
      on_hand bigint NOT NULL,
      reserved bigint NOT NULL DEFAULT 0,
      CONSTRAINT stock_pkey PRIMARY KEY (sku_id),
      CONSTRAINT stock_reserved_not_negative CHECK (reserved >= 0),
      CONSTRAINT stock_on_hand_covers_reserved CHECK (on_hand >= reserved)
    ) WITH (fillfactor = 50)
  `
  yield* sql`
    CREATE TABLE trade.stock_movements (
      id bigint GENERATED ALWAYS AS IDENTITY,
      sku_id uuid NOT NULL,
      kind text NOT NULL,
      quantity bigint NOT NULL,
      order_id uuid,
      actor text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT stock_movements_pkey PRIMARY KEY (sku_id, id),
      CONSTRAINT stock_movements_kind_known
        CHECK (kind IN ('reserve', 'release', 'sell', 'return', 'receive', 'adjust'))
    )
  `
})

const createCarts = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE trade.carts (
      id uuid NOT NULL,
      user_id uuid,
      token_hash bytea,
      merged_into uuid,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT carts_pkey PRIMARY KEY (id),
      CONSTRAINT carts_user_id_key UNIQUE (user_id),
      CONSTRAINT carts_token_hash_key UNIQUE (token_hash),
      CONSTRAINT carts_merged_into_fkey FOREIGN KEY (merged_into) REFERENCES trade.carts (id),
      CONSTRAINT carts_of_user_or_guest CHECK ((user_id IS NULL) <> (token_hash IS NULL))
    )
  `
  yield* sql`
    CREATE TABLE trade.cart_items (
      cart_id uuid NOT NULL,
      sku_id uuid NOT NULL,
      quantity integer NOT NULL,
      added_at timestamptz NOT NULL,
      CONSTRAINT cart_items_pkey PRIMARY KEY (cart_id, sku_id),
      CONSTRAINT cart_items_cart_id_fkey FOREIGN KEY (cart_id) REFERENCES trade.carts (id) ON DELETE CASCADE,
      CONSTRAINT cart_items_quantity_in_range CHECK (quantity BETWEEN 1 AND 999)
    )
  `
  yield* sql`
    CREATE INDEX carts_guest_updated_at_idx ON trade.carts (updated_at) WHERE user_id IS NULL
  `
})

const createOrders = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // `due_at` is when somebody looks at an unpaid checkout next: its expiry at first, then the end of the lease of
  // whoever is asking the payment platform about it.
  yield* sql`
    CREATE TABLE trade.checkouts (
      id uuid NOT NULL,
      user_id uuid NOT NULL,
      payment_id uuid NOT NULL,
      status text NOT NULL,
      currency text NOT NULL,
      total bigint NOT NULL,
      cart_id uuid,
      placed_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      due_at timestamptz NOT NULL,
      CONSTRAINT checkouts_pkey PRIMARY KEY (id),
      CONSTRAINT checkouts_payment_id_key UNIQUE (payment_id),
      CONSTRAINT checkouts_status_known CHECK (status IN ('pending_payment', 'paid', 'canceled')),
      CONSTRAINT checkouts_total_not_negative CHECK (total >= 0)
    )
  `
  yield* sql`
    CREATE INDEX checkouts_due_at_idx ON trade.checkouts (due_at) WHERE status = 'pending_payment'
  `
  yield* sql`
    CREATE TABLE trade.orders (
      id uuid NOT NULL,
      checkout_id uuid NOT NULL,
      user_id uuid NOT NULL,
      merchant_id uuid NOT NULL,
      status text NOT NULL,
      currency text NOT NULL,
      total bigint NOT NULL,
      address jsonb NOT NULL,
      remark text NOT NULL,
      carrier text,
      tracking_number text,
      refund_id uuid,
      refund_due_at timestamptz,
      paid_at timestamptz,
      shipped_at timestamptz,
      delivered_at timestamptz,
      CONSTRAINT orders_pkey PRIMARY KEY (id),
      CONSTRAINT orders_checkout_id_fkey FOREIGN KEY (checkout_id) REFERENCES trade.checkouts (id),
      CONSTRAINT orders_refund_id_key UNIQUE (refund_id),
      CONSTRAINT orders_status_known CHECK (
        status IN (
          'pending_payment', 'paid', 'shipped', 'delivered', 'completed', 'canceled', 'refunding', 'refunded'
        )
      ),
      CONSTRAINT orders_total_not_negative CHECK (total >= 0)
    )
  `
  yield* sql`CREATE INDEX orders_checkout_id_idx ON trade.orders (checkout_id)`
  yield* sql`CREATE INDEX orders_user_id_idx ON trade.orders (user_id, id)`
  yield* sql`CREATE INDEX orders_merchant_id_status_idx ON trade.orders (merchant_id, status, id)`
  yield* sql`CREATE INDEX orders_merchant_id_idx ON trade.orders (merchant_id, id)`
  yield* sql`CREATE INDEX orders_delivered_at_idx ON trade.orders (delivered_at) WHERE status = 'delivered'`
  yield* sql`CREATE INDEX orders_refund_due_at_idx ON trade.orders (refund_due_at) WHERE status = 'refunding'`
  yield* sql`
    CREATE TABLE trade.order_lines (
      order_id uuid NOT NULL,
      sku_id uuid NOT NULL,
      product_id uuid NOT NULL,
      position smallint NOT NULL,
      quantity integer NOT NULL,
      unit_price bigint NOT NULL,
      title jsonb NOT NULL,
      options jsonb NOT NULL,
      image_url text,
      CONSTRAINT order_lines_pkey PRIMARY KEY (order_id, sku_id),
      CONSTRAINT order_lines_order_id_fkey FOREIGN KEY (order_id) REFERENCES trade.orders (id),
      CONSTRAINT order_lines_quantity_positive CHECK (quantity > 0),
      CONSTRAINT order_lines_unit_price_not_negative CHECK (unit_price >= 0)
    )
  `
  yield* sql`
    CREATE TABLE trade.order_history (
      order_id uuid NOT NULL,
      id bigint GENERATED ALWAYS AS IDENTITY,
      from_status text,
      to_status text NOT NULL,
      actor_kind text NOT NULL,
      actor_id uuid,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT order_history_pkey PRIMARY KEY (order_id, id),
      CONSTRAINT order_history_order_id_fkey FOREIGN KEY (order_id) REFERENCES trade.orders (id),
      CONSTRAINT order_history_actor_kind_known CHECK (actor_kind IN ('buyer', 'merchant', 'admin', 'system'))
    )
  `
  yield* sql`
    CREATE TABLE trade.order_expiry_rules (
      merchant_id uuid,
      payment_method text,
      expiry_seconds integer NOT NULL,
      CONSTRAINT order_expiry_rules_key UNIQUE NULLS NOT DISTINCT (merchant_id, payment_method),
      CONSTRAINT order_expiry_rules_expiry_in_range CHECK (expiry_seconds BETWEEN 5 AND 2592000)
    )
  `
  // What the pay platform told and the mall could not accept: each waits for a person.
  yield* sql`
    CREATE TABLE trade.payment_incidents (
      payment_id uuid NOT NULL,
      kind text NOT NULL,
      checkout_id uuid,
      detail text NOT NULL,
      at timestamptz NOT NULL,
      CONSTRAINT payment_incidents_pkey PRIMARY KEY (payment_id, kind)
    )
  `
})

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE SCHEMA trade`
  yield* createStock
  yield* createCarts
  yield* createOrders
})
