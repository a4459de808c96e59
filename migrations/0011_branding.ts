import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** How merchants' cashiers look. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE payments.branding (
      merchant_id uuid NOT NULL,
      name text NOT NULL,
      color text NOT NULL,
      logo_url text,
      updated_by text NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT branding_pkey PRIMARY KEY (merchant_id),
      CONSTRAINT branding_color_is_hex CHECK (color ~ '^#[0-9a-f]{6}$')
    )
  `
})
