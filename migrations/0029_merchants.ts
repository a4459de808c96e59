import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Who may sell: applications with their documents and reviews, what is known of merchants, and their shops. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE SCHEMA IF NOT EXISTS merchants`

  // Names, numbers and the contact are sealed in `personal_data`.
  yield* sql`
    CREATE TABLE merchants.applications (
      id uuid CONSTRAINT applications_pkey PRIMARY KEY,
      applicant_id uuid NOT NULL,
      merchant_id uuid,
      purpose text NOT NULL,
      status text NOT NULL,
      kind text NOT NULL,
      level text NOT NULL,
      country char(2) NOT NULL,
      code text NOT NULL,
      shop_name jsonb NOT NULL,
      personal_data bytea,
      personal_data_key text,
      recommendation text,
      recommended_by text,
      decided_by text,
      created_at timestamptz(3) NOT NULL,
      updated_at timestamptz(3) NOT NULL,
      CONSTRAINT applications_purpose_known CHECK (purpose IN ('onboarding', 'recheck')),
      CONSTRAINT applications_status_known
        CHECK (status IN ('draft', 'submitted', 'in_review', 'approved', 'rejected', 'needs_changes')),
      CONSTRAINT applications_kind_known CHECK (kind IN ('individual', 'company')),
      CONSTRAINT applications_level_known CHECK (level IN ('basic', 'full')),
      CONSTRAINT applications_recommendation_known CHECK (recommendation IN ('approve', 'reject')),
      CONSTRAINT applications_personal_data_check
        CHECK ((personal_data IS NULL) = (coalesce(personal_data_key, '') = '')),
      CONSTRAINT applications_merchant_known
        CHECK (merchant_id IS NOT NULL OR (purpose = 'onboarding' AND status <> 'approved')),
      CONSTRAINT applications_recommended_check CHECK (
        (status IN ('in_review', 'approved', 'rejected'))
          = (recommended_by IS NOT NULL AND recommendation IS NOT NULL)
      ),
      CONSTRAINT applications_decided_check
        CHECK ((status IN ('approved', 'rejected')) = (decided_by IS NOT NULL)),
      CONSTRAINT applications_two_people CHECK (
        decided_by <> recommended_by
        AND recommended_by <> 'user:' || applicant_id::text AND decided_by <> 'user:' || applicant_id::text
      )
    )
  `
  yield* sql`
    CREATE UNIQUE INDEX applications_open_key ON merchants.applications (applicant_id)
    WHERE status NOT IN ('approved', 'rejected')
  `
  yield* sql`
    CREATE UNIQUE INDEX applications_code_key ON merchants.applications (code)
    WHERE purpose = 'onboarding' AND status <> 'rejected'
  `
  yield* sql`
    CREATE UNIQUE INDEX applications_recheck_key ON merchants.applications (merchant_id)
    WHERE purpose = 'recheck' AND status NOT IN ('approved', 'rejected')
  `
  yield* sql`CREATE INDEX applications_status_idx ON merchants.applications (status, id)`
  yield* sql`CREATE INDEX applications_applicant_idx ON merchants.applications (applicant_id, id)`
  yield* sql`CREATE INDEX applications_merchant_idx ON merchants.applications (merchant_id, id)`
  yield* sql`CREATE INDEX applications_personal_data_key_idx ON merchants.applications (personal_data_key)`

  yield* sql`
    CREATE TABLE merchants.application_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT application_history_pkey PRIMARY KEY,
      application_id uuid NOT NULL
        CONSTRAINT application_history_application_fkey REFERENCES merchants.applications (id),
      from_status text,
      to_status text NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz(3) NOT NULL
    )
  `
  yield* sql`CREATE INDEX application_history_application_idx ON merchants.application_history (application_id, id)`

  yield* sql`
    CREATE TABLE merchants.documents (
      id uuid CONSTRAINT documents_pkey PRIMARY KEY,
      application_id uuid NOT NULL CONSTRAINT documents_application_fkey REFERENCES merchants.applications (id),
      kind text NOT NULL,
      media_type text NOT NULL,
      size int NOT NULL,
      sha256 text NOT NULL,
      object_key text NOT NULL CONSTRAINT documents_object_key UNIQUE,
      key_id text NOT NULL,
      scan text NOT NULL,
      expires_on date,
      uploaded_by text NOT NULL,
      created_at timestamptz(3) NOT NULL,
      superseded_at timestamptz(3),
      CONSTRAINT documents_scan_known CHECK (scan IN ('pending', 'clean', 'infected', 'unscanned')),
      CONSTRAINT documents_size_positive CHECK (size > 0)
    )
  `
  yield* sql`
    CREATE UNIQUE INDEX documents_current_key ON merchants.documents (application_id, kind) WHERE superseded_at IS NULL
  `
  yield* sql`CREATE INDEX documents_application_idx ON merchants.documents (application_id, id)`
  yield* sql`CREATE INDEX documents_pending_idx ON merchants.documents (id) WHERE scan = 'pending'`

  // Objects that no document names: noted before they are put, so that none is forgotten, and when a document goes.
  yield* sql`
    CREATE TABLE merchants.unwanted_objects (
      object_key text CONSTRAINT unwanted_objects_pkey PRIMARY KEY,
      due_at timestamptz(3) NOT NULL
    )
  `
  yield* sql`CREATE INDEX unwanted_objects_due_idx ON merchants.unwanted_objects (due_at)`

  // What is known of a merchant. One who was never checked nor stopped has no row.
  yield* sql`
    CREATE TABLE merchants.profiles (
      merchant_id uuid CONSTRAINT profiles_pkey PRIMARY KEY,
      kyc_status text NOT NULL,
      kyc_level text,
      verified_until timestamptz(3),
      suspended_at timestamptz(3),
      updated_at timestamptz(3) NOT NULL,
      CONSTRAINT profiles_kyc_status_known CHECK (kyc_status IN ('unknown', 'verified', 'expiring', 'expired')),
      CONSTRAINT profiles_verified_check
        CHECK ((kyc_status = 'unknown') = (verified_until IS NULL) AND (kyc_status = 'unknown') = (kyc_level IS NULL))
    )
  `
  yield* sql`
    CREATE INDEX profiles_due_idx ON merchants.profiles (verified_until) WHERE kyc_status IN ('verified', 'expiring')
  `
  yield* sql`
    CREATE TABLE merchants.profile_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT profile_history_pkey PRIMARY KEY,
      merchant_id uuid NOT NULL CONSTRAINT profile_history_merchant_fkey REFERENCES merchants.profiles (merchant_id),
      standing text NOT NULL,
      kyc_status text NOT NULL,
      kyc_level text,
      verified_until timestamptz(3),
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz(3) NOT NULL
    )
  `
  yield* sql`CREATE INDEX profile_history_merchant_idx ON merchants.profile_history (merchant_id, id)`

  yield* sql`
    CREATE TABLE merchants.shops (
      id uuid CONSTRAINT shops_pkey PRIMARY KEY,
      merchant_id uuid NOT NULL,
      code text NOT NULL,
      created_at timestamptz(3) NOT NULL,
      CONSTRAINT shops_code_key UNIQUE (merchant_id, code)
    )
  `
  // What a shop is called and whether it is open, from when on: the newest row that has begun counts.
  yield* sql`
    CREATE TABLE merchants.shop_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT shop_history_pkey PRIMARY KEY,
      shop_id uuid NOT NULL CONSTRAINT shop_history_shop_fkey REFERENCES merchants.shops (id),
      name jsonb NOT NULL,
      status text NOT NULL,
      effective_from timestamptz(3) NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz(3) NOT NULL,
      CONSTRAINT shop_history_status_known CHECK (status IN ('open', 'closed')),
      CONSTRAINT shop_history_not_past CHECK (effective_from >= at)
    )
  `
  yield* sql`CREATE INDEX shop_history_shop_idx ON merchants.shop_history (shop_id, effective_from, id)`

  yield* sql`GRANT USAGE ON SCHEMA merchants TO mall_store, mall_store_tenant`
  const tenants: Readonly<Record<string, string>> = {
    applications: `merchant_id = (SELECT platform.tenant_merchant()) OR applicant_id = (SELECT platform.tenant_user())`,
    application_history: childOf("applications", "id", "application_history.application_id"),
    documents: childOf("applications", "id", "documents.application_id"),
    profiles: "merchant_id = (SELECT platform.tenant_merchant())",
    profile_history: "merchant_id = (SELECT platform.tenant_merchant())",
    shops: "merchant_id = (SELECT platform.tenant_merchant())",
    shop_history: childOf("shops", "id", "shop_history.shop_id")
  }
  for (const [table, isOwn] of Object.entries(tenants)) {
    const target = sql`merchants.${sql(table)}`
    yield* sql`ALTER TABLE ${target} ENABLE ROW LEVEL SECURITY`
    yield* sql`CREATE POLICY ${sql(`${table}_service`)} ON ${target} TO mall_store USING (true)`
    yield* sql`
      CREATE POLICY ${sql(`${table}_tenant`)} ON ${target} TO mall_store_tenant USING (${sql.literal(isOwn)})
    `
    const isHistory = table.endsWith("_history")
    const rights = isHistory ? sql`SELECT, INSERT` : sql`SELECT, INSERT, UPDATE`
    yield* sql`GRANT ${rights} ON ${target} TO mall_store, mall_store_tenant`
    if (isHistory) {
      yield* sql`GRANT USAGE ON SEQUENCE merchants.${sql(`${table}_id_seq`)} TO mall_store, mall_store_tenant`
    }
  }
  yield* sql`GRANT DELETE ON merchants.documents TO mall_store`
  yield* sql`GRANT UPDATE (reason) ON merchants.application_history TO mall_store`
  yield* sql`GRANT SELECT, INSERT, UPDATE, DELETE ON merchants.unwanted_objects TO mall_store`
})

const childOf = (parent: string, key: string, child: string) =>
  `EXISTS (SELECT FROM merchants.${parent} AS parent WHERE parent.${key} = merchants.${child})`
