import { withIdempotencyKey } from "@mall/client/IdempotencyKey"
import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { DisputeId } from "@mall/domain/payments/Dispute"
import { ChannelId } from "@mall/domain/payments/Payment"
import { FxQuoteId } from "@mall/domain/treasury/FxQuote"
import { PayoutId } from "@mall/domain/treasury/Payouts"
import * as Sql from "@mall/platform/Sql"
import { DifferenceId } from "@mall/domain/treasury/Difference"
import { RunId } from "@mall/domain/treasury/Run"
import { SettlementId } from "@mall/domain/treasury/Settlement"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { addBankAccount } from "../bankAccounts.ts"
import { eventually, newBuyer, orderBecomes, sandboxAt, signIn, skusInStock } from "../shoppers.ts"

const newPayoutId = generator(PayoutId)
const newDisputeId = generator(DisputeId)
const newQuoteId = generator(FxQuoteId)
const newRunId = generator(RunId)
const newDifferenceId = generator(DifferenceId)
const newSettlementId = generator(SettlementId)
const wechatpay = ChannelId.make("wechatpay")

/** What belongs to a buyer and to a shop, by what it is: each id names one thing of theirs. */
export interface Belongings {
  readonly addressId: string
  readonly sessionId: string
  readonly unpaidOrderId: string
  readonly orderId: string
  readonly returnId: string
  readonly paymentId: string
  readonly paymentReference: string
  readonly shopPaymentId: string
  readonly refundId: string
  readonly disputeId: string
  readonly productId: string
  readonly skuId: string
  readonly apiKeyId: string
  readonly staffId: string
  readonly ledgerAccountId: string
  readonly fxQuoteId: string
  readonly payoutAccountId: string
  readonly withdrawalId: string
  readonly settlementId: string
  readonly runId: string
  readonly differenceId: string
  readonly applicationId: string
  readonly documentId: string
  readonly shopId: string
}

/** Whose tables change where one of the belongings does. */
const watched = [
  "identity.addresses",
  "identity.users",
  "catalog.products",
  "catalog.skus",
  "trade.orders",
  "trade.order_history",
  "trade.returns",
  "trade.return_history",
  "payments.intents",
  "payments.attempts",
  "payments.refunds",
  "payments.disputes",
  "payments.dispute_evidence",
  "payments.channel_credentials",
  "identity.api_keys",
  "identity.api_key_secrets",
  "ledger.entries",
  "treasury.fx_quotes",
  "treasury.payout_accounts",
  "treasury.payouts",
  "merchants.applications",
  "merchants.application_history",
  "merchants.documents",
  "merchants.shops",
  "merchants.shop_history"
]

/** A mall in which a buyer and a shop own one of each thing, and two who own none: another buyer, and staff of another shop. */
export class Victims extends Context.Service<
  Victims,
  {
    readonly url: string
    readonly belongings: Belongings
    /** What nobody else may ever read. */
    readonly secrets: ReadonlyArray<string>
    readonly strangers: Readonly<Record<"another buyer" | "staff of another shop", string>>
    /** The tokens of the owners themselves. */
    readonly owners: { readonly buyer: string; readonly staff: string }
    /** One text for all that is watched, which differs where anything of it does. */
    readonly state: Effect.Effect<string>
  }
