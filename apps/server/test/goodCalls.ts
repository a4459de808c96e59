import { Predicate } from "effect"
import type { Rpc } from "effect/rpc"
import { channelFee, feePlan, paymentLimits, paymentPolicy, settlementTerms } from "./agreements.ts"
import { missingId } from "./endpointCases.ts"
import type { Json } from "./hostileInput.ts"

const money = { amount: 100, currency: "CNY" }
const text = { zh: "茶", en: "tea" }
const sku = { code: "sku-1", price: money }

/** A value for each field that a call cannot be without. */
const callFields: Readonly<Record<string, Json>> = {
  ...{ id: missingId, skuId: missingId, userId: missingId, sessionId: missingId, refundId: missingId },
  ...{ checkoutId: missingId, merchantId: missingId, quantity: 1, onHand: 5, reason: "because" },
  ...{ role: "customer", paymentMethod: null, expirySeconds: 60, channel: "wechatpay", ticket: "tk", change: {} },
  ...{
    returnId: missingId,
    rejection: { reason: "worn" },
    goods: { lines: [{ skuId: missingId, quantity: 1 }], reason: "worn" },
    receipt: { restock: true }
  },
  ...{ evidence: { kind: "product_description", text: "tea" } },
  ...{ version: 0, rules: [], branding: { name: "Tea", color: "#00aa55", logoUrl: null }, credentials: {} },
  ...{ edit: {}, shipment: { carrier: "SF", trackingNumber: "SF1" }, cartToken: "a".repeat(43) },
  ...{ password: "wrong-walrus", totp: "123456" },
  ...{ currentPassword: "wrong-walrus", newPassword: "walrus-umbrella-lantern-9" },
  ...{ sku, product: { categoryId: missingId, title: text }, category: { code: "tea", name: text } },
  ...{ queue: "order_paid.trade", name: "no_such_sweep" },
  ...{ apiKey: { name: "shop", method: "secret", scopes: ["payments:read"], reason: "new" }, rotationId: missingId },
  provider: "google",
  ...{ permission: "orders:fulfil", document: { roles: [] }, rollback: { version: 9, to: 9, reason: "because" } },
  ...{ block: { kind: "device", subject: "d1", reason: "because" }, removal: { reason: "because" } },
  ...{
    account: "platform:payable:CNY",
    legs: [
      { account: "platform:payable:CNY", side: "debit", amount: 1 },
      { account: "platform:adjustments:CNY", side: "credit", amount: 2 }
    ]
  },
  request: { items: [{ skuId: missingId, quantity: 1 }], addressId: missingId },
  address: {
    ...{ recipient: "Vera", phone: "1", countryCode: "CN", region: "", city: "上海", street: "南京西路" },
    postalCode: ""
  }
}

const kyc = {
  ...{ legalName: "Tea GmbH", country: "DE", kind: "company", level: "basic", registrationNumber: "HRB 86891" },
  contact: { name: "Vera", email: "vera@tea.example", phone: "1" }
}
const merchantApplication = { ...kyc, shopName: text, code: "bad-input" }

const riskCondition = { type: "fact", fact: "amount", is: ">", value: 1 }

