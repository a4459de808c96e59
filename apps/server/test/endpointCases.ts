import { channelFee, feePlan, paymentLimits, paymentPolicy, settlementTerms } from "./agreements.ts"
import type { Json } from "./hostileInput.ts"

/** A well-formed request to one endpoint, which the tests of bad input spoil in every way. */
export interface EndpointCase {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly body?: Json
  /** A body that is no JSON, and what it is. */
  readonly raw?: { readonly contentType: string; readonly text: string }
  /** Fields that cannot stand beside the others. */
  readonly omits?: ReadonlyArray<string>
  /** It ends the caller's session or account, so it is never sent with a good token. */
  readonly ends?: true
}

/** Of nobody and nothing. */
export const missingId = "019a0000-0000-7000-8000-000000000000"

const id = { id: missingId }
const ofReturn = { ...id, returnId: missingId }
const page = { limit: "5", after: "abc" }
const money = { amount: 100, currency: "CNY" }
const text = { zh: "茶", en: "tea" }
const address = {
  recipient: "Vera",
  phone: "+8613800138000",
  countryCode: "CN",
  region: "上海市",
  city: "上海",
  street: "南京西路",
  postalCode: "200040"
}
const sku = { code: "sku-1", options: { colour: "red" }, price: money }
const item = { skuId: missingId, quantity: 1 }
const ticket = { ticket: `tk_once_${"a".repeat(43)}` }
const ofUser = { userId: missingId }
const rule = { effect: "allow", kind: "glob", resource: "orders", action: "fulfil" }
const policyDocument = { roles: [{ name: "support", description: "", inherits: ["customer"], rules: [rule] }] }

const riskCondition = { type: "fact", fact: "amount", is: ">", value: 1 }
const terms = { version: 7, effectiveFrom: "2090-01-01T00:00:00.000Z", reason: "because" }
const feeQuestion = { channel: "wechatpay", amount: money }
const kyc = {
  ...{ legalName: "Tea GmbH", country: "DE", kind: "company", level: "basic", registrationNumber: "HRB 86891" },
  contact: { name: "Vera", email: "vera@tea.example", phone: "+4930123456" }
}
const merchantApplication = { ...kyc, shopName: text, code: "bad-input" }
const ofPaper = { ...id, documentId: missingId }
const because = { reason: "because" }
const none: EndpointCase = {}

