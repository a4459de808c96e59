import { assert, layer } from "@effect/vitest"
import { SkuId } from "@mall/domain/catalog/Catalog"
import { Principal, SessionId } from "@mall/domain/identity/CurrentUser"
import { Email, ManagedUser, Password } from "@mall/domain/identity/User"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { Page } from "@mall/domain/kernel/Page"
import { QueueMessagePage, QueueStatus } from "@mall/domain/operations/Queue"
import { PaymentPage, Refund } from "@mall/domain/payments/Payment"
import { PaymentDetails } from "@mall/domain/payments/PaymentDetails"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { MerchantBranding } from "@mall/domain/payments/Branding"
import { Gathering } from "@mall/payments/channel/crypto/CryptoGatherings"
import { CheckoutId, Order } from "@mall/domain/trade/Order"
import { AccessTokens } from "@mall/identity/tokens/AccessTokens"
import { Addresses } from "@mall/identity/users/Addresses"
import { SigningKeyStatus } from "@mall/identity/tokens/Keys"
import { Logins } from "@mall/identity/signin/Logins"
import { UserAdministration } from "@mall/identity/users/UserAdministration"
import { demoPassword } from "@mall/server/Seed"
import { Checkouts } from "@mall/trade/Checkouts"
import { Array, DateTime, Effect, FileSystem, Option, Redacted, Schema } from "effect"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { SqlClient } from "effect/sql"
import { CommandLine, decode } from "./CommandLine.ts"

const newCheckoutId = generator(CheckoutId)
const newSessionId = generator(SessionId)
const newId = generator(Uuid7.pipe(Schema.brand("Any")))
const buyerEmail = Email.make("buyer@demo.mall")

/** Milliseconds; for what takes seconds on a machine with nothing else to do. */
const slow = 120_000

const mall = (...args: ReadonlyArray<string>) => CommandLine.use((line) => line.mall(...args))

const buyer = Effect.gen(function* () {
  const administration = yield* UserAdministration
  const { id } = yield* Effect.flatMap(administration.findByEmail(buyerEmail), Effect.fromOption)
  return new Principal({
    userId: id,
    sessionId: yield* newSessionId,
    roles: ["customer"],
    merchantId: Option.none(),
    expiresAt: yield* DateTime.nowAsDate
  })
})

/** Orders one piece of something of the demo shop. */
const placeOrder = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const checkouts = yield* Checkouts
  const addresses = yield* Addresses
  const principal = yield* buyer
  const [address] = (yield* addresses.list(principal, {})).data
  const [sku] = yield* sql`
    SELECT s.id FROM catalog.skus s JOIN trade.stock k ON k.sku_id = s.id AND k.on_hand - k.reserved > 0 LIMIT 1`
  return yield* checkouts.checkout(principal, yield* newCheckoutId, {
    items: [{ skuId: SkuId.make(String(sku?.["id"])), quantity: 1 }],
    addressId: (yield* Effect.fromNullishOr(address)).id
  })
})

/** What a channel's word would have made of the payment. */
const capture = Effect.fnUntraced(function* (id: PaymentId) {
  const sql = yield* SqlClient.SqlClient
  const now = yield* DateTime.nowAsDate
  yield* sql`UPDATE payments.intents SET status = 'succeeded', captured = amount, paid_at = ${now} WHERE id = ${id}`
  yield* sql`
    INSERT INTO payments.attempts (id, payment_id, channel, method, amount, currency, status, created_at, updated_at)
    SELECT ${yield* newId}, id, 'wechatpay', 'native', amount, currency, 'succeeded', ${now}, ${now}
    FROM payments.intents WHERE id = ${id}`
})