/** Calls that take other fields than most. */
const payloads: Readonly<Record<string, Json>> = {
  "orders.paymentIncidents": { limit: 5 },
  "admin.routes.history": { limit: 5 },
  "admin.routes.explain": { amount: 100, currency: "CNY", merchantId: null },
  "policy.apply": { id: missingId, change: { version: 9, document: { roles: [] }, reason: "because" } },
  "payments.scheduleCancel": { id: missingId, at: null },
  "admin.payments.scheduleCancel": { id: missingId, at: null, reason: "because" },
  "admin.risk.history": { id: "no_such_rule" },
  "admin.risk.put": {
    ...{ id: "bad_input", version: 7, name: "Bad", when: riskCondition },
    ...{ score: 1, action: "score", mode: "off", reason: "because" }
  },
  "admin.risk.setMode": { id: "no_such_rule", mode: "off", reason: "because" },
  "admin.risk.backtest": { rule: { id: "bad_input", when: riskCondition, score: 1, action: "score" }, days: 1 },
  "admin.risk.enlist": { list: "block", kind: "device", value: "nobody's", reason: "because" },
  "admin.risk.delist": { list: "block", kind: "device", value: "nothing", reason: "because" },
  "gateway.create": {
    ...{ id: missingId, payerId: missingId, amount: money, reference: "r", description: "tea" },
    expiresAt: "2030-01-01T00:00:00.000Z"
  },
  "gateway.find": { ids: [missingId] },
  "gateway.close": { id: missingId, reason: "because" },
  "gateway.refund": { id: missingId, paymentId: missingId, amount: money, reason: "because" },
  "applications.apply": { id: missingId, application: merchantApplication },
  "applications.edit": { id: missingId, application: merchantApplication },
  "applications.addDocument": {
    id: missingId,
    document: { kind: "business_licence", mediaType: "application/pdf", content: btoa("%PDF-1.7\n%%EOF\n") }
  },
  "merchant.recheck": { id: missingId, recheck: kyc },
  "merchant.shops.create": { id: missingId, code: "bad-input", name: text },
  "merchant.shops.edit": { id: missingId, reason: "because" },
  "admin.applications.recommend": { id: missingId, recommendation: "approve", reason: "because" },
  "ledger.accounts": {},
  "ledger.trialBalance": {},
  "admin.ledger.accounts": {},
  "admin.ledger.trialBalance": {},
  "admin.doctor.violations": {},
  "admin.doctor.run": { check: "nothing" },
  "admin.recon.runs": {},
  "admin.recon.show": { run: missingId },
  "admin.recon.differences": {},
  "admin.recon.report": { from: "2026-11-01", to: "2026-11-20" },
  "admin.recon.run": { channel: "alipay", day: "2026-11-20" },
  "admin.recon.addFee": channelFee,
  "admin.recon.setRules": { version: 7, rules: [], reason: "because" },
  "admin.recon.assign": { id: missingId, assignee: "olga" },
  "fx.conversions": {},
  "fx.createQuote": { side: "sell", amount: money, other: "USD" },
  "admin.fx.rates": {},
  "admin.fx.conversions": {},
  "admin.fx.positions": {},
  "admin.fx.propose": { id: missingId, rate: { base: "USD", quote: "CNY", rate: "7.1", reason: "because" } },
  "admin.fx.setSpread": { pair: null, merchantId: null, basisPoints: 100, reason: "because" },
  "admin.fx.setLimit": { currency: "CNY", maxShort: 0, reason: "because" },
  "payouts.accounts": {},
  "payouts.list": {},
  "payouts.addAccount": {
    id: missingId,
    account: { currency: "EUR", country: "DE", holder: "Tea GmbH", number: "DE89", reason: "because" }
  },
  "withdrawals.create": { id: missingId, withdrawal: { money, reason: "because" } },
  "admin.payouts.accounts": {},
  "admin.payouts.list": {},
  "terms.quote": { channel: "wechatpay", amount: money },
  "admin.terms.putFeePlan": { merchantId: missingId, version: 7, reason: "because", content: feePlan },
  "admin.terms.putLimits": {
    ...{ merchantId: missingId, version: 7, reason: "because" },
    ...{ currency: "CNY", content: paymentLimits }
  },
  "admin.terms.putPolicy": { merchantId: missingId, version: 7, reason: "because", content: paymentPolicy },
  "admin.terms.quote": { merchantId: missingId, channel: "wechatpay", amount: money },
  "recon.runs": {},
  "recon.run": { id: missingId },
  "recon.differences": {},
  "recon.difference": { id: missingId },
  "settlements.list": {},
  "settlements.terms": {},
  "settlements.reserves": {},
  "admin.settlements.list": {},
  "admin.settlements.terms": {},
  "admin.settlements.reserves": {},
  "admin.settlements.calendar": { name: "china" },
  "admin.settlements.run": { merchantId: missingId, currency: "CNY", reason: "because" },
  "admin.settlements.setTerms": {
    ...settlementTerms,
    ...{ merchantId: missingId, effectiveFrom: "2020-01-01T00:00:00.000Z", reason: "because" }
  },
  "admin.settlements.setCalendar": { name: "china", version: 7, weekend: [7], days: [], reason: "because" },
  "products.list": {},
  "products.listOwn": {}
}

/** A payload of the right shape, about nobody and nothing. */
export const payloadOf = ({ _tag, payloadSchema }: Rpc.AnyWithProps): Json => {
  const fields = Predicate.hasProperty(payloadSchema, "fields") ? payloadSchema.fields : undefined
  if (payloads[_tag] !== undefined) return payloads[_tag]
  if (fields === undefined) return null
  return Object.fromEntries(
    Object.keys(fields ?? {}).flatMap((field) =>
      callFields[field] === undefined ? [] : [[field, callFields[field]] as const]
    )
  )
}
