import { assert, layer } from "@effect/vitest"
import { withIdempotencyKey } from "@mall/client/IdempotencyKey"
import { generator } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { AlertId } from "@mall/domain/operations/Alert"
import type { AuditEntry } from "@mall/domain/operations/Audit"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import { ReturnId } from "@mall/domain/trade/Return"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { eventually, newBuyer, sandboxAt, skusInStock } from "./shoppers.ts"
import {
  driveBlocks,
  driveExchange,
  driveKeys,
  driveOperators,
  drivePayoutAccounts,
  driveRoles,
  driveRules,
  driveTerms
} from "./auditedAccess.ts"
import { driveDifferences, driveReviews } from "./auditedMoney.ts"
import { driveCredentials, driveDisputes, driveReturns } from "./auditedChannels.ts"
import { driveDoctor } from "./auditedDoctor.ts"
import { driveMerchants } from "./auditedMerchants.ts"
import { driveSettlements, driveWithdrawals } from "./auditedPayouts.ts"
import { declared, drive, driven, leftBy, Mall, nothingFrom, paidOrder, wechatpay } from "./auditedMall.ts"

const newAlertId = generator(AlertId)
const newRefundId = generator(RefundId)
const newReturnId = generator(ReturnId)
const cny = (amount: number) => Money.of(Money.zero("CNY").amount + amount, "CNY")
const title = { zh: "茶", en: "tea" }

