import { ApiKeyId } from "@mall/domain/identity/ApiKey"
import { BlockId } from "@mall/domain/identity/Block"
import { PolicyChangeId } from "@mall/domain/identity/Policy"
import type { PolicyDocument } from "@mall/domain/identity/Policy"
import { Totp } from "@mall/domain/identity/SignIn"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { TransferId } from "@mall/domain/ledger/Transfer"
import { FxRateId } from "@mall/domain/treasury/FxRate"
import { NewFxLimit } from "@mall/domain/treasury/FxTerms"
import { PayoutAccountId } from "@mall/domain/treasury/PayoutAccount"
import { FeePlan } from "@mall/domain/merchants/FeePlan"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentLimits } from "@mall/domain/merchants/PaymentLimits"
import { PaymentPolicy } from "@mall/domain/merchants/PaymentPolicy"
import { ChannelId } from "@mall/domain/payments/Payment"
import { RuleId } from "@mall/domain/risk/RiskRule"
import { Effect, Redacted, Schema } from "effect"
import { SqlClient } from "effect/sql"
import * as OTPAuth from "otpauth"
import { drive, Mall, nothingFrom } from "./auditedMall.ts"
import { feePlan, paymentLimits, paymentPolicy } from "./agreements.ts"
import { newBuyer } from "./shoppers.ts"

const newMerchantId = generator(MerchantId)
const newKeyId = generator(ApiKeyId)
const newBlockId = generator(BlockId)
const newChangeId = generator(PolicyChangeId)
const newRateId = generator(FxRateId)
const newTransferId = generator(TransferId)
const newPayoutAccountId = generator(PayoutAccountId)
const newRotationId = generator(Uuid7.pipe(Schema.brand("RotationId")))
const reason = "because"

const documentOf = (name: string): PolicyDocument => ({
  roles: [
    {
      name,
      description: "",
      inherits: [],
      rules: [{ effect: "allow", kind: "glob", resource: "orders", action: "fulfil" }]
    }
  ]
})

/** Policies are put into force and rolled back, and roles given and taken within a shop. */
export const driveRoles = Effect.gen(function* () {
  const { admin, merchant, url } = yield* Mall
  const document = documentOf("audited-clerk")
  const first = { version: 0, document, reason }
  yield* drive("POST /api/v1/policy", admin, admin.mall.policy.apply({ payload: first }), {
    before: { version: 0 },
    after: { version: 1, restores: null }
  })
  yield* nothingFrom("a policy in the place of a former one", admin.mall.policy.apply({ payload: first }))
  yield* drive(
    "POST /api/v1/policy/rollback",
    admin,
    admin.mall.policy.rollback({ payload: { version: 1, to: 0, reason } }),
    { after: { version: 2, restores: 0 } }
  )
  const id = yield* newChangeId
  const change = admin.admin["policy.apply"]({ id, change: { version: 2, document, reason } })
  yield* drive("rpc policy.apply", admin, change)
  yield* nothingFrom("the same change again", change)
  yield* drive(
    "rpc policy.rollback",
    admin,
    admin.admin["policy.rollback"]({ id: yield* newChangeId, rollback: { version: 3, to: 1, reason } })
  )

  const { user } = yield* newBuyer(url, "clerk")
  const { merchantId } = yield* merchant.storefront["account.me"]()
  const assignments = admin.mall.assignments
  yield* drive(
    "POST /api/v1/policy/assignments/:userId/roles",
    admin,
    assignments.grant({ params: { userId: user.id }, payload: { role: "merchant", merchantId, reason } })
  )
  const params = { userId: user.id }
  const clerk = { ...params, role: "audited-clerk" }
  const staff = merchant.mall.staff
  yield* drive(
    "POST /api/v1/merchant/staff/:userId/roles",
    merchant,
    staff.grant({ params, payload: { role: "audited-clerk", reason } })
  )
  yield* drive(
    "POST /api/v1/merchant/staff/:userId/roles/:role/revoke",
    merchant,
    staff.revoke({ params: clerk, payload: { reason } })
  )
  yield* drive("rpc staff.grant", merchant, merchant.merchant["staff.grant"]({ ...clerk, reason }))
  yield* drive("rpc staff.revoke", merchant, merchant.merchant["staff.revoke"]({ ...clerk, reason }))
  yield* drive(
    "POST /api/v1/policy/assignments/:userId/roles/:role/revoke",
    admin,
    assignments.revoke({ params: { ...params, role: "merchant" }, payload: { reason } })
  )
})

