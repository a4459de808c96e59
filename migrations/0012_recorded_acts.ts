import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What was done already, kept beside what it changed: additions to carts, and who changed expiry rules and signing keys. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE trade.cart_additions (
      cart_id uuid NOT NULL,
      id uuid NOT NULL,
      at timestamptz NOT NULL,
      CONSTRAINT cart_additions_pkey PRIMARY KEY (cart_id, id),
      CONSTRAINT cart_additions_cart_id_fkey FOREIGN KEY (cart_id) REFERENCES trade.carts (id) ON DELETE CASCADE
    )
  `
  // `expiry_seconds` is null where the rule was removed.
  yield* sql`
    CREATE TABLE trade.order_expiry_changes (
      id bigint GENERATED ALWAYS AS IDENTITY,
      merchant_id uuid,
      payment_method text,
      expiry_seconds integer,
      author text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT order_expiry_changes_pkey PRIMARY KEY (id)
    )
  `
  // Null for the first key, which the mall makes by itself.
  yield* sql`ALTER TABLE identity.signing_keys ADD COLUMN created_by text`
})
