import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE SCHEMA catalog`

  yield* sql`
    CREATE TABLE catalog.merchants (
      id uuid CONSTRAINT merchants_pkey PRIMARY KEY,
      code text NOT NULL CONSTRAINT merchants_code_key UNIQUE,
      name jsonb NOT NULL,
      created_at timestamptz(3) NOT NULL
    )`

  // `path` is every ancestor's id and the category's own, each followed by a slash: a subtree is a prefix.
  yield* sql`
    CREATE TABLE catalog.categories (
      id uuid CONSTRAINT categories_pkey PRIMARY KEY,
      parent_id uuid CONSTRAINT categories_parent_id_fkey REFERENCES catalog.categories (id),
      code text NOT NULL CONSTRAINT categories_code_key UNIQUE,
      name jsonb NOT NULL,
      position integer NOT NULL,
      path text COLLATE "C" NOT NULL CONSTRAINT categories_path_key UNIQUE,
      created_at timestamptz(3) NOT NULL,
      updated_at timestamptz(3) NOT NULL
    )`
  yield* sql`CREATE INDEX categories_parent_id_idx ON catalog.categories (parent_id)`

  // `price_from` and `currency` repeat the cheapest active SKU, so that lists filter and sort without a join.
  yield* sql`
    CREATE TABLE catalog.products (
      id uuid CONSTRAINT products_pkey PRIMARY KEY,
      merchant_id uuid NOT NULL CONSTRAINT products_merchant_id_fkey REFERENCES catalog.merchants (id),
      category_id uuid NOT NULL CONSTRAINT products_category_id_fkey REFERENCES catalog.categories (id),
      code text CONSTRAINT products_code_check CHECK (code <> ''),
      title jsonb NOT NULL,
      description jsonb NOT NULL,
      images jsonb NOT NULL,
      status text NOT NULL CONSTRAINT products_status_check CHECK (status IN ('draft', 'published', 'archived')),
      currency text,
      price_from bigint,
      version integer NOT NULL,
      created_at timestamptz(3) NOT NULL,
      updated_at timestamptz(3) NOT NULL,
      published_at timestamptz(3),
      CONSTRAINT products_merchant_id_code_key UNIQUE (merchant_id, code),
      CONSTRAINT products_published_check CHECK (
        status <> 'published' OR (price_from IS NOT NULL AND currency IS NOT NULL AND published_at IS NOT NULL)
      )
    )`
  yield* sql`CREATE INDEX products_merchant_id_id_idx ON catalog.products (merchant_id, id)`

  // One index for each combination of filters and order that the public list allows; a price range is part of the
  // order's own index or filters the rows of the other. Descending prices read the ascending index backwards.
  yield* sql`
    CREATE INDEX products_newest_idx ON catalog.products
      (published_at DESC, id DESC) WHERE status = 'published'`
  yield* sql`
    CREATE INDEX products_price_idx ON catalog.products
      (currency, price_from, id) WHERE status = 'published'`
  yield* sql`
    CREATE INDEX products_merchant_newest_idx ON catalog.products
      (merchant_id, published_at DESC, id DESC) WHERE status = 'published'`
  yield* sql`
    CREATE INDEX products_merchant_price_idx ON catalog.products
      (merchant_id, currency, price_from, id) WHERE status = 'published'`
  yield* sql`
    CREATE INDEX products_category_newest_idx ON catalog.products
      (category_id, published_at DESC, id DESC) WHERE status = 'published'`
  yield* sql`
    CREATE INDEX products_category_price_idx ON catalog.products
      (category_id, currency, price_from, id) WHERE status = 'published'`
  yield* sql`
    CREATE INDEX products_merchant_category_newest_idx ON catalog.products
      (merchant_id, category_id, published_at DESC, id DESC) WHERE status = 'published'`
  yield* sql`
    CREATE INDEX products_merchant_category_price_idx ON catalog.products
      (merchant_id, category_id, currency, price_from, id) WHERE status = 'published'`
  // drafts and archived products of a category too hinder its deletion
  yield* sql`CREATE INDEX products_category_id_idx ON catalog.products (category_id) WHERE status <> 'published'`

  yield* sql`
    CREATE TABLE catalog.skus (
      id uuid CONSTRAINT skus_pkey PRIMARY KEY,
      product_id uuid NOT NULL CONSTRAINT skus_product_id_fkey REFERENCES catalog.products (id),
      merchant_id uuid NOT NULL,
      code text NOT NULL CONSTRAINT skus_code_check CHECK (code <> ''),
      options jsonb NOT NULL,
      price bigint NOT NULL CONSTRAINT skus_price_check CHECK (price BETWEEN 1 AND 9007199254740991),
      currency text NOT NULL,
      status text NOT NULL CONSTRAINT skus_status_check CHECK (status IN ('active', 'archived')),
      created_at timestamptz(3) NOT NULL,
      updated_at timestamptz(3) NOT NULL,
      CONSTRAINT skus_merchant_id_code_key UNIQUE (merchant_id, code)
    )`
  yield* sql`CREATE INDEX skus_product_id_id_idx ON catalog.skus (product_id, id)`

  yield* sql`
    CREATE TABLE catalog.price_changes (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT price_changes_pkey PRIMARY KEY,
      sku_id uuid NOT NULL CONSTRAINT price_changes_sku_id_fkey REFERENCES catalog.skus (id),
      price bigint NOT NULL,
      currency text NOT NULL,
      changed_by text NOT NULL,
      changed_at timestamptz(3) NOT NULL
    )`
  yield* sql`CREATE INDEX price_changes_sku_id_id_idx ON catalog.price_changes (sku_id, id)`

  yield* sql`
    CREATE TABLE catalog.product_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT product_history_pkey PRIMARY KEY,
      product_id uuid NOT NULL CONSTRAINT product_history_product_id_fkey REFERENCES catalog.products (id),
      from_status text,
      to_status text NOT NULL,
      changed_by text NOT NULL,
      changed_at timestamptz(3) NOT NULL,
      trace_id text
    )`
  yield* sql`CREATE INDEX product_history_product_id_id_idx ON catalog.product_history (product_id, id)`
})