/** Networks and devices are kept out, and let in again. */
export const driveBlocks = Effect.gen(function* () {
  const { admin } = yield* Mall
  const block = { kind: "network", subject: "203.0.113.0/24", reason } as const
  const added = yield* drive("POST /api/v1/blocks", admin, admin.mall.blocks.add({ payload: block }), {
    before: null,
    after: { subject: "203.0.113.0/24" }
  })
  yield* nothingFrom("a network that is out already", admin.mall.blocks.add({ payload: block }))
  const remove = admin.mall.blocks.remove({ params: { id: added.id }, payload: { reason } })
  yield* drive("POST /api/v1/blocks/:id/remove", admin, remove, { before: { kind: "network" }, after: null })
  yield* nothingFrom("a block that was removed", remove)
  const id = yield* newBlockId
  const device = { kind: "device", subject: "stolen-device-0001", reason } as const
  yield* drive("rpc blocks.add", admin, admin.admin["blocks.add"]({ id, block: device }))
  yield* drive("rpc blocks.remove", admin, admin.admin["blocks.remove"]({ id, removal: { reason } }))
})

/** Keys of a shop's servers are made, rotated and revoked, by the shop and for it. */
export const driveKeys = Effect.gen(function* () {
  const { admin, merchant } = yield* Mall
  const { merchantId } = yield* merchant.storefront["account.me"]()
  const input = { name: "till", method: "secret", scopes: ["payments:read"], reason } as const
  const keys = merchant.mall.apiKeys
  const { apiKey } = yield* drive("POST /api/v1/merchants/me/api-keys", merchant, keys.create({ payload: input }), {
    before: null,
    after: { name: "till", scopes: ["payments:read"] }
  })
  const params = { id: apiKey.id }
  yield* drive(
    "POST /api/v1/merchants/me/api-keys/:id/rotate",
    merchant,
    keys.rotate({ params, payload: { reason, overlapSeconds: 60 } })
  )
  const revoke = keys.revoke({ params, payload: { reason } })
  yield* drive("POST /api/v1/merchants/me/api-keys/:id/revoke", merchant, revoke)
  yield* nothingFrom("a key that is revoked already", revoke)

  for (const [by, prefix] of [
    [merchant, "apiKeys"],
    [admin, "admin.apiKeys"]
  ] as const) {
    const id = yield* newKeyId
    const rotation = { id, rotationId: yield* newRotationId, reason }
    const { create, revoke, rotate } =
      prefix === "apiKeys"
        ? {
            create: merchant.merchant["apiKeys.create"]({ id, apiKey: input }),
            rotate: merchant.merchant["apiKeys.rotate"](rotation),
            revoke: merchant.merchant["apiKeys.revoke"]({ id, reason })
          }
        : {
            create: admin.admin["admin.apiKeys.create"]({ merchantId: merchantId!, id, apiKey: input }),
            rotate: admin.admin["admin.apiKeys.rotate"]({ merchantId: merchantId!, ...rotation }),
            revoke: admin.admin["admin.apiKeys.revoke"]({ merchantId: merchantId!, id, reason })
          }
    yield* drive(`rpc ${prefix}.create`, by, create)
    yield* nothingFrom("the same key again", create)
    yield* drive(`rpc ${prefix}.rotate`, by, rotate)
    yield* drive(`rpc ${prefix}.revoke`, by, revoke)
  }
})

