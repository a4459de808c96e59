import * as NodeServices from "@effect/platform-node/NodeServices"
import { Principal, SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { FeePlan } from "@mall/domain/merchants/FeePlan"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentLimits } from "@mall/domain/merchants/PaymentLimits"
import { AttemptId, ChannelId } from "@mall/domain/payments/Payment"
import { CredentialId } from "@mall/domain/payments/ChannelCredentials"
import type { DisputeStatus } from "@mall/domain/payments/DisputeLifecycle"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import { FeePlans } from "@mall/merchants/terms/FeePlans"
import { Limits } from "@mall/merchants/terms/Limits"
import { PaymentBooks } from "@mall/payments/books/PaymentBooks"
import type { ChannelDispute } from "@mall/payments/channel/Channel"
import { DisputeStore } from "@mall/payments/disputes/DisputeStore"
import { Payments } from "@mall/payments/lifecycle/Payments"
import { PaymentRepo } from "@mall/payments/store/PaymentRepo"
import { PaymentStore } from "@mall/payments/store/PaymentStore"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { ConfigProvider, DateTime, Effect, FileSystem, Layer, Logger, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import * as Contexts from "../src/Contexts.ts"

/** What a process of the pay platform is told, with a folder of its own. */
export const configuredWith = (settings: Readonly<Record<string, string>>) =>
  Layer.unwrap(
    Effect.map(
      Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped({ prefix: "mall-terms-" })),
      (folder) =>
        ConfigProvider.layer(
          ConfigProvider.fromUnknown({
            MALL_SECRET_KEY: "0123456789abcdef0123456789abcdef",
            MALL_DATA_DIR: folder,
            MERCHANT_TERMS_LEAD: "0 seconds",
            ...settings
          })
        )
    )
  ).pipe(Layer.provide(NodeServices.layer))

export const payWith = (configured: ReturnType<typeof configuredWith>) =>
  Contexts.layerCommand.pipe(
    Layer.provide(configured),
    Layer.provideMerge(TestDatabase),
    Layer.provideMerge(Logger.layer([])),
    Layer.orDie
  )

export const Pay = payWith(configuredWith({}))

export const newUserId = generator(UserId)
export const newSessionId = generator(SessionId)
const newMerchantId = generator(MerchantId)
const newAttemptId = generator(AttemptId)
const newRefundId = generator(RefundId)
const newCredentialId = generator(CredentialId)
export const newOperationId = generator(Uuid7.pipe(Schema.brand("OperationId")))
const wechatpay = ChannelId.make("wechatpay")
const reason = "agreed"
const cny = (amount: number) => Money.of(amount, "CNY")

const rate = { channel: null, currency: null, fixed: 0, minimum: null, maximum: null }
const tiers = [{ from: 0, basisPoints: "100" }]
const plan = Schema.decodeUnknownSync(FeePlan)({
  name: "standard",
  rates: [
    { ...rate, tiers },
    { ...rate, currency: "CNY", fixed: 30, tiers }
  ],
  ...{ tierMode: "marginal", rounding: "half_up", timeZone: "UTC" },
  returns: { percent: true, fixed: false },
  disputes: {
    bearer: "merchant",
    ...{ charged: "lost", returnedWhenWon: true, amounts: [{ currency: "CNY", amount: 1500 }] }
  }
})
const limitsOf = (bounds: object) =>
  Schema.decodeSync(PaymentLimits)({
    ...{ minimum: null, maximum: null, daily: null, monthly: null },
    ...{ timeZone: "UTC", returnsOnRefund: true, ...bounds }
  })