>()("@mall/server/test/access/Victims") {
  static readonly layer = Layer.effect(
    Victims,
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const { sandboxUrl, url } = yield* startServer({
        database,
        environment: { ACCESS_LOG: "false", SANDBOX_REFUND_DELAY: "0 seconds" }
      })
      const sql = Context.get(yield* Layer.build(Layer.fresh(Sql.layerUrl(database))), SqlClient.SqlClient)
      const selectShops = SqlSchema.findAll({
        Request: Schema.Void,
        Result: Schema.Struct({ id: MerchantId }),
        execute: () => sql`SELECT id FROM catalog.merchants ORDER BY id`
      })
      const admin = yield* signIn(url, "admin@demo.mall")
      const shops = yield* selectShops()

      const buyer = yield* newBuyer(url, "victim")
      const [sku] = yield* skusInStock(buyer, 1)
      const wanted = { addressId: buyer.addressId, items: [{ skuId: sku!.id, quantity: 1 }] }
      const unpaid = yield* buyer.mall.checkout.checkout({ payload: wanted })
      const checkout = yield* buyer.mall.checkout.checkout({ payload: wanted })
      const order = checkout.orders[0]!
      const step = yield* buyer.mall.payments.confirm({
        params: { id: checkout.payment.id },
        payload: { channel: wechatpay }
      })
      yield* sandboxAt(sandboxUrl).pay(step.attempt.id)
      yield* orderBecomes(buyer, order.id, "paid")
      yield* admin.mall.orders.ship({ params: { id: order.id }, payload: { carrier: "SF", trackingNumber: "SF1" } })
      yield* admin.mall.orders.deliver({ params: { id: order.id } })
      const goods = { lines: [{ skuId: sku!.id, quantity: 1 }], reason: "does not fit" }
      const back = yield* buyer.mall.returns.request({ params: { id: order.id }, payload: goods })
      const sessions = yield* buyer.storefront["sessions.list"]({})

      const shop = order.merchantId
      const promote = Effect.fnUntraced(function* (name: string, merchantId: MerchantId) {
        const { email, user } = yield* newBuyer(url, name)
        yield* admin.admin["users.grant"]({ userId: user.id, role: "merchant", merchantId, reason: "works there" })
        return { ...(yield* signIn(url, email, `walrus-${name}-umbrella-lantern`)), userId: user.id }
      })
      const staff = yield* promote("staff", shop)
      const product = (yield* staff.merchant["products.listOwn"]({ limit: 1 })).data[0]!
      const shopPayment = yield* staff.mall.payments
        .create({
          payload: { amount: order.total, reference: "victim-secret-reference", description: "a table for two" }
        })
        .pipe(withIdempotencyKey("victim"))
      const shopStep = yield* staff.mall.payments.confirm({
        params: { id: shopPayment.id },
        payload: { channel: wechatpay }
      })
      yield* sandboxAt(sandboxUrl).pay(shopStep.attempt.id)
      yield* eventually(
        staff.mall.payments.show({ params: { id: shopPayment.id } }),
        ({ status }) => status === "succeeded",
        "the shop to be paid"
      )
      const refund = yield* staff.mall.payments.refund({
        params: { id: shopPayment.id },
        payload: { reason: "came too late" }
      })
      const { apiKey } = yield* staff.mall.apiKeys.create({
        payload: { name: "victim-secret-till", method: "secret", scopes: ["payments:read"], reason: "a till" }
      })
      const account = (yield* staff.mall.ledger.accounts({ query: {} })).data[0]!
      const disputeId = yield* newDisputeId
      const now = yield* DateTime.nowAsDate
      yield* sql`
        INSERT INTO payments.disputes (
          id, channel, channel_reference, payment_reference, payment_id, merchant_id, status, amount, currency, reason,
          told_at, version, opened_at, created_at, updated_at
        ) VALUES (
          ${disputeId}, 'stripe', 'dp_secret', 'pi_secret', ${shopPayment.id}, ${shop}, 'needs_response', 100, 'CNY', 'fraud',
          ${now}, 1, ${now}, ${now}, ${now}
        )
      `

      const fxQuoteId = yield* newQuoteId
      yield* sql`
        INSERT INTO treasury.fx_quotes (
          id, merchant_id, side, sell_currency, sell_amount, buy_currency, buy_amount, fee, rounding, rate,
          spread_basis_points, rate_ids, created_by, created_at, expires_at
        ) VALUES (
          ${fxQuoteId}, ${shop}, 'sell', 'CNY', 7000, 'USD', 990, 10, 0, 0.142857, 100, '{}', 'user:victim', ${now},
          ${now}::timestamptz + interval '1 hour'
        )
      `

      const payoutAccountId = yield* addBankAccount({ admin, merchant: staff }, "ours", "victim-secret-holder")
      const withdrawalId = yield* newPayoutId
      yield* sql`
        INSERT INTO treasury.payouts (
          id, merchant_id, account_id, kind, amount, currency, status, channel, bank, approvals_needed, requested_by,
          end_transfer_id, return_transfer_id, created_at, updated_at
        ) VALUES (
          ${withdrawalId}, ${shop}, ${payoutAccountId}, 'withdrawal', 100, 'CNY', 'awaiting_approval', 'sandbank_api',
          'sandbank', 2, 'a', ${yield* newPayoutId}, ${yield* newPayoutId}, ${now}, ${now}
        )
      `
      const settlementId = yield* newSettlementId
      yield* sql`
        INSERT INTO treasury.settlements
          (id, merchant_id, currency, cut_off, terms, status, attempt, failure, created_at, updated_at)
        VALUES (${settlementId}, ${shop}, 'CNY', ${now}, '{}', 'failed', 1, 'settlement-secret', ${now}, ${now})
      `
      const runId = yield* newRunId
      yield* sql`
        INSERT INTO treasury.reconciliation_runs
          (id, channel, account, merchant_id, day, status, attempt, actor, asked_at, late_at, finished_at)
        VALUES (${runId}, 'stripe', 'victim-secret-account', ${shop}, '2026-01-01', 'completed', 1, 'a', ${now}, ${now}, ${now})
      `
      const differenceId = yield* newDifferenceId
      yield* sql`
        INSERT INTO treasury.differences (id, run_id, channel, account, merchant_id, day, class, kind, reference, occurrence,
          status, created_at, updated_at)
        VALUES (${differenceId}, ${runId}, 'stripe', 'victim-secret-account', ${shop}, '2026-01-01', 'missing_here', 'payment',
          'victim-secret-movement', 0, 'open', ${now}, ${now})
      `
      const name = { zh: "受害者", en: "victim-secret-shop" }
      const application = yield* buyer.mall.merchantApplications.apply({
        payload: {
          ...{ legalName: "victim-secret-name", country: "DE", kind: "individual", level: "basic" },
          ...{ registrationNumber: "SECRET-4711", code: "victim-secret-code", shopName: name },
          contact: { name: "Vera Visitor", email: buyer.user.email!, phone: "+4930555666" }
        }
      })
      const paper = yield* buyer.mall.merchantApplications.addDocument({
        params: { id: application.id },
        query: { kind: "passport", expiresOn: "2099-01-31" },
        payload: {
          mediaType: "application/pdf",
          bytes: new TextEncoder().encode("%PDF-1.7 victim-secret-paper\n%%EOF\n")
        }
      })
      const ownShop = yield* staff.mall.merchantProfile.createShop({ payload: { code: "victim-shop", name } })

      const belongings: Belongings = {
        addressId: buyer.addressId,
        sessionId: sessions.data[0]!.id,
        unpaidOrderId: unpaid.orders[0]!.id,
        orderId: order.id,
        returnId: back.id,
        paymentId: unpaid.payment.id,
        paymentReference: "victim-secret-reference",
        shopPaymentId: shopPayment.id,
        refundId: refund.id,
        disputeId,
        productId: product.id,
        skuId: product.skus[0]!.id,
        apiKeyId: apiKey.id,
        staffId: staff.userId,
        ledgerAccountId: account.id,
        fxQuoteId,
        payoutAccountId,
        withdrawalId,
        settlementId,
        runId,
        differenceId,
        applicationId: application.id,
        documentId: paper.id,
        shopId: ownShop.id
      }
      const elsewhere = shops.find(({ id }) => id !== shop)!.id
      const strangers = {
        "another buyer": (yield* newBuyer(url, "stranger")).token,
        "staff of another shop": (yield* promote("rival", elsewhere)).token
      }
      const state = Effect.forEach(
        watched,
        (table) =>
          sql`SELECT ${table} AS name, md5(string_agg(t::text, '' ORDER BY t::text)) FROM ${sql.literal(table)} t`
      ).pipe(
        Effect.map((rows) => JSON.stringify(rows.flat())),
        Effect.orDie
      )
      return Victims.of({
        url,
        belongings,
        secrets: [
          ...[buyer.email, "Vera Visitor", "南京西路 1266 号", "victim-secret-reference", "a table for two"],
          ...[unpaid.orders[0]!.id, order.id, back.id, shopPayment.id, refund.id, disputeId, "dp_secret", "pi_secret"],
          ...["victim-secret-till", apiKey.id, account.id, fxQuoteId],
          ...["victim-secret-holder", payoutAccountId, withdrawalId, settlementId],
          ...["victim-secret-account", "victim-secret-movement", runId, differenceId],
          ...["victim-secret-name", "SECRET-4711", "victim-secret-code"],
          ...["victim-secret-paper", "victim-secret-shop", application.id, paper.id, ownShop.id]
        ],
        strangers,
        owners: { buyer: buyer.token, staff: staff.token },
        state
      })
    })
  )
}