/** A shop says where its money is to go, and the mall decides. */
export const drivePayoutAccounts = Effect.gen(function* () {
  const { admin, merchant } = yield* Mall
  const account = {
    currency: "EUR",
    country: "DE",
    holder: "Tea GmbH",
    number: Redacted.make("DE89370400440532013000", { label: "account number" }),
    reason
  } as const
  const { account: added } = yield* drive(
    "POST /api/v1/payout-accounts",
    merchant,
    merchant.mall.payoutAccounts.add({ payload: account }),
    { before: null, after: { number: "***3000", status: "unverified" } }
  )
  const verify = admin.admin["admin.payouts.verifyAccount"]({ id: added.id, reason })
  yield* drive("rpc admin.payouts.verifyAccount", admin, verify, {
    ...{ before: { status: "unverified" }, after: { status: "active" } }
  })
  yield* nothingFrom("an account that is decided", verify)
  const id = yield* newPayoutAccountId
  const add = merchant.merchant["payouts.addAccount"]({ id, account })
  yield* drive("rpc payouts.addAccount", merchant, add)
  yield* nothingFrom("the same account again", add)
  yield* drive("rpc admin.payouts.rejectAccount", admin, admin.admin["admin.payouts.rejectAccount"]({ id, reason }))
})

/** Books are corrected, a payment is to end, and somebody lost their authenticator. */
export const driveOperators = Effect.gen(function* () {
  const { admin, merchant, url } = yield* Mall
  const id = yield* newTransferId
  const [debit, credit] = ["platform:payable:CNY", "platform:adjustments:CNY"] as const
  const legs = [
    { account: debit, side: "debit", amount: 5 },
    { account: credit, side: "credit", amount: 5 }
  ] as never
  const adjust = admin.admin["admin.ledger.adjust"]({ id, legs, reason })
  yield* drive("rpc admin.ledger.adjust", admin, adjust, { before: null })
  yield* nothingFrom("the same correction again", adjust)

  const payment = yield* merchant.mall.payments.create({
    payload: { amount: Money.of(Money.zero("CNY").amount + 100, "CNY"), reference: "audit-later", description: "tea" }
  })
  const at = new Date("2030-01-01T00:00:00Z")
  const later = admin.admin["admin.payments.scheduleCancel"]({ id: payment.id, at, reason })
  yield* drive("rpc admin.payments.scheduleCancel", admin, later)

  const buyer = yield* newBuyer(url, "lost-phone")
  const { secret } = yield* buyer.storefront["account.startTotp"]()
  const code = new OTPAuth.TOTP({ secret }).generate()
  yield* buyer.storefront["account.confirmTotp"]({ totp: Totp.make(Redacted.make(code)) })
  const reset = admin.admin["users.resetMfa"]({ userId: buyer.user.id, reason })
  yield* drive("rpc users.resetMfa", admin, reset)
  yield* nothingFrom("who has none", reset)
})

const rule = {
  name: "Large",
  when: { type: "fact", fact: "amount", is: ">", value: 1_000_000_000 },
  score: 1,
  action: "score",
  mode: "shadow",
  reason
} as const