const bury = Effect.fnUntraced(function* (queue: string, id: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    INSERT INTO outbox (id, queue_name, element, state, attempts, last_failure, visible_at, created_at, updated_at)
    VALUES (${id}, ${queue}, '{"message":1}', 'failed', 10, 'no such order', NOW(), NOW(), NOW())`
})

layer(CommandLine.layerWithServices, { excludeTestServices: true, timeout: "60 seconds" })("mall", (it) => {
  it.effect("seeds the demo shop once, on a migrated database", () =>
    Effect.gen(function* () {
      const Seeded = Schema.Struct({ seeded: Schema.Boolean })
      assert.deepStrictEqual((yield* mall("migrate")).out, "The database is up to date.")
      assert.isTrue((yield* decode(Seeded, yield* mall("seed", "--json"))).seeded)
      assert.isFalse((yield* decode(Seeded, yield* mall("seed", "--json"))).seeded)
    })
  )

  it.effect("lists users by page and filter, as tables and as JSON", () =>
    Effect.gen(function* () {
      const first = yield* decode(Page(ManagedUser), yield* mall("users", "list", "--limit", "2", "--json"))
      assert.strictEqual(first.data.length, 2)
      const rest = yield* mall("users", "list", "--after", first.nextCursor ?? "", "--json")
      assert.strictEqual((yield* decode(Page(ManagedUser), rest)).data.length, 1)
      const admins = yield* mall("users", "list", "--role", "admin")
      assert.include(admins.out, "admin@demo.mall")
      assert.notInclude(admins.out, "buyer@demo.mall")
      assert.strictEqual((yield* mall("users", "list", "--status", "banned")).out, "There are no such users.")
      const badCursor = yield* mall("users", "list", "--after", "nonsense")
      assert.deepStrictEqual([badCursor.code, badCursor.out], [1, ""])
    })
  )

  it.effect("bans and unbans by email; the history names the operator and the reason", () =>
    Effect.gen(function* () {
      const banned = yield* mall("users", "ban", " Buyer@Demo.Mall", "--reason", "stolen card", "--yes", "--json")
      const user = yield* decode(ManagedUser, banned)
      assert.strictEqual(user.banReason, "stolen card (operator olga)")
      assert.include((yield* mall("users", "show", user.id)).out, "stolen card (operator olga)")
      yield* mall("users", "unban", user.id, "--reason", "was his")
      assert.include((yield* mall("users", "show", "buyer@demo.mall")).out, "active")
      assert.strictEqual((yield* mall("users", "logout", user.id, "--reason", "phone lost")).code, 0)
    })
  )

  it.effect("grants and revokes roles, and tells in a sentence why it does not", () =>
    Effect.gen(function* () {
      const admin = yield* mall("users", "grant", "buyer@demo.mall", "admin", "--reason", "on call", "--json")
      assert.include((yield* decode(ManagedUser, admin)).roles, "admin")
      const shopless = yield* mall("users", "grant", "buyer@demo.mall", "merchant", "--reason", "x")
      assert.strictEqual(shopless.code, 1)
      assert.include(shopless.err, "The role merchant is granted for a shop")
      const revoked = yield* mall("users", "revoke", "buyer@demo.mall", "admin", "--reason", "x", "--yes", "--json")
      assert.notInclude((yield* decode(ManagedUser, revoked)).roles, "admin")
    })
  )

  it.effect("ends with 1 and one sentence for what does not exist", () =>
    Effect.gen(function* () {
      const id = yield* newId
      const commands = [
        ["users", "show", "nobody@demo.mall"],
        ["users", "show", id],
        ["orders", "show", id],
        ["returns", "show", id, id],
        ["alerts", "ack", id],
        ["payments", "show", id],
        ["payments", "log", id],
        ["payments", "callbacks", "show", id],
        ["payments", "callbacks", "replay", id],
        ["queues", "show", "order_timeout.trade", id],
        ["sweep", "run", "nothing"]
      ]
      for (const command of commands) {
        const { code, err, out } = yield* mall(...command)
        assert.deepStrictEqual([code, out], [1, ""], command.join(" "))
        assert.match(err, /^(There is no|The queue holds no) [^\n]+\.$/, command.join(" "))
      }
    })
  )

  it.effect("ends with 2, says what was wrong and where the help is, for wrong usage", () =>
    Effect.gen(function* () {
      const commands = [
        ["nonsense"],
        ["users"],
        ["users", "frob"],
        ["users", "list", "--colour"],
        ["users", "list", "--limit", "101"],
        ["users", "ban", "buyer@demo.mall", "--yes"],
        ["users", "show", "not an id"],
        ["orders", "show", "abc"],
        ["orders", "list", "--status", "lost"],
        ["returns", "list", "--status", "lost"],
        ["payments", "refund", "abc", "--reason", "x"],
        ["products", "import", "/no/such/file.csv"],
        ["expiry", "set", "--seconds", "1"]
      ]
      for (const command of commands) {
        const { code, err, out } = yield* mall(...command)
        assert.strictEqual(code, 2, command.join(" "))
        assert.include(err + out, "mall", command.join(" "))
      }
      assert.include((yield* mall("users", "frob")).err, "mall users --help")
      assert.strictEqual((yield* mall()).code, 0)
    })
  )

  it.effect("asks for --yes where there is no terminal, before it does what cannot be taken back", () =>
    Effect.gen(function* () {
      const { code, err } = yield* mall("users", "ban", "buyer@demo.mall", "--reason", "x")
      assert.strictEqual(code, 2)
      assert.include(err, "add --yes")
      assert.include((yield* mall("users", "show", "buyer@demo.mall")).out, "active")
    })
  )

  it.effect("lists, shows and cancels orders; the second cancel is refused", () =>
    Effect.gen(function* () {
      const placed = yield* placeOrder
      const [order] = placed.orders
      const id = order?.id ?? ""
      const listed = yield* mall("orders", "list", "--user", "buyer@demo.mall", "--status", "pending_payment", "--json")
      assert.include(
        (yield* decode(Page(Order), listed)).data.map((each) => each.id),
        order?.id
      )
      assert.strictEqual((yield* mall("orders", "list", "--user", "admin@demo.mall")).out, "There are no such orders.")
      const shop = order?.merchantId ?? ""
      const ofBoth = ["--user", "buyer@demo.mall", "--merchant", shop, "--json"]
      const both = yield* decode(Page(Order), yield* mall("orders", "list", ...ofBoth))
      assert.include(
        both.data.map((each) => each.id),
        order?.id
      )
      for (const [user, merchant] of [
        ["admin@demo.mall", shop],
        ["buyer@demo.mall", "019a0000-0000-7000-8000-000000000000"]
      ] as const) {
        const { out } = yield* mall("orders", "list", "--user", user, "--merchant", merchant)
        assert.strictEqual(out, "There are no such orders.")
      }
      assert.include((yield* mall("orders", "show", id)).out, "pending_payment")
      const canceled = yield* mall("orders", "cancel", id, "--reason", "buyer phoned", "--yes", "--json")
      const { history, status } = yield* decode(Order, canceled)
      assert.strictEqual(status, "canceled")
      assert.deepInclude(history.at(-1), {
        actor: { kind: "admin", id: null },
        reason: "buyer phoned (operator olga)"
      })
      const again = yield* mall("orders", "cancel", id, "--reason", "x", "--yes")
      assert.deepStrictEqual([again.code, again.out], [1, ""])
      assert.include(again.err, "The order is canceled")
    })
  )

  it.effect("refunds in part, by whom is kept, and never more than is left", () =>
    Effect.gen(function* () {
      const { payment } = yield* placeOrder
      const unpaid = yield* mall("payments", "refund", payment.id, "--reason", "x", "--yes")
      assert.strictEqual(unpaid.code, 1)
      assert.include(unpaid.err, "The payment is pending")
      yield* capture(payment.id)
      const listed = yield* mall("payments", "list", "--status", "succeeded", "--json")
      assert.deepStrictEqual(
        (yield* decode(PaymentPage, listed)).data.map(({ id }) => id),
        [payment.id]
      )
      const refundId = yield* newId
      const refund = (amount: string) =>
        mall(
          "payments",
          "refund",
          payment.id,
          "--amount",
          amount,
          "--reason",
          "late",
          "--refund-id",
          refundId,
          "--yes",
          "--json"
        )
      const made = yield* decode(Refund, yield* refund("1 CNY"))
      assert.deepStrictEqual([made.amount.amount, made.amount.currency], [1, "CNY"])
      assert.strictEqual((yield* decode(Refund, yield* refund("1CNY"))).id, made.id)
      const details = yield* decode(PaymentDetails, yield* mall("payments", "show", payment.id, "--json"))
      assert.strictEqual(details.refunds.length, 1)
      assert.isTrue(details.history.some(({ actor, subject }) => subject === "refund" && actor === "operator:olga"))
      const all = String(payment.amount.amount)
      const tooMuch = yield* mall("payments", "refund", payment.id, "--amount", `${all} CNY`, "--reason", "x", "--yes")
      assert.deepStrictEqual([tooMuch.code, tooMuch.out], [1, ""])
      assert.strictEqual((yield* mall("payments", "query", payment.id)).code, 0)
      assert.strictEqual((yield* mall("payments", "incidents")).out, "There were no incidents.")
      assert.strictEqual((yield* mall("payments", "callbacks", "list")).out, "There are no such callbacks.")
    })
  )

  it.effect("lists sweeps and runs one", () =>
    Effect.gen(function* () {
      const ran = yield* mall("sweep", "run", "expired_orders", "--json")
      const Ran = Schema.Struct({ name: Schema.String, items: Schema.Int })
      assert.deepStrictEqual(yield* decode(Ran, ran), { name: "expired_orders", items: 0 })
      const Status = Schema.Struct({
        name: Schema.String,
        lastRun: Schema.NullOr(Schema.Struct({ outcome: Schema.String }))
      })
      const statuses = yield* decode(Schema.Array(Status), yield* mall("sweep", "list", "--json"))
      assert.includeMembers(
        statuses.map(({ name }) => name),
        ["expired_orders", "payment_attempts", "idempotency_keys", "completed_messages"]
      )
      assert.strictEqual(statuses.find(({ name }) => name === "expired_orders")?.lastRun?.outcome, "ok")
    })
  )

  it.effect("shows dead messages, retries and drops them", () =>
    Effect.gen(function* () {
      const queue = "mark_order_paid.trade"
      for (const id of ["one", "two", "three", "four"]) yield* bury(queue, id)
      const dead = yield* decode(QueueMessagePage, yield* mall("queues", "dead", queue, "--json"))
      assert.deepStrictEqual(
        dead.data.map(({ id }) => id),
        ["four", "three", "two", "one"]
      )
      assert.include((yield* mall("queues", "show", queue, "one")).out, "no such order")
      assert.strictEqual((yield* mall("queues", "drop", queue, "one", "--yes")).code, 0)
      assert.strictEqual((yield* mall("queues", "drop", queue, "one", "--yes")).code, 1)
      assert.strictEqual((yield* mall("queues", "retry", queue, "two")).code, 0)
      assert.strictEqual((yield* mall("queues", "retry", queue)).code, 2)
      assert.include((yield* mall("queues", "retry", queue, "--all")).out, "2 messages are tried again")
      const statuses = yield* decode(Schema.Array(QueueStatus), yield* mall("queues", "list", "--json"))
      assert.deepInclude(
        statuses.find((status) => status.queue === queue),
        { dead: 0, waiting: 3, completed: 1 }
      )
    })
  )

  it.effect("lists what was gathered on the chain", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      assert.include((yield* mall("crypto", "gatherings")).out, "Nothing was gathered.")
      yield* sql`
        INSERT INTO payments.crypto_payouts (key, chain_id, token, recipient, amount, status, call, gas, created_at)
        VALUES ('gather:1', 1, '0x1', '0x2', 7000000, 'pending', '0x3', 460000, '2026-01-01')`
      yield* sql`INSERT INTO payments.crypto_gathered (key, address, amount) VALUES ('gather:1', '0x4', 7000000)`
      const listed = yield* decode(Schema.Array(Gathering), yield* mall("crypto", "gatherings", "--json"))
      assert.deepInclude(listed[0], { status: "pending", amount: 7_000_000, addresses: 1, cost: null })
    })
  )

  it.effect("says how a merchant's cashier looks", () =>
    Effect.gen(function* () {
      const merchant = yield* newId
      const set = (...flags: ReadonlyArray<string>) => mall("branding", "set", merchant, "--name", "Tea & Co", ...flags)
      assert.strictEqual((yield* set("--color", "#0A7A4B")).code, 2)
      assert.strictEqual((yield* set("--color", "#0a7a4b", "--logo", "javascript:alert(1)")).code, 2)
      assert.strictEqual((yield* set("--color", "#0a7a4b")).code, 0)
      const all = yield* decode(Schema.Array(MerchantBranding), yield* mall("branding", "list", "--json"))
      assert.deepInclude(all, {
        merchantId: MerchantId.make(merchant),
        name: "Tea & Co",
        color: "#0a7a4b",
        logoUrl: null
      })
    })
  )

  it.effect("rotates the signing key; tokens of the former one stay good", () =>
    Effect.gen(function* () {
      const logins = yield* Logins
      const tokens = yield* AccessTokens
      const password = Password.make(Redacted.make(demoPassword, { label: "password" }))
      const pair = yield* logins.login({ email: buyerEmail, password }, { ip: "203.0.113.7", userAgent: "test" })
      assert.strictEqual((yield* mall("keys", "rotate")).code, 0)
      const keys = yield* decode(Schema.Array(SigningKeyStatus), yield* mall("keys", "list", "--json"))
      assert.deepStrictEqual(
        keys.map(({ createdBy, retiredAt }) => [createdBy, retiredAt === null]),
        [
          ["operator:olga", true],
          [null, false]
        ]
      )
      assert.strictEqual((yield* tokens.verify(pair.accessToken)).principal.userId, pair.user.id)
    })
  )

  it.effect(
    "imports 10,000 rows, tells which failed, and ends with 1 for them",
    () =>
      Effect.gen(function* () {
        const { folder } = yield* CommandLine
        const fs = yield* FileSystem.FileSystem
        const file = `${folder}/products.csv`
        const errors = `${folder}/errors.csv`
        const rows = Array.makeBy(10_000, (index) =>
          index === 4998
            ? "cotton-cloud,no-such-category,sku-bad,Bad,1.00"
            : `cotton-cloud,${"CATEGORY"},sku-${index},Shirt ${index},19.90`
        )
        const sql = yield* SqlClient.SqlClient
        const [category] = yield* sql`SELECT c.code FROM catalog.categories c ORDER BY c.code LIMIT 1`
        const header = "merchant,category,sku,title_en,price"
        const text = [header, ...rows].join("\n").replaceAll("CATEGORY", String(category?.["code"]))
        yield* fs.writeFileString(file, text)

        const Report = Schema.Struct({ rows: Schema.Int, created: Schema.Int, updated: Schema.Int, failed: Schema.Int })
        const real = yield* mall("products", "import", file, "--errors", errors, "--json")
        assert.strictEqual(real.code, 1)
        assert.deepStrictEqual(yield* decode(Report, real), { rows: 10_000, created: 9999, updated: 0, failed: 1 })
        assert.match(real.err, /line 5000, SKU sku-bad: [^\n]*category/)
        assert.include(real.err, "1 of 10000 rows were not imported")
        assert.match(yield* fs.readFileString(errors), /^line,sku,reason\r?\n5000,sku-bad,/)

        yield* fs.writeFileString(file, text.split("\n").slice(0, 3).join("\n").replaceAll("sku-1", "sku-new"))
        for (const [lost, code] of [
          [`${folder}/none/errors.csv`, 1],
          [file, 2]
        ] as const) {
          const refused = yield* mall("products", "import", file, "--errors", lost)
          assert.deepStrictEqual([refused.code, refused.out], [code, ""])
          assert.notInclude(refused.err, "rows")
        }
        const dry = yield* mall("products", "import", file, "--dry-run", "--json")
        assert.deepStrictEqual(yield* decode(Report, dry), { rows: 2, created: 1, updated: 1, failed: 0 })
        const again = yield* mall("products", "import", file)
        assert.deepStrictEqual([again.code, again.out], [0, "Imported 2 of 2 rows: 1 SKUs created, 1 updated."])
      }).pipe(Effect.provide(NodeServices.layer)),
    slow
  )
})
