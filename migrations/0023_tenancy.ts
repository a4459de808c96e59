import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Roles of the database: `mall_store` for the mall and `mall_pay` for the pay platform, neither of which reaches the other's
 * schemas; `mall_platform` for the queues and caches that make their own tables; and of the first two a `…_tenant` each,
 * for whom row-level security leaves of every merchant-owned table what is the merchant's that the transaction names.
 */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // Roles belong to the whole server: another database of it may have made them, or its administrator, by deploy/roles.sql.
  yield* sql`
    DO $$
    DECLARE
      wanted text;
    BEGIN
      FOREACH wanted IN ARRAY ARRAY['mall_platform', 'mall_store', 'mall_pay', 'mall_store_tenant', 'mall_pay_tenant']
      LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
          BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOBYPASSRLS', wanted);
          EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
              RAISE EXCEPTION 'this user may not make the role %: let an administrator run deploy/roles.sql', wanted;
          END;
        END IF;
        IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
          EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
        END IF;
      END LOOP;
    END
    $$
  `

  const mine = {
    mall_store: ["identity", "catalog", "trade", "platform"],
    mall_pay: ["payments", "ledger", "platform"]
  }
  for (const [role, schemas] of Object.entries(mine)) {
    const tenant = `${role}_tenant`
    for (const schema of schemas) {
      yield* sql`GRANT USAGE ON SCHEMA ${sql(schema)} TO ${sql(role)}, ${sql(tenant)}`
      yield* sql`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${sql(schema)} TO ${sql(role)}`
      yield* sql`
        ALTER DEFAULT PRIVILEGES IN SCHEMA ${sql(schema)} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${sql(role)}
      `
      yield* sql`GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${sql(schema)} TO ${sql(role)}`
      yield* sql`ALTER DEFAULT PRIVILEGES IN SCHEMA ${sql(schema)} GRANT USAGE ON SEQUENCES TO ${sql(role)}`
    }
    yield* sql`GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO ${sql(role)}, ${sql(tenant)}`
    yield* sql`GRANT USAGE ON SEQUENCE outbox_sequence_seq TO ${sql(role)}, ${sql(tenant)}`
  }
  yield* sql`
    GRANT INSERT, SELECT ON platform.audit_entries, platform.audit_unsealed TO mall_store_tenant, mall_pay_tenant
  `
  // What only grows is written once, for everybody but who owns it.
  yield* sql`REVOKE UPDATE, DELETE ON ledger.transfers, ledger.entries, ledger.seals FROM mall_pay`
  yield* sql`REVOKE UPDATE, DELETE ON platform.audit_entries, platform.audit_chain FROM mall_store, mall_pay`
  yield* sql`GRANT SELECT, UPDATE ON catalog.categories TO mall_store_tenant`
  yield* sql`GRANT SELECT, INSERT, UPDATE ON trade.stock, trade.stock_movements TO mall_store_tenant`

  // The queues' and the caches' own code looks at each start whether its tables are there, which only their owner may do.
  yield* sql`GRANT USAGE, CREATE ON SCHEMA public TO mall_platform`
  for (const table of ["outbox", "outbox_migrations", "effect_persistence"]) {
    yield* sql`ALTER TABLE ${sql(table)} OWNER TO mall_platform`
  }

  // Whose rows a transaction may touch; null, which equals nothing, where nobody said.
  yield* sql`
    CREATE FUNCTION platform.tenant_merchant() RETURNS uuid LANGUAGE sql STABLE
    RETURN nullif(current_setting('mall.tenant_merchant', true), '')::uuid
  `
  yield* sql`
    CREATE FUNCTION platform.tenant_user() RETURNS uuid LANGUAGE sql STABLE
    RETURN nullif(current_setting('mall.tenant_user', true), '')::uuid
  `

  const guard = Effect.fnUntraced(function* (
    service: "mall_store" | "mall_pay",
    table: `${string}.${string}`,
    isOwn: string,
    mayBeNew = isOwn
  ) {
    const [schema = "", name = ""] = table.split(".")
    const target = sql`${sql(schema)}.${sql(name)}`
    yield* sql`ALTER TABLE ${target} ENABLE ROW LEVEL SECURITY`
    yield* sql`CREATE POLICY ${sql(`${name}_service`)} ON ${target} TO ${sql(service)} USING (true)`
    yield* sql`
      CREATE POLICY ${sql(`${name}_tenant`)} ON ${target} TO ${sql(`${service}_tenant`)}
      USING (${sql.literal(isOwn)}) WITH CHECK (${sql.literal(mayBeNew)})
    `
    yield* sql`GRANT SELECT, INSERT, UPDATE, DELETE ON ${target} TO ${sql(`${service}_tenant`)}`
  })

  const merchant = "merchant_id = (SELECT platform.tenant_merchant())"
  const merchantOrBuyer = `(${merchant} OR user_id = (SELECT platform.tenant_user()))`
  const merchantOrPayer = `(${merchant} OR payer_id = (SELECT platform.tenant_user()))`
  // What a parent's own policy leaves visible is what its children may be of.
  const of = (parent: string, key: string, child: string) =>
    `EXISTS (SELECT FROM ${parent} AS parent WHERE parent.${key} = ${child})`
  const guardChild = (service: "mall_store" | "mall_pay", child: `${string}.${string}`, parent: string, by: string) =>
    guard(service, child, of(parent, "id", `${child}.${by}`))

  yield* guard("mall_store", "catalog.merchants", "id = (SELECT platform.tenant_merchant())")
  yield* guard("mall_store", "catalog.products", merchant)
  yield* guard("mall_store", "catalog.skus", merchant)
  // The first price is written by the statement that makes the SKU, which does not see its own rows yet.
  yield* guard("mall_store", "catalog.price_changes", of("catalog.skus", "id", "catalog.price_changes.sku_id"), "true")
  yield* guardChild("mall_store", "catalog.product_history", "catalog.products", "product_id")
  yield* guard("mall_store", "trade.orders", merchantOrBuyer)
  yield* guard("mall_store", "trade.checkouts", of("trade.orders", "checkout_id", "trade.checkouts.id"))
  yield* guardChild("mall_store", "trade.order_lines", "trade.orders", "order_id")
  yield* guardChild("mall_store", "trade.order_history", "trade.orders", "order_id")
  yield* guard("mall_store", "trade.order_expiry_rules", merchant)
  yield* guard("mall_store", "trade.order_expiry_changes", merchant)
  yield* guardChild("mall_store", "trade.returns", "trade.orders", "order_id")
  yield* guardChild("mall_store", "trade.return_lines", "trade.returns", "return_id")
  yield* guardChild("mall_store", "trade.return_history", "trade.returns", "return_id")

  yield* sql`GRANT USAGE ON SCHEMA identity TO mall_store_tenant`
  yield* guard("mall_store", "identity.api_keys", merchant)
  yield* guardChild("mall_store", "identity.api_key_secrets", "identity.api_keys", "key_id")
  yield* guardChild("mall_store", "identity.api_key_history", "identity.api_keys", "key_id")

  yield* guard("mall_pay", "payments.intents", merchantOrPayer)
  for (const child of ["attempts", "refunds", "history", "tickets", "callback_inbox"]) {
    yield* guardChild("mall_pay", `payments.${child}`, "payments.intents", "payment_id")
  }
  yield* guard("mall_pay", "payments.branding", merchant)
  yield* guard("mall_pay", "payments.disputes", merchant)
  yield* guardChild("mall_pay", "payments.dispute_history", "payments.disputes", "dispute_id")
  yield* guardChild("mall_pay", "payments.dispute_evidence", "payments.disputes", "dispute_id")
  yield* guard("mall_pay", "payments.channel_credentials", merchant)
  yield* guardChild("mall_pay", "payments.channel_credential_history", "payments.channel_credentials", "credential_id")
  yield* guard("mall_pay", "ledger.accounts", merchant)
  yield* guardChild("mall_pay", "ledger.balances", "ledger.accounts", "account_id")
  yield* guardChild("mall_pay", "ledger.entries", "ledger.accounts", "account_id")
  yield* guard("mall_pay", "ledger.transfers", of("ledger.entries", "transfer_id", "ledger.transfers.id"))
  yield* sql`REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ledger FROM mall_pay_tenant`
})
