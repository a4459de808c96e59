import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Goods that come back: what is asked for, what was decided, and how many pieces of each line are in it. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // `in_return` are pieces of returns that are still open; `returned` came back; `refunded` is what was given back for them.
  yield* sql`
    ALTER TABLE trade.order_lines
      ADD COLUMN in_return integer NOT NULL DEFAULT 0,
      ADD COLUMN returned integer NOT NULL DEFAULT 0,
      ADD COLUMN refunded bigint NOT NULL DEFAULT 0,
      ADD CONSTRAINT order_lines_returns_in_range CHECK (in_return >= 0 AND returned >= 0 AND in_return + returned <= quantity),
      ADD CONSTRAINT order_lines_refunded_in_range CHECK (refunded BETWEEN 0 AND quantity * unit_price)
  `
  yield* sql`
    CREATE TABLE trade.returns (
      id uuid NOT NULL,
      order_id uuid NOT NULL,
      status text NOT NULL,
      currency text NOT NULL,
      amount bigint NOT NULL,
      reason text NOT NULL,
      restocked boolean,
      refund_id uuid,
      refund_due_at timestamptz,
      refund_failure text,
      requested_at timestamptz NOT NULL,
      CONSTRAINT returns_pkey PRIMARY KEY (id),
      CONSTRAINT returns_order_id_fkey FOREIGN KEY (order_id) REFERENCES trade.orders (id),
      CONSTRAINT returns_refund_id_key UNIQUE (refund_id),
      CONSTRAINT returns_status_known CHECK (
        status IN ('requested', 'approved', 'rejected', 'canceled', 'received', 'refunded')
      ),
      CONSTRAINT returns_amount_not_negative CHECK (amount >= 0)
    )
  `
  yield* sql`CREATE INDEX returns_order_id_idx ON trade.returns (order_id, id)`
  yield* sql`CREATE INDEX returns_refund_due_at_idx ON trade.returns (refund_due_at) WHERE status = 'received'`
  yield* sql`
    CREATE TABLE trade.return_lines (
      return_id uuid NOT NULL,
      sku_id uuid NOT NULL,
      quantity integer NOT NULL,
      amount bigint NOT NULL,
      CONSTRAINT return_lines_pkey PRIMARY KEY (return_id, sku_id),
      CONSTRAINT return_lines_return_id_fkey FOREIGN KEY (return_id) REFERENCES trade.returns (id),
      CONSTRAINT return_lines_quantity_positive CHECK (quantity > 0),
      CONSTRAINT return_lines_amount_not_negative CHECK (amount >= 0)
    )
  `
  yield* sql`
    CREATE TABLE trade.return_history (
      return_id uuid NOT NULL,
      id bigint GENERATED ALWAYS AS IDENTITY,
      from_status text,
      to_status text NOT NULL,
      actor_kind text NOT NULL,
      actor_id uuid,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT return_history_pkey PRIMARY KEY (return_id, id),
      CONSTRAINT return_history_return_id_fkey FOREIGN KEY (return_id) REFERENCES trade.returns (id),
      CONSTRAINT return_history_actor_kind_known CHECK (actor_kind IN ('buyer', 'merchant', 'admin', 'system'))
    )
  `
})