/** Rates by hand and from the source, what the platform keeps, how far it goes, and an exchange by a shop. */
export const driveExchange = Effect.gen(function* () {
  const { admin, merchant } = yield* Mall
  const { merchantId } = yield* merchant.storefront["account.me"]()
  const rpc = admin.admin
  const rate = { base: "KWD", quote: "USD", rate: "3.25", reason } as const
  const [first, second] = [yield* newRateId, yield* newRateId]
  const propose = rpc["admin.fx.propose"]({ id: first, rate })
  yield* drive("rpc admin.fx.propose", admin, propose, { before: null, after: { rate: "3.25" } })
  yield* nothingFrom("the same rate again", propose)
  yield* nothingFrom("a rate approved by who brought it", rpc["admin.fx.approve"]({ id: first, reason }))
  yield* drive("rpc admin.fx.reject", admin, rpc["admin.fx.reject"]({ id: first, reason }), {
    before: { status: "held" },
    after: { status: "rejected" }
  })
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    INSERT INTO treasury.fx_rates
      (id, source, base, quote, rate, valid_from, fetched_at, held_for, proposed_by, reason)
    VALUES (${second}, 'ecb', 'EUR', 'AED', 4.1, now(), now(), 'an outlier', 'ecb', 'published')`
  yield* drive("rpc admin.fx.approve", admin, rpc["admin.fx.approve"]({ id: second, reason }), {
    after: { status: "used" }
  })
  yield* drive("rpc admin.fx.fetch", admin, rpc["admin.fx.fetch"](), { before: null })
  const spread = { pair: null, merchantId: null, basisPoints: 100, reason }
  yield* drive("rpc admin.fx.setSpread", admin, rpc["admin.fx.setSpread"](spread), { after: { basisPoints: 100 } })
  const maxShort = NewFxLimit.fields.maxShort.make(1_000_000)
  const setLimit = rpc["admin.fx.setLimit"]({ currency: "USD", maxShort, reason })
  yield* drive("rpc admin.fx.setLimit", admin, setLimit, { before: null, after: { maxShort: 1_000_000 } })
  yield* nothingFrom("the same limit", setLimit)

  const legs = [
    { account: "platform:adjustments:CNY", side: "debit", amount: 20_000 },
    { account: `${merchantId}:settlement:CNY`, side: "credit", amount: 20_000 }
  ] as never
  yield* rpc["admin.ledger.adjust"]({ id: yield* newTransferId, legs, reason })
  const payload = { side: "sell", amount: Money.of(10_000, "CNY"), other: "USD" } as const
  const byHttp = yield* merchant.mall.exchange.createQuote({ payload })
  const accept = merchant.mall.exchange.acceptQuote({ params: { id: byHttp.id } })
  yield* drive("POST /api/v1/fx/quotes/:id/accept", merchant, accept, {
    before: null,
    after: { sell: { amount: 10_000, currency: "CNY" } }
  })
  yield* nothingFrom("what was exchanged already", accept)
  const byRpc = yield* merchant.merchant["fx.createQuote"](payload)
  yield* drive("rpc fx.accept", merchant, merchant.merchant["fx.accept"]({ id: byRpc.id }))
})

/** Rules and lists of risk, and the rules by which differences resolve themselves. */
export const driveRules = Effect.gen(function* () {
  const { admin } = yield* Mall
  const [byHttp, byRpc] = [RuleId.make("audited_http"), RuleId.make("audited_rpc")]
  const put = admin.mall.risk.put({ params: { id: byHttp }, payload: { version: 0, ...rule } })
  yield* drive("PUT /api/v1/risk/rules/:id", admin, put, { before: null, after: { name: "Large", version: 1 } })
  yield* nothingFrom("a rule in the place of a former one", put)
  yield* drive(
    "PUT /api/v1/risk/rules/:id/mode",
    admin,
    admin.mall.risk.setMode({ params: { id: byHttp }, payload: { mode: "off", reason } }),
    { before: { mode: "shadow" }, after: { mode: "off" } }
  )
  yield* drive("rpc admin.risk.put", admin, admin.admin["admin.risk.put"]({ id: byRpc, version: 0, ...rule }))
  yield* drive("rpc admin.risk.setMode", admin, admin.admin["admin.risk.setMode"]({ id: byRpc, mode: "off", reason }))
  const place = { list: "block", kind: "device", value: "stolen-device-0002", reason } as const
  yield* drive("POST /api/v1/risk/lists", admin, admin.mall.risk.enlist({ payload: place }))
  const delist = admin.mall.risk.delist({ payload: place })
  yield* drive("POST /api/v1/risk/lists/remove", admin, delist, { after: null })
  yield* nothingFrom("what is on no list", delist)
  yield* drive("rpc admin.risk.enlist", admin, admin.admin["admin.risk.enlist"](place))
  yield* drive("rpc admin.risk.delist", admin, admin.admin["admin.risk.delist"](place))

  const { version } = yield* admin.admin["admin.recon.rules"]()
  const rules = { rules: [], reason }
  yield* drive(
    "PUT /api/v1/reconciliation/rules",
    admin,
    admin.mall.reconciliation.setRules({ payload: { version, ...rules } }),
    { after: { version: version + 1 } }
  )
  const setRules = admin.admin["admin.recon.setRules"]({ version: version + 1, ...rules })
  yield* drive("rpc admin.recon.setRules", admin, setRules)
  const fee = {
    channel: ChannelId.make("alipay"),
    currency: "KWD",
    basisPoints: "38.5",
    fixed: MinorUnits.make(0),
    rounding: "half_up",
    isReturned: true,
    reason
  } as const
  yield* drive("POST /api/v1/reconciliation/fees", admin, admin.mall.reconciliation.addFee({ payload: fee }), {
    after: { basisPoints: "38.5" }
  })
  yield* drive("rpc admin.recon.addFee", admin, admin.admin["admin.recon.addFee"](fee))

  const terms = {
    merchantId: null,
    currency: "KWD",
    cycle: { type: "weekly", weekday: 1 },
    timeZone: "Asia/Kuwait",
    calendar: "kuwait",
    minimum: MinorUnits.make(0),
    isPaidOut: false,
    reserveBasisPoints: 0,
    reserveDays: 0,
    reason
  } as const
  const weekend = { weekend: [5, 6], days: [], reason }
  yield* drive(
    "PUT /api/v1/settlements/calendars/:name",
    admin,
    admin.mall.settlements.setCalendar({ params: { name: "kuwait" }, payload: { version: 0, ...weekend } }),
    { after: { version: 1 } }
  )
  yield* drive(
    "rpc admin.settlements.setCalendar",
    admin,
    admin.admin["admin.settlements.setCalendar"]({ name: "kuwait", version: 1, ...weekend })
  )
  yield* drive("PUT /api/v1/settlements/terms", admin, admin.mall.settlements.setTerms({ payload: terms }))
  yield* drive("rpc admin.settlements.setTerms", admin, admin.admin["admin.settlements.setTerms"](terms))
})

/** What merchants pay and what their payments may be. */
export const driveTerms = Effect.gen(function* () {
  const { admin } = yield* Mall
  const merchantId = yield* newMerchantId
  const params = { id: merchantId }
  const plan = { reason, content: yield* Schema.decodeUnknownEffect(FeePlan)(feePlan) }
  const first = admin.mall.terms.putFeePlan({ params, payload: { version: 0, ...plan } })
  yield* drive("POST /api/v1/merchants/:id/fee-plans", admin, first, { before: null, after: { version: 1 } })
  yield* nothingFrom("a plan in the place of a former one", first)
  const second = admin.admin["admin.terms.putFeePlan"]({ merchantId, version: 1, ...plan })
  yield* drive("rpc admin.terms.putFeePlan", admin, second, { before: { version: 1 }, after: { version: 2 } })
  const content = yield* Schema.decodeEffect(PaymentLimits)(paymentLimits)
  const limits = { reason, currency: "CNY", content } as const
  const set = admin.mall.terms.putLimits({ params, payload: { version: 0, ...limits } })
  yield* drive("POST /api/v1/merchants/:id/limits", admin, set, { before: null, after: { version: 1 } })
  const past = { version: 1, effectiveFrom: new Date("2020-01-01T00:00:00Z"), ...limits }
  yield* nothingFrom("limits of the past", admin.mall.terms.putLimits({ params, payload: past }))
  const again = admin.admin["admin.terms.putLimits"]({ merchantId, version: 1, ...limits })
  yield* drive("rpc admin.terms.putLimits", admin, again, { before: { version: 1 }, after: { version: 2 } })
  const policy = { reason, content: yield* Schema.decodeUnknownEffect(PaymentPolicy)(paymentPolicy) }
  const said = admin.mall.terms.putPolicy({ params, payload: { version: 0, ...policy } })
  yield* drive("POST /api/v1/merchants/:id/payment-policies", admin, said, { before: null, after: { version: 1 } })
  const anew = admin.admin["admin.terms.putPolicy"]({ merchantId, version: 1, ...policy })
  yield* drive("rpc admin.terms.putPolicy", admin, anew, { before: { version: 1 }, after: { version: 2 } })
})
