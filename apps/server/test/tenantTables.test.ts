import { assert, layer } from "@effect/vitest"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

/** Tables that row-level security does not guard, and why nothing in them is one merchant's. */
const unguarded: Readonly<Record<string, ReadonlyArray<string>>> = {
  "the mall's own, the same for every merchant": ["catalog.categories"],
  "a user's: found by the user who signs in, in whichever shop they work": [
    "identity.account_events",
    "identity.addresses",
    "identity.email_codes",
    "identity.email_indexes",
    "identity.known_devices",
    "identity.login_throttles",
    "identity.logins",
    "identity.provider_identities",
    "identity.provider_sign_ins",
    "identity.recovery_codes",
    "identity.sent_mails",
    "identity.sessions",
    "identity.totp_credentials"
  ],
  "a visitor's: found by the user or by the cart's secret": ["trade.cart_additions", "trade.cart_items", "trade.carts"],
  "of people and not of shops: who is erased": ["trade.erased_buyers"],
  "the platform's keys, rules and defences": [
    "identity.blocks",
    "identity.policy_versions",
    "identity.service_tokens",
    "identity.signing_keys",
    "payments.nonces",
    "payments.routing_tables"
  ],
  "how the platform judges payments, which no merchant may learn": [
    "risk.checks",
    "risk.list_history",
    "risk.listed",
    "risk.review_history",
    "risk.reviews",
    "risk.rules",
    "risk.seen",
    "risk.windows"
  ],
  "of the platform's wallets and of the chains, whoever was paid": [
    "payments.crypto_cursors",
    "payments.crypto_gathered",
    "payments.crypto_payouts",
    "payments.crypto_signings",
    "payments.crypto_transfers",
    "payments.crypto_wallets"
  ],
  "of the ledger as a whole": ["ledger.chain_head"],
  "the platform's terms with banks, channels and markets": [
    "treasury.bank_statements",
    "treasury.business_calendars",
    "treasury.channel_fees",
    "treasury.fx_limits",
    "treasury.fx_rate_decisions",
    "treasury.fx_rates",
    "treasury.resolution_rules"
  ],
  "a worker's notes of what it has in hand, gone when it is done": [
    "merchants.unwanted_objects",
    "treasury.bill_lines",
    "treasury.compared_records"
  ],
  "how the platform runs": [
    "effect_persistence",
    "outbox_migrations",
    "platform.alerts",
    "platform.audit_chain",
    "platform.caller_counts",
    "platform.doctor_runs",
    "platform.doctor_violation_history",
    "platform.doctor_violations",
    // answers that are kept for who asked, under a scope that begins with who that is
    "platform.idempotency_keys",
    "platform.signal_counts",
    "platform.sweep_runs",
    "schema_migrations",
    "workflows.cluster_locks",
    "workflows.cluster_messages",
    "workflows.cluster_migrations",
    "workflows.cluster_replies",
    "workflows.cluster_runner_migrations",
    "workflows.cluster_runners"
  ],
  "written by staff's transactions, and read by none of their services": ["outbox", "platform.audit_unsealed"]
}

/** Those of them that a tenant's transaction reaches all the same. */
const reached = ["catalog.categories", "outbox", "platform.audit_unsealed"]

const Table = Schema.Struct({
  name: Schema.String,
  isGuarded: Schema.Boolean,
  isReached: Schema.Boolean,
  /** What a tenant's policies let through. */
  policies: Schema.Array(Schema.String)
})

const tables = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  SqlSchema.findAll({
    Request: Schema.Void,
    Result: Table,
    execute: () => sql`
      SELECT
        c.oid::regclass::text AS name, c.relrowsecurity AS is_guarded,
        (
          SELECT bool_or(has_table_privilege(tenant.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE'))
          FROM pg_roles AS tenant WHERE tenant.rolname IN ('mall_store_tenant', 'mall_pay_tenant')
        ) AS is_reached,
        ARRAY (
          SELECT coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), '')
          FROM pg_policy AS p
          WHERE p.polrelid = c.oid AND EXISTS (
            SELECT FROM unnest(p.polroles) AS role (oid)
            LEFT JOIN pg_roles ON pg_roles.oid = role.oid
            WHERE role.oid = 0 OR pg_roles.rolname LIKE '%\\_tenant'
          )
        ) AS policies
      FROM pg_class AS c
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
      ORDER BY name`
  })()
)

const named = Object.values(unguarded).flat()

/** Says whose a row is: by the merchant, by the user, or by a parent whose own policy says it. */
const saysWhose = (policy: string) => /tenant_merchant\(\)|tenant_user\(\)|EXISTS \( SELECT/.test(policy)

layer(TestDatabase, { timeout: "60 seconds" })("Every table", (it) => {
  it.effect("has row-level security, or is named with the reason why it needs none", () =>
    Effect.gen(function* () {
      const open = (yield* tables).filter(({ isGuarded }) => !isGuarded)
      assert.deepStrictEqual(open.map(({ name }) => name).toSorted(), named.toSorted())
    })
  )

  it.effect("that was forgotten is found, and so is a policy that asks for no tenant", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE trade.forgotten_lines (order_id uuid NOT NULL)`
      yield* sql`CREATE TABLE trade.lax_lines (order_id uuid NOT NULL)`
      yield* sql`ALTER TABLE trade.lax_lines ENABLE ROW LEVEL SECURITY`
      yield* sql`CREATE POLICY lax_lines_tenant ON trade.lax_lines TO mall_store_tenant USING (true)`
      const found = yield* tables
      const isOpen = found.some(({ isGuarded, name }) => name === "trade.forgotten_lines" && !isGuarded)
      const isLax = found.some(({ name, policies }) => name === "trade.lax_lines" && !policies.every(saysWhose))
      yield* sql`DROP TABLE trade.forgotten_lines, trade.lax_lines`
      assert.deepStrictEqual([isOpen, isLax], [true, true])
    })
  )

  it.effect("that is guarded leaves tenants what a policy says is theirs", () =>
    Effect.gen(function* () {
      const guarded = (yield* tables).filter(({ isGuarded }) => isGuarded)
      assert.isAbove(guarded.length, 60)
      for (const { name, policies } of guarded) {
        assert.isNotEmpty(policies, name)
        for (const policy of policies) assert.isTrue(saysWhose(policy), `${name}: ${policy}`)
      }
    })
  )

  it.effect("that is not guarded is out of tenants' reach, but for those that are named", () =>
    Effect.gen(function* () {
      const open = (yield* tables).filter(({ isGuarded, isReached }) => !isGuarded && isReached)
      assert.deepStrictEqual(open.map(({ name }) => name).toSorted(), reached)
    })
  )
})
