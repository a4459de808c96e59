import { ApiKeyId } from "@mall/domain/identity/ApiKey"
import { BlockId } from "@mall/domain/identity/Block"
import { PolicyChangeId } from "@mall/domain/identity/Policy"
import type { PolicyDocument } from "@mall/domain/identity/Policy"
import { Totp } from "@mall/domain/identity/SignIn"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { TransferId } from "@mall/domain/ledger/Transfer"
import { RuleId } from "@mall/domain/risk/RiskRule"
import { Effect, Redacted, Schema } from "effect"
import * as OTPAuth from "otpauth"
import { drive, Mall, nothingFrom } from "./auditedMall.ts"
import { newBuyer } from "./shoppers.ts"

const newKeyId = generator(ApiKeyId)
const newBlockId = generator(BlockId)
const newChangeId = generator(PolicyChangeId)
const newTransferId = generator(TransferId)
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
  yield* drive("PUT /api/v1/settlements/terms", admin, admin.mall.settlements.setTerms({ payload: terms }))
  yield* drive("rpc admin.settlements.setTerms", admin, admin.admin["admin.settlements.setTerms"](terms))
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
})