/** Staff of a shop of their own, with whom this is agreed. */
export const aShop = Effect.fnUntraced(function* (bounds?: object, hasFees = true) {
  const merchantId = yield* newMerchantId
  const plans = yield* FeePlans
  const limits = yield* Limits
  if (hasFees) yield* plans.put(merchantId, { version: 0, reason, content: plan }, "user:olga")
  if (bounds !== undefined) {
    const content = limitsOf(bounds)
    yield* limits.put(merchantId, { version: 0, reason, currency: "CNY", content }, "user:olga")
  }
  const staff = new Principal({
    ...{ userId: yield* newUserId, sessionId: yield* newSessionId, roles: ["merchant"] },
    ...{ merchantId: Option.some(merchantId), expiresAt: new Date("2100-01-01") }
  })
  const sql = yield* SqlClient.SqlClient
  const account = yield* newCredentialId
  yield* sql`
    INSERT INTO payments.channel_credentials (id, merchant_id, channel, version, account, masked, key_id, sealed, created_at)
    VALUES (${account}, ${merchantId}, 'wechatpay', 1, 'acct', '{}', 'k', decode('00', 'hex'), now())`
  return { merchantId, staff, account }
})

export const ask = Effect.fnUntraced(function* (staff: Principal, amount: number, operationId?: string) {
  const payments = yield* Payments
  const id = operationId ?? (yield* newOperationId)
  return yield* payments.create({ amount: cny(amount), reference: id, description: "tea" }, staff, id)
})

/** The channel says that the money came: to the platform, or straight into the shop's own account. */
export const pay = Effect.fnUntraced(function* (id: PaymentId, credentialId: CredentialId | null = null) {
  const store = yield* PaymentStore
  const attemptId = yield* newAttemptId
  const way = { channel: wechatpay, method: "native", payer: {}, credentialId, decision: null }
  const paidAt = yield* DateTime.nowAsDate
  yield* store.change(id, "test", (draft) =>
    Effect.sync(() => {
      const attempt = draft.begin(attemptId, way)
      const offered = draft.offer(attempt, { action: null, channelReference: null } as never, "offered")
      draft.succeed(offered, { channelReference: attemptId, paidAt }, "paid")
    })
  )
})

export const giveBack = Effect.fnUntraced(function* (id: PaymentId, amount: number) {
  const store = yield* PaymentStore
  const refundId = yield* newRefundId
  yield* store.change(id, "test", (draft) =>
    Effect.sync(() => {
      const attempt = draft.capturingAttempt
      if (attempt === undefined) return
      const refund = draft.requestRefund(attempt, refundId, cny(amount), "broken")
      draft.endRefund(refund, "succeeded", { errorCode: null })
    })
  )
})

/**
 * A dispute of the paid payment, of all of it: the answer has the channel tell how it stands, with what was taken so far. Each time is
 * news to what was told before.
 */
export const dispute = Effect.fnUntraced(function* (id: PaymentId) {
  const [books, disputes, sql] = [yield* PaymentBooks, yield* DisputeStore, yield* SqlClient.SqlClient]
  const repo = yield* PaymentRepo
  const record = yield* Effect.flatMap(repo.read(id), Effect.fromOption)
  const openedAt = yield* DateTime.nowAsDate
  const channel = { id: wechatpay, account: {} } as never
  let clock = openedAt.getTime()
  return (status: DisputeStatus, taken?: { readonly withdrawn: number; readonly fees: number }) => {
    const told: ChannelDispute = {
      ...{ channelReference: `dispute of ${id}`, paymentReference: record.attempts[0]?.id ?? "", account: {}, status },
      ...{ amount: record.intent.amount, currency: record.intent.currency, reason: "fraudulent", evidenceDueAt: null },
      balance:
        taken === undefined
          ? null
          : {
              ...{ withdrawn: MinorUnits.make(taken.withdrawn), fees: MinorUnits.make(taken.fees) },
              currency: record.intent.currency
            },
      openedAt
    }
    const at = new Date((clock += 1000))
    return disputes.learn(channel, told, { by: "told", at }).pipe(
      Effect.tap(({ news }) => books.record([], news === undefined ? [] : [news])),
      sql.withTransaction
    )
  }
})

export const balances = Effect.fnUntraced(function* (merchantId: MerchantId) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    SELECT a.kind, sum(b.credits_posted - b.debits_posted)::bigint AS balance
    FROM ledger.accounts AS a JOIN ledger.balances AS b ON b.account_id = a.id
    WHERE a.merchant_id = ${merchantId} GROUP BY a.kind ORDER BY a.kind`
  return Object.fromEntries(rows.map((row) => [String(row["kind"]), row["balance"]]))
})