layer(Mall.layer, { excludeTestServices: true, timeout: "2 minutes" })("what staff do is kept", (it) => {
  it.effect("of products, SKUs, stock and categories", () =>
    Effect.gen(function* () {
      const { admin, merchant } = yield* Mall
      const { mall } = merchant
      const code = "audit-tea"
      const create = admin.mall.categories
        .create({ payload: { code, name: title } })
        .pipe(withIdempotencyKey("category"))
      const category = yield* drive("POST /api/v1/categories", admin, create, { before: null, after: { code } })
      yield* nothingFrom("a replayed request", create)
      yield* nothingFrom("a refused one", admin.mall.categories.create({ payload: { code, name: title } }))
      yield* drive(
        "PATCH /api/v1/categories/:id",
        admin,
        admin.mall.categories.update({ params: category, payload: { position: 7 } }),
        { before: { position: 0 }, after: { position: 7 } }
      )
      const product = yield* drive(
        "POST /api/v1/products",
        merchant,
        mall.products.create({ payload: { categoryId: category.id, title, code: "audit-1" } }),
        { before: null, after: { code: "audit-1", status: "draft" } }
      )
      const params = { id: product.id }
      const withSku = yield* drive(
        "POST /api/v1/products/:id/skus",
        merchant,
        mall.products.addSku({ params, payload: { code: "audit-sku", price: cny(1000) } })
      )
      const skuId = withSku.skus[0]!.id
      const ofSku = { params: { ...params, skuId } }
      yield* drive(
        "PATCH /api/v1/products/:id/skus/:skuId",
        merchant,
        mall.products.updateSku({ ...ofSku, payload: { price: cny(1200) } })
      )
      yield* drive(
        "PUT /api/v1/products/:id/skus/:skuId/stock",
        merchant,
        mall.products.setStock({ ...ofSku, payload: { onHand: 9 } }),
        { before: { onHand: 0 }, after: { onHand: 9 } }
      )
      yield* nothingFrom("the same stock", mall.products.setStock({ ...ofSku, payload: { onHand: 9 } }))
      yield* drive(
        "PATCH /api/v1/products/:id",
        merchant,
        mall.products.update({ params, payload: { title: { zh: "绿茶", en: "green tea" } } }),
        { before: { title }, after: { title: { zh: "绿茶", en: "green tea" } } }
      )
      yield* drive("POST /api/v1/products/:id/publish", merchant, mall.products.publish({ params }), {
        before: { status: "draft" },
        after: { status: "published" }
      })
      yield* nothingFrom("what is published already", mall.products.publish({ params }))
      yield* nothingFrom("another's product", mall.products.publish({ params: { id: category.id as never } }))
      yield* drive("POST /api/v1/products/:id/unpublish", merchant, mall.products.unpublish({ params }))
      yield* drive("DELETE /api/v1/products/:id/skus/:skuId", merchant, mall.products.archiveSku(ofSku))
      yield* drive("DELETE /api/v1/products/:id", merchant, mall.products.archive({ params }), {
        after: { status: "archived" }
      })

      const rpc = { merchant: merchant.merchant, admin: admin.admin }
      const other = yield* drive(
        "rpc categories.create",
        admin,
        rpc.admin["categories.create"]({ category: { code: "audit-rpc", name: title } })
      )
      yield* drive(
        "rpc categories.update",
        admin,
        rpc.admin["categories.update"]({ id: other.id, change: { position: 1 } })
      )
      yield* drive("rpc categories.remove", admin, rpc.admin["categories.remove"]({ id: other.id }), {
        before: { code: "audit-rpc" },
        after: null
      })
      const last = yield* admin.mall.categories.create({ payload: { code: "audit-last", name: title } })
      yield* drive("DELETE /api/v1/categories/:id", admin, admin.mall.categories.remove({ params: { id: last.id } }))
      const made = yield* drive(
        "rpc products.create",
        merchant,
        rpc.merchant["products.create"]({ product: { categoryId: category.id, title } })
      )
      const { id } = made
      yield* drive(
        "rpc products.update",
        merchant,
        rpc.merchant["products.update"]({ id, change: { images: ["https://a.example/b.png"] } })
      )
      const sku = (yield* drive(
        "rpc products.addSku",
        merchant,
        rpc.merchant["products.addSku"]({ id, sku: { code: "rpc-sku", price: cny(5) } })
      )).skus[0]!
      yield* drive(
        "rpc products.updateSku",
        merchant,
        rpc.merchant["products.updateSku"]({ id, skuId: sku.id, change: { price: cny(6) } })
      )
      yield* drive(
        "rpc products.setStock",
        merchant,
        rpc.merchant["products.setStock"]({ id, skuId: sku.id, onHand: 1 })
      )
      yield* drive("rpc products.publish", merchant, rpc.merchant["products.publish"]({ id }))
      yield* drive("rpc products.unpublish", merchant, rpc.merchant["products.unpublish"]({ id }))
      yield* drive("rpc products.archiveSku", merchant, rpc.merchant["products.archiveSku"]({ id, skuId: sku.id }))
      yield* drive("rpc products.archive", merchant, rpc.merchant["products.archive"]({ id }))
    })
  )

  it.effect("of orders and returns", () =>
    Effect.gen(function* () {
      const { admin, merchant, sandboxUrl, url } = yield* Mall
      const { merchantId } = yield* merchant.storefront["account.me"]()
      const buyer = yield* newBuyer(url, "audited")
      const order = yield* paidOrder(buyer, sandboxUrl, merchantId)
      assert.strictEqual(order.merchantId, merchantId)
      const params = { id: order.id }
      const shipment = { carrier: "SF", trackingNumber: "SF1" }
      yield* drive("POST /api/v1/orders/:id/ship", merchant, merchant.mall.orders.ship({ params, payload: shipment }), {
        before: { status: "paid" },
        after: { status: "shipped", shipment }
      })
      yield* nothingFrom("what is shipped already", merchant.mall.orders.ship({ params, payload: shipment }))
      yield* drive("POST /api/v1/orders/:id/deliver", merchant, merchant.mall.orders.deliver({ params }), {
        after: { status: "delivered" }
      })
      const skuId = order.lines[0]!.skuId
      const request = buyer.mall.returns.request({
        params,
        payload: { lines: [{ skuId, quantity: 1 }], reason: "worn" }
      })
      const { answer: rejected } = yield* leftBy(request)
      const ofRejected = { ...params, returnId: rejected.id }
      yield* drive(
        "POST /api/v1/orders/:id/returns/:returnId/reject",
        merchant,
        merchant.mall.returns.reject({ params: ofRejected, payload: { reason: "not ours" } }),
        { before: { status: "requested" }, after: { status: "rejected" } }
      )
      const ofReturn = { ...params, returnId: (yield* request).id }
      yield* drive(
        "POST /api/v1/orders/:id/returns/:returnId/approve",
        merchant,
        merchant.mall.returns.approve({ params: ofReturn })
      )
      yield* drive(
        "POST /api/v1/orders/:id/returns/:returnId/receive",
        merchant,
        merchant.mall.returns.receive({ params: ofReturn, payload: { restock: true } }),
        { before: { status: "approved" }, after: { status: "received", restocked: true } }
      )

      const second = yield* paidOrder(buyer, sandboxUrl, merchantId)
      const rpc = merchant.merchant
      yield* drive("rpc orders.ship", merchant, rpc["orders.ship"]({ id: second.id, shipment }))
      yield* drive("rpc orders.deliver", merchant, rpc["orders.deliver"]({ id: second.id }))
      const returnId = yield* newReturnId
      yield* buyer.storefront["returns.request"]({
        ...{ id: second.id, returnId },
        goods: { lines: [{ skuId: second.lines[0]!.skuId, quantity: 1 }], reason: "worn" }
      })
      yield* drive("rpc returns.approve", merchant, rpc["returns.approve"]({ id: second.id, returnId }))
      yield* drive(
        "rpc returns.receive",
        merchant,
        rpc["returns.receive"]({ id: second.id, returnId, receipt: { restock: false } })
      )

      const third = yield* paidOrder(buyer, sandboxUrl, merchantId)
      yield* drive("rpc orders.cancelSold", merchant, rpc["orders.cancelSold"]({ id: third.id }), {
        before: { status: "paid" },
        after: { status: "refunding" }
      })
      const pending = Effect.gen(function* () {
        const [sku] = yield* skusInStock(buyer, 1)
        const items = [{ skuId: sku!.id, quantity: 1 }]
        const checkout = yield* buyer.mall.checkout.checkout({ payload: { items, addressId: buyer.addressId } })
        return checkout.orders[0]!.id
      })
      yield* drive(
        "POST /api/v1/orders/:id/cancel",
        admin,
        admin.mall.orders.cancel({ params: { id: yield* pending } }),
        {
          before: { status: "pending_payment" },
          after: { status: "canceled" }
        }
      )
      yield* drive("rpc orders.cancelAny", admin, admin.admin["orders.cancelAny"]({ id: yield* pending }))
      const id = yield* pending
      yield* nothingFrom("a buyer's own wish", buyer.mall.orders.cancel({ params: { id } }))
      const rule = { merchantId, categoryId: null, paymentMethod: "audited", expirySeconds: 600 }
      yield* drive("rpc orders.putExpiryRule", admin, admin.admin["orders.putExpiryRule"](rule), {
        before: null,
        after: { expirySeconds: 600 }
      })
    })
  )

  it.effect("of payments, routes and branding", () =>
    Effect.gen(function* () {
      const { admin, merchant, sandboxUrl } = yield* Mall
      const payload = { amount: cny(100), reference: "audit-1", description: "tea" }
      const create = merchant.mall.payments.create({ payload }).pipe(withIdempotencyKey("payment"))
      const { id } = yield* drive("POST /api/v1/payments", merchant, create, { after: { reference: "audit-1" } })
      yield* nothingFrom("a replayed payment", create)
      const at = new Date("2030-01-01T00:00:00Z")
      yield* drive(
        "PUT /api/v1/payments/:id/cancel-at",
        merchant,
        merchant.mall.payments.scheduleCancel({ params: { id }, payload: { at } }),
        { before: { cancelAt: null }, after: { cancelAt: at.toISOString() } }
      )
      yield* drive("POST /api/v1/payments/:id/cancel", merchant, merchant.mall.payments.cancel({ params: { id } }), {
        before: { status: "pending" },
        after: { status: "canceled" }
      })
      const other = yield* merchant.mall.payments.create({ payload: { ...payload, reference: "audit-2" } })
      const step = yield* merchant.mall.payments.confirm({ params: { id: other.id }, payload: { channel: wechatpay } })
      yield* sandboxAt(sandboxUrl).pay(step.attempt.id)
      const show = merchant.mall.payments.show({ params: { id: other.id } })
      yield* eventually(show, ({ status }) => status === "succeeded", "the payment to succeed")
      yield* drive("rpc admin.payments.query", admin, admin.admin["admin.payments.query"]({ id: other.id }))
      yield* drive(
        "POST /api/v1/payments/:id/refunds",
        merchant,
        merchant.mall.payments.refund({ params: { id: other.id }, payload: { amount: cny(40), reason: "broken" } }),
        { after: { amount: { amount: 40, currency: "CNY" } } }
      )
      const tooMuch = { amount: cny(100), reason: "broken" }
      yield* nothingFrom(
        "a refused refund",
        merchant.mall.payments.refund({ params: { id: other.id }, payload: tooMuch })
      )
      const refund = { id: other.id, refundId: yield* newRefundId, reason: "broken" }
      yield* drive("rpc admin.payments.refund", admin, admin.admin["admin.payments.refund"](refund), {
        after: { amount: { amount: 60, currency: "CNY" } }
      })
      yield* nothingFrom("the same refund again", admin.admin["admin.payments.refund"](refund))
      const [callback] = (yield* admin.admin["admin.callbacks.list"]({})).data
      yield* drive("rpc admin.callbacks.replay", admin, admin.admin["admin.callbacks.replay"]({ id: callback!.id }))
      yield* drive(
        "rpc admin.routes.put",
        admin,
        admin.admin["admin.routes.put"]({ version: 0, rules: [], reason: "as before" })
      )
      const branding = { name: "Tea", color: "#00aa55", logoUrl: null }
      yield* drive("rpc branding.put", merchant, merchant.merchant["branding.put"]({ branding }), { after: branding })
    })
  )

  it.effect("of accounts, queues, alerts and sweeps", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* Mall
      const sql = yield* SqlClient.SqlClient
      const { user } = yield* newBuyer(url, "banned")
      const rpc = admin.admin
      const act = { userId: user.id, reason: "stolen card" }
      yield* drive("rpc users.ban", admin, rpc["users.ban"](act), {
        before: { bannedAt: null },
        after: { banReason: "stolen card" }
      })
      yield* nothingFrom("who is banned already", rpc["users.ban"](act))
      yield* drive("rpc users.unban", admin, rpc["users.unban"](act))
      yield* drive("rpc users.logout", admin, rpc["users.logout"](act))
      yield* drive("rpc users.grant", admin, rpc["users.grant"]({ ...act, role: "admin", merchantId: null }), {
        before: { roles: ["customer"] },
        after: { roles: ["customer", "admin"] }
      })
      yield* drive("rpc users.revoke", admin, rpc["users.revoke"]({ ...act, role: "admin" }))
      yield* drive("rpc admin.sweeps.run", admin, rpc["admin.sweeps.run"]({ name: "idempotency_keys" }))
      yield* nothingFrom("a sweep that is not", rpc["admin.sweeps.run"]({ name: "nothing" }))
      for (const id of ["a", "b", "c"]) {
        yield* sql`
          INSERT INTO outbox (id, queue_name, element, state, attempts, last_failure, visible_at, created_at, updated_at)
          VALUES (${`audit-${id}`}, 'audited', '{"message":1}', 'failed', 10, 'no', NOW(), NOW(), NOW())`
      }
      const message = (id: string) => ({ queue: "audited", id: `audit-${id}` })
      yield* drive("rpc admin.queues.retry", admin, rpc["admin.queues.retry"](message("a")))
      yield* drive("rpc admin.queues.drop", admin, rpc["admin.queues.drop"](message("b")))
      yield* drive("rpc admin.queues.retryAll", admin, rpc["admin.queues.retryAll"]({ queue: "audited" }))
      yield* nothingFrom("a message that is not dead", rpc["admin.queues.drop"](message("b")))
      const id = yield* newAlertId
      yield* sql`
        INSERT INTO platform.alerts (id, kind, severity, message, opened_at, last_seen_at)
        VALUES (${id}, 'token_abuse', 'P2', 'many', NOW(), NOW())`
      yield* drive("rpc admin.alerts.acknowledge", admin, rpc["admin.alerts.acknowledge"]({ id }))
      yield* nothingFrom("who is second", rpc["admin.alerts.acknowledge"]({ id }))
    })
  )

  it.effect("of roles and policies", () => driveRoles)
  it.effect("of blocks", () => driveBlocks)
  it.effect("of API keys", () => driveKeys)
  it.effect("of books, payments and authenticators", () => driveOperators)
  it.effect("of rules and lists", () => driveRules)
  it.effect("of rates and exchanges", () => driveExchange)
  it.effect("of pay-out accounts", () => drivePayoutAccounts)
  it.effect("of merchants' terms", () => driveTerms)
  it.effect("of payments in review", () => driveReviews)
  it.effect("of differences from the channels' bills", () => driveDifferences)
  it.effect("of violations and frozen accounts", () => driveDoctor)
  it.effect("of merchants and who applies to be one", () => driveMerchants)
  it.effect("of settlements", () => driveSettlements)
  it.effect("of withdrawals", () => driveWithdrawals)
  it.effect("of disputes", () => driveDisputes)
  it.effect("of merchants' accounts at the channels", () => driveCredentials)
  it.effect("of returns whose refund fails, and of what is unmasked", () => driveReturns)

  it.effect("and the merchant reads its own of it, the admin all, and nobody else", () =>
    Effect.gen(function* () {
      const { admin, merchant, url } = yield* Mall
      const { merchantId } = yield* merchant.storefront["account.me"]()
      const own = yield* merchant.mall.audit.list({ query: { limit: 100 } })
      assert.isAbove(own.data.length, 10)
      const isOwn = (entry: AuditEntry) => entry.merchantId === merchantId
      assert.isTrue(own.data.every(isOwn))
      assert.deepStrictEqual(yield* merchant.merchant["audit.list"]({ limit: 100 }), own)
      const all = yield* admin.mall.audit.list({ query: { action: "user.ban" } })
      assert.isAbove(all.data.length, 0)
      const none = yield* merchant.mall.audit.list({ query: { action: "user.ban" } })
      assert.deepStrictEqual(none.data, [])
      const buyer = yield* newBuyer(url, "curious")
      assert.strictEqual((yield* Effect.flip(buyer.mall.audit.list({ query: {} })))._tag, "Forbidden")
    })
  )

  it.effect("in a chain that is whole and that the worker goes on with", () =>
    Effect.gen(function* () {
      const { admin } = yield* Mall
      const isChained = eventually(
        admin.admin["admin.audit.verify"]({}),
        ({ unsealed }) => unsealed === 0,
        "every entry to have its place"
      )
      assert.isNull((yield* isChained).broken)
      const head = yield* Effect.fromNullishOr(yield* admin.admin["admin.audit.head"]())
      const { broken, checked } = yield* admin.admin["admin.audit.verify"]({ head })
      assert.isNull(broken)
      assert.isAtLeast(checked, head.position)
      assert.isAbove(checked, 40)
    })
  )

  it.effect("by every way that declares it", () =>
    Effect.sync(() => {
      const left = declared.map(({ way }) => way).filter((way) => !driven.has(way))
      assert.deepStrictEqual(left, [])
    })
  )
})