/** One per endpoint of the API, by method and path. */
export const endpointCases: Readonly<Record<string, EndpointCase>> = {
  "POST /api/v1/users": {
    body: { email: "bad@input.test", password: "walrus-umbrella-lantern-9", name: "Bad", locale: "en", code: "123456" }
  },
  "GET /api/v1/users/me": none,
  "PATCH /api/v1/users/me": { body: { name: "Ada", locale: "en", avatarUrl: "https://example.com/a.png" } },
  "DELETE /api/v1/users/me": { ends: true },
  "POST /api/v1/users/me/password": {
    body: { currentPassword: "wrong-walrus-lantern", newPassword: "walrus-umbrella-lantern-9" }
  },
  "GET /api/v1/users/me/devices": none,
  "GET /api/v1/users/me/logins": { query: page },
  "POST /api/v1/users/me/totp": none,
  "POST /api/v1/users/me/totp/confirm": { body: { totp: "123456" } },
  "DELETE /api/v1/users/me/totp": none,
  "POST /api/v1/users/me/recovery-codes": none,
  "GET /api/v1/users/me/sessions": { query: page },
  "DELETE /api/v1/users/me/sessions/:id": { params: id },
  "GET /api/v1/users/me/addresses": { query: page },
  "POST /api/v1/users/me/addresses": { body: { ...address, isDefault: true } },
  "GET /api/v1/users/me/addresses/:id": { params: id },
  "PUT /api/v1/users/me/addresses/:id": { params: id, body: { ...address, isDefault: true } },
  "DELETE /api/v1/users/me/addresses/:id": { params: id },
  "POST /api/v1/auth/login": {
    body: {
      ...{ email: "bad@input.test", password: "wrong-walrus", client: "web", deviceId: "d1" },
      ...{ code: "123456", totp: "123456", recoveryCode: "abcd-efgh-ij23" }
    }
  },
  "POST /api/v1/auth/codes": { body: { email: "bad@input.test", purpose: "login", deviceId: "d1", locale: "en" } },
  "POST /api/v1/auth/password-reset": {
    body: { email: "bad@input.test", code: "123456", password: "walrus-umbrella-lantern-9" }
  },
  "POST /api/v1/auth/step-up": {
    body: { password: "wrong-walrus", totp: "123456", recoveryCode: "abcd-efgh-ij23" }
  },
  "POST /api/v1/auth/refresh": { body: { refreshToken: "a".repeat(43) } },
  "POST /api/v1/auth/logout": { ends: true },
  "GET /api/v1/auth/verify": none,
  "POST /api/v1/auth/verify": none,
  "GET /api/user/verify-access-token/": none,
  "POST /api/user/verify-access-token/": none,
  "GET /.well-known/jwks.json": none,
  "GET /api/v1/policy": none,
  "GET /api/v1/policy/versions": { query: page },
  "GET /api/v1/policy/versions/:version": { params: { version: "999999" } },
  "GET /api/v1/policy/explain": {
    query: { userId: missingId, permission: "orders:fulfil", merchantId: missingId }
  },
  "GET /api/v1/policy/who-can": { query: { ...page, permission: "orders:fulfil", merchantId: missingId } },
  "POST /api/v1/policy/diff": { body: { document: policyDocument } },
  "POST /api/v1/policy": { body: { version: 1_000_000, document: policyDocument, reason: "because" } },
  "POST /api/v1/policy/rollback": { body: { version: 1_000_000, to: 0, reason: "because" } },
  "POST /api/v1/policy/assignments/:userId/roles": {
    params: ofUser,
    body: { role: "merchant", merchantId: missingId, reason: "because" }
  },
  "POST /api/v1/policy/assignments/:userId/roles/:role/revoke": {
    params: { ...ofUser, role: "merchant" },
    body: { reason: "because" }
  },
  "GET /api/v1/merchant/staff": { query: page },
  "POST /api/v1/merchant/staff/:userId/roles": { params: ofUser, body: { role: "merchant", reason: "because" } },
  "POST /api/v1/merchant/staff/:userId/roles/:role/revoke": {
    params: { ...ofUser, role: "merchant" },
    body: { reason: "because" }
  },
  "GET /api/v1/blocks": { query: { ...page, kind: "network", state: "all" } },
  "POST /api/v1/blocks": {
    body: { kind: "network", subject: "203.0.113.0/24", reason: "because", expiresAt: "2040-01-01T00:00:00.000Z" }
  },
  "POST /api/v1/blocks/:id/remove": { params: id, body: { reason: "because" } },
  "GET /api/v1/auth/oidc/:provider": { params: { provider: "google" } },
  "GET /api/v1/auth/oidc/:provider/callback": {
    params: { provider: "google" },
    query: { state: "s", code: "c", error: "e", error_description: "d", iss: "i" }
  },
  "GET /api/v1/users/me/identities": none,
  "POST /api/v1/users/me/identities/:provider": { params: { provider: "google" } },
  "DELETE /api/v1/users/me/identities/:provider": { params: { provider: "google" } },
  "GET /api/v1/merchants/me/api-keys": { query: page },
  "POST /api/v1/merchants/me/api-keys": {
    body: {
      ...{ name: "shop", method: "secret", scopes: ["payments:read"], allowedNetworks: ["10.0.0.0/8"] },
      ...{ expiresAt: "2040-01-01T00:00:00.000Z", reason: "a new server" }
    }
  },
  "POST /api/v1/merchants/me/api-keys/:id/rotate": { params: id, body: { overlapSeconds: 60, reason: "yearly" } },
  "POST /api/v1/merchants/me/api-keys/:id/revoke": { params: id, body: { reason: "lost" } },
  "GET /api/v1/products": {
    query: {
      ...{ category: missingId, merchant: missingId, minPrice: "1", maxPrice: "2", currency: "CNY" },
      ...{ sort: "price_asc", ids: missingId, ...page }
    }
  },
  "GET /api/v1/products/:id": { params: id },
  "POST /api/v1/products": {
    body: {
      ...{ merchantId: missingId, code: "code-1", categoryId: missingId, title: text, description: text },
      ...{ images: ["https://example.com/a.png"], skus: [sku] }
    }
  },
  "PATCH /api/v1/products/:id": {
    params: id,
    body: { version: 1, code: "code-1", categoryId: missingId, title: text, description: text, images: [] }
  },
  "DELETE /api/v1/products/:id": { params: id },
  "POST /api/v1/products/:id/publish": { params: id },
  "POST /api/v1/products/:id/unpublish": { params: id },
  "POST /api/v1/products/:id/skus": { params: id, body: sku },
  "PATCH /api/v1/products/:id/skus/:skuId": { params: { ...id, skuId: missingId }, body: sku },
  "DELETE /api/v1/products/:id/skus/:skuId": { params: { ...id, skuId: missingId } },
  "PUT /api/v1/products/:id/skus/:skuId/stock": { params: { ...id, skuId: missingId }, body: { onHand: 5 } },
  "GET /api/v1/categories": none,
  "GET /api/v1/categories/:id": { params: id },
  "POST /api/v1/categories": { body: { parentId: missingId, code: "tea", name: text, position: 1 } },
  "PATCH /api/v1/categories/:id": { params: id, body: { parentId: missingId, code: "tea", name: text, position: 1 } },
  "DELETE /api/v1/categories/:id": { params: id },
  "GET /demo/images/:name": { params: { name: "tea.longjing.svg" } },
  "GET /api/v1/cart": none,
  "DELETE /api/v1/cart": none,
  "POST /api/v1/cart/items": { body: item },
  "PATCH /api/v1/cart/items/:skuId": { params: { skuId: missingId }, body: { quantity: 1 } },
  "DELETE /api/v1/cart/items/:skuId": { params: { skuId: missingId } },
  "POST /api/v1/carts": none,
  "POST /api/v1/cart/merge": { body: { cartToken: "a".repeat(43) } },
  "POST /api/v1/checkout": {
    omits: ["cart"],
    body: {
      ...{ items: [item], addressId: missingId, expectedTotal: money },
      ...{ paymentMethod: "demo-quick", remark: "please ring", couponIds: ["c1"] }
    }
  },
  "GET /api/v1/orders": { query: { ...page, status: "paid" } },
  "GET /api/v1/merchant/orders": { query: { ...page, status: "paid" } },
  "GET /api/v1/orders/:id": { params: id },
  "PATCH /api/v1/orders/:id": { params: id, body: { address, remark: "please ring" } },
  "POST /api/v1/orders/:id/cancel": { params: id },
  "POST /api/v1/orders/:id/ship": { params: id, body: { carrier: "SF", trackingNumber: "SF1" } },
  "POST /api/v1/orders/:id/deliver": { params: id },
  "POST /api/v1/orders/:id/confirm-receipt": { params: id },
  "POST /api/v1/orders/:id/returns": {
    params: id,
    body: { lines: [{ skuId: missingId, quantity: 1 }], reason: "does not fit" }
  },
  "GET /api/v1/orders/:id/returns": { params: id, query: page },
  "GET /api/v1/orders/:id/returns/:returnId": { params: ofReturn },
  "GET /api/v1/merchant/returns": { query: { ...page, status: "requested" } },
  "POST /api/v1/orders/:id/returns/:returnId/cancel": { params: ofReturn },
  "POST /api/v1/orders/:id/returns/:returnId/approve": { params: ofReturn },
  "POST /api/v1/orders/:id/returns/:returnId/reject": { params: ofReturn, body: { reason: "worn" } },
  "POST /api/v1/orders/:id/returns/:returnId/receive": { params: ofReturn, body: { restock: true } },
  "POST /api/v1/orders/:id/returns/:returnId/refund": { params: ofReturn },
  "POST /api/v1/payments": {
    body: {
      ...{ amount: money, reference: "r-1", description: "tea", expiresIn: 600, channels: ["wechatpay"] },
      ...{ metadata: { table: "7" }, returnUrl: "https://example.com/back" }
    }
  },
  "GET /api/v1/payments": { query: { ...page, reference: "r-1" } },
  "GET /api/v1/payments/:id": { params: id },
  "POST /api/v1/payments/:id/confirm": {
    params: id,
    body: {
      ...{ channel: "wechatpay", method: "native", country: "CN", payer: { openid: "o1" } },
      ...{ device: "d1", card: "c1" }
    }
  },
  "POST /api/v1/payments/:id/cancel": { params: id },
  "POST /api/v1/payments/:id/resume": { params: id },
  "POST /api/v1/payments/:id/refunds": { params: id, body: { amount: money, reason: "broken" } },
  "GET /api/v1/payments/:id/refunds": { params: id, query: page },
  "GET /api/v1/payments/:id/refunds/:refundId": { params: { ...id, refundId: missingId } },
  "PUT /api/v1/payments/:id/cancel-at": { params: id, body: { at: "2030-01-01T00:00:00.000Z" } },
  "POST /api/v1/payments/:id/tickets": { params: id },
  "GET /pay/:ticket": { params: { ticket: "tk" }, query: { lang: "en", choose: "1", said: "declined" } },
  "POST /pay/:ticket": { params: { ticket: "tk" }, query: { lang: "en", choose: "1", said: "declined" } },
  "GET /pay/:ticket/status": { params: { ticket: "tk" } },
  "GET /api/v1/payments/:id/status": { params: id, query: ticket },
  "GET /api/v1/audit": {
    query: {
      ...{ ...page, actor: "olga", action: "order.ship", resourceType: "order", resourceId: missingId },
      ...{ merchantId: missingId, from: "2026-01-01T00:00:00.000Z", until: "2026-02-01T00:00:00.000Z" }
    }
  },
  "GET /api/v1/payments/disputes": { query: { ...page, status: "needs_response" } },
  "GET /api/v1/payments/disputes/:id": { params: id },
  "POST /api/v1/payments/disputes/:id/evidence": { params: id, body: { kind: "product_description", text: "tea" } },
  "POST /api/v1/payments/disputes/:id/submit": { params: id },
  "POST /api/v1/payments/disputes/:id/accept": { params: id },
  "GET /api/v1/ledger/accounts": { query: { ...page, kind: "payable", at: "2030-01-01T00:00:00.000Z" } },
  "GET /api/v1/ledger/accounts/:id/entries": {
    params: id,
    query: { ...page, from: "2030-01-01T00:00:00.000Z", to: "2030-02-01T00:00:00.000Z" }
  },
  "GET /api/v1/risk/rules": none,
  "GET /api/v1/risk/rules/:id/history": { params: { id: "no_such_rule" } },
  "PUT /api/v1/risk/rules/:id": {
    params: { id: "bad_input" },
    body: { version: 7, name: "Bad", when: riskCondition, score: 1, action: "score", mode: "off", reason: "because" }
  },
  "PUT /api/v1/risk/rules/:id/mode": { params: { id: "no_such_rule" }, body: { mode: "off", reason: "because" } },
  "POST /api/v1/risk/backtests": {
    body: { rule: { id: "bad_input", when: riskCondition, score: 1, action: "score" }, days: 1 }
  },
  "GET /api/v1/risk/checks": { query: { ...page, paymentId: missingId, verdict: "deny" } },
  "GET /api/v1/risk/reviews": { query: { ...page, status: "open" } },
  "GET /api/v1/risk/reviews/:id": { params: id },
  "POST /api/v1/risk/reviews/:id/approve": { params: id, body: { reason: "because" } },
  "POST /api/v1/risk/reviews/:id/reject": { params: id, body: { reason: "because" } },
  "GET /api/v1/risk/lists": { query: { ...page, list: "block" } },
  "POST /api/v1/risk/lists": {
    body: { list: "block", kind: "device", value: "nobody's", expiresIn: 60, reason: "because" }
  },
  "POST /api/v1/risk/lists/remove": { body: { list: "block", kind: "device", value: "nothing", reason: "because" } },
  "POST /api/v1/ledger/accounts/:id/freeze": { params: id, body: { reason: "because" } },
  "POST /api/v1/ledger/accounts/:id/thaw": { params: id, body: { reason: "because" } },
  "GET /api/v1/doctor": none,
  "GET /api/v1/doctor/violations": { query: { ...page, check: "messages", isOpen: "true" } },
  "GET /api/v1/doctor/violations/:id": { params: id },
  "POST /api/v1/doctor/violations/:id/acknowledge": { params: id, body: { reason: "because" } },
  "POST /api/v1/doctor/runs": { body: { check: "nothing", subject: "none", isFull: false, withChannels: false } },
  "GET /api/v1/ledger/trial-balance": { query: { at: "2030-01-01T00:00:00.000Z" } },
  "GET /api/v1/merchant/reconciliation/runs": {
    query: { ...page, channel: "wechatpay", day: "2026-11-20", status: "completed" }
  },
  "GET /api/v1/merchant/reconciliation/runs/:id": { params: id },
  "GET /api/v1/merchant/reconciliation/differences": {
    query: { ...page, channel: "wechatpay", day: "2026-11-20", class: "missing_here", status: "open" }
  },
  "GET /api/v1/merchant/reconciliation/differences/:id": { params: id },
  "GET /api/v1/reconciliation/channels": { query: { merchantId: missingId } },
  "GET /api/v1/reconciliation/runs": {
    query: { ...page, merchantId: missingId, channel: "wechatpay", day: "2026-11-20", status: "completed" }
  },
  "GET /api/v1/reconciliation/runs/:id": { params: id },
  "GET /api/v1/reconciliation/differences": {
    query: {
      ...{ ...page, merchantId: missingId, channel: "wechatpay", day: "2026-11-20" },
      ...{ class: "missing_here", status: "open" }
    }
  },
  "GET /api/v1/reconciliation/differences/:id": { params: id },
  "GET /api/v1/reconciliation/report": { query: { merchantId: missingId, from: "2026-11-01", to: "2026-11-20" } },
  "GET /api/v1/reconciliation/rules": none,
  "PUT /api/v1/reconciliation/rules": { body: { version: 7, rules: [], reason: "because" } },
  "GET /api/v1/reconciliation/fees": none,
  "POST /api/v1/reconciliation/fees": { body: channelFee },
  "POST /api/v1/reconciliation/runs": {
    body: { channel: "alipay", day: "2026-11-20", merchantId: missingId, account: "2088" }
  },
  "PUT /api/v1/reconciliation/differences/:id/assignment": { params: id, body: { assignee: "olga", note: "asked" } },
  "POST /api/v1/reconciliation/differences/:id/resolve": { params: id, body: { reason: "because" } },
  "POST /api/v1/reconciliation/differences/:id/correction": {
    params: id,
    body: {
      reason: "because",
      legs: [
        { account: "platform:clearing:wechatpay:CNY", side: "debit", amount: 1 },
        { account: "platform:adjustments:CNY", side: "credit", amount: 1 }
      ]
    }
  },
  "POST /api/v1/reconciliation/differences/:id/correction/approve": { params: id, body: { reason: "because" } },
  "POST /api/v1/reconciliation/differences/:id/correction/reject": { params: id, body: { reason: "because" } },
  "GET /api/v1/fx/rates": none,
  "GET /api/v1/fx/quotes/:id": { params: id },
  "GET /api/v1/fx/conversions": { query: page },
  "POST /api/v1/fx/quotes": { body: { side: "sell", amount: money, other: "USD" } },
  "POST /api/v1/fx/quotes/:id/accept": { params: id },
  "GET /api/v1/payout-accounts": { query: { ...page, status: "active" } },
  "GET /api/v1/payout-accounts/:id": { params: id },
  "POST /api/v1/payout-accounts": {
    body: {
      ...{ currency: "EUR", country: "DE", holder: "Tea GmbH", number: "DE89370400440532013000", reason: "because" },
      ...{ bankCode: "1", bic: "COBADEFF" }
    }
  },
  "GET /api/v1/withdrawals": { query: { ...page, status: "paid" } },
  "GET /api/v1/withdrawals/:id": { params: id },
  "POST /api/v1/withdrawals": { body: { money, reason: "because" } },
  "POST /api/v1/withdrawals/:id/cancel": { params: id, body: { reason: "because" } },
  "GET /api/v1/merchants/me/terms": none,
  "POST /api/v1/merchants/me/fee-quote": { body: feeQuestion },
  "GET /api/v1/merchants/:id/fee-plans": { params: id },
  "POST /api/v1/merchants/:id/fee-plans": { params: id, body: { ...terms, content: feePlan } },
  "GET /api/v1/merchants/:id/limits": { params: id },
  "POST /api/v1/merchants/:id/limits": {
    params: id,
    body: { ...terms, currency: "CNY", content: paymentLimits }
  },
  "GET /api/v1/merchants/:id/payment-policies": { params: id },
  "POST /api/v1/merchants/:id/payment-policies": { params: id, body: { ...terms, content: paymentPolicy } },
  "GET /api/v1/merchants/:id/quotas": { params: id },
  "POST /api/v1/merchants/:id/fee-quote": { params: id, body: feeQuestion },
  "GET /api/v1/settlements": { query: { ...page, merchantId: missingId, currency: "CNY", status: "settled" } },
  "GET /api/v1/settlements/terms": { query: { merchantId: missingId, currency: "CNY" } },
  "GET /api/v1/settlements/reserves": { query: { ...page, merchantId: missingId, currency: "CNY" } },
  "GET /api/v1/settlements/calendars/:name": { params: { name: "china" } },
  "GET /api/v1/settlements/:id": { params: id },
  "GET /api/v1/settlements/:id/items": { params: id, query: page },
  "GET /api/v1/settlements/:id/statement.csv": { params: id },
  "POST /api/v1/settlements": {
    body: { merchantId: missingId, currency: "CNY", cutOff: "2026-11-01T00:00:00.000Z", reason: "because" }
  },
  "POST /api/v1/settlements/:id/retry": { params: id, body: { reason: "because" } },
  "PUT /api/v1/settlements/terms": {
    body: { ...settlementTerms, merchantId: missingId, effectiveFrom: "2020-01-01T00:00:00.000Z", reason: "because" }
  },
  "PUT /api/v1/settlements/calendars/:name": {
    params: { name: "china" },
    body: { version: 7, weekend: [7], days: [{ day: "2026-10-01", isWorking: false, name: "off" }], reason: "because" }
  },
  "POST /api/v1/merchants/applications": { body: merchantApplication },
  "GET /api/v1/merchants/applications": { query: page },
  "GET /api/v1/merchants/applications/:id": { params: id },
  "PUT /api/v1/merchants/applications/:id": { params: id, body: merchantApplication },
  "POST /api/v1/merchants/applications/:id/submit": { params: id },
  "POST /api/v1/merchants/applications/:id/documents": {
    params: id,
    query: { kind: "passport", expiresOn: "2040-01-31" },
    raw: { contentType: "application/pdf", text: "%PDF-1.7\n%%EOF\n" }
  },
  "GET /api/v1/merchants/applications/:id/documents/:documentId": { params: ofPaper },
  "GET /api/v1/merchants/reviews": { query: { ...page, status: "submitted" } },
  "GET /api/v1/merchants/reviews/:id": { params: id },
  "GET /api/v1/merchants/reviews/:id/documents/:documentId": { params: ofPaper },
  "POST /api/v1/merchants/reviews/:id/recommend": { params: id, body: { ...because, recommendation: "approve" } },
  "POST /api/v1/merchants/reviews/:id/request-changes": { params: id, body: because },
  "POST /api/v1/merchants/reviews/:id/approve": { params: id, body: because },
  "POST /api/v1/merchants/reviews/:id/reject": { params: id, body: because },
  "POST /api/v1/merchants/reviews/:id/contact": { params: id, body: because },
  "GET /api/v1/merchants": { query: page },
  "GET /api/v1/merchants/:id": { params: id },
  "POST /api/v1/merchants/:id/suspend": { params: id, body: because },
  "POST /api/v1/merchants/:id/resume": { params: id, body: because },
  "GET /api/v1/merchants/me": none,
  "POST /api/v1/merchants/me/rechecks": { body: kyc },
  "GET /api/v1/merchants/me/shops": { query: page },
  "POST /api/v1/merchants/me/shops": { body: { code: "bad-input", name: text } },
  "PATCH /api/v1/merchants/me/shops/:id": {
    params: id,
    body: { ...because, name: text, effectiveFrom: "2040-01-01T00:00:00.000Z", status: "closed" }
  },
  "GET /api/v1/merchants/me/shops/:id/history": { params: id },
  "POST /api/h5/payments": {
    body: {
      ...{ orderNo: "r-1", channel: "wechatpay", method: "native", country: "CN", payer: { openid: "o1" } },
      ...{ device: "d1", card: "c1" }
    }
  },
  "GET /api/h5/orders/:orderNo/status": { params: { orderNo: "r-1" }, query: ticket },
  "POST /api/h5/payments/:orderNo/resume": { params: { orderNo: "r-1" } },
  "POST /callbacks/:channel": { params: { channel: "wechatpay" } },
  "POST /callbacks/:channel/:account": { params: { channel: "wechatpay", account: missingId } },
  "POST /api/webhook/wechat/payment": none
}
