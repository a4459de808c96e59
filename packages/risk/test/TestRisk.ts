import { UserId } from "@mall/domain/identity/CurrentUser"
import { generator } from "@mall/domain/kernel/Id"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { ChannelId } from "@mall/domain/payments/Payment"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { PaymentOutcomes } from "@mall/domain/payments/PaymentOutcomes"
import type { PaymentOutcome } from "@mall/domain/payments/PaymentOutcomes"
import type { RiskFacts } from "@mall/domain/risk/Fact"
import { RiskCheck } from "@mall/domain/risk/RiskCheck"
import { RuleId } from "@mall/domain/risk/RiskRule"
import type { RuleChange } from "@mall/domain/risk/RiskRule"
import { Notifications } from "@mall/platform/Notifications"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { ConfigProvider, Context, Effect, Layer, Logger } from "effect"
import * as RiskServices from "../src/RiskServices.ts"

export const newPaymentId = generator(PaymentId)
export const newUserId = generator(UserId)

export const someFacts: RiskFacts = {
  amount: MinorUnits.make(5_000),
  currency: "CNY",
  channel: ChannelId.make("wechatpay"),
  method: "native",
  merchant: null,
  user: null,
  network: null,
  device: null,
  card: null,
  country: null,
  ipCountry: null,
  isGuest: false,
  attempts: 0
}

/** What became of payments, as tests say it. */
export class Outcomes extends Context.Service<Outcomes, Map<PaymentId, PaymentOutcome>>()("@mall/risk/test/Outcomes") {}

const OutcomesLayer = Layer.effectContext(
  Effect.sync(() => {
    const outcomes = new Map<PaymentId, PaymentOutcome>()
    return Context.make(Outcomes, outcomes).pipe(
      Context.add(PaymentOutcomes, {
        of: (ids) => Effect.succeed(new Map(ids.flatMap((id) => [...outcomes].filter(([known]) => known === id))))
      })
    )
  })
)

/** One process's services of risk on a database; several are several processes. */
export const processOn = (database: Parameters<typeof Sql.layerUrl>[0], settings: Record<string, string> = {}) =>
  RiskServices.layerBacktests.pipe(
    Layer.provideMerge(RiskServices.layer),
    Layer.provideMerge(Notifications.layer),
    Layer.provideMerge(Sql.layerUrl(database, { role: "mall_pay" })),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ RISK_TIMEOUT: "30 seconds", ...settings }))),
    Layer.fresh,
    Layer.provideMerge(OutcomesLayer),
    // what fails on purpose would fill the report
    Layer.provideMerge(Logger.layer([])),
    Layer.orDie
  )

/** The same on a database of its own, with the rights of the pay platform. */
export const testRisk = (settings: Record<string, string> = {}) =>
  Layer.unwrap(Effect.map(acquireDatabase, (database) => processOn(database, settings))).pipe(Layer.orDie)

/** A check of a payment of its own, or of `paymentId`. */
export const check = Effect.fnUntraced(function* (facts: Partial<RiskFacts>, paymentId?: PaymentId) {
  const risk = yield* RiskCheck
  const id = paymentId ?? (yield* newPaymentId)
  const answer = yield* risk.check({
    paymentId: id,
    facts: { ...someFacts, ...facts },
    endsAt: new Date("2100-01-01")
  })
  return { ...answer, paymentId: id }
})

export const ruleId = (id: string) => RuleId.make(id)

/** A rule that hits payments of at least so much. */
export const largeAmounts = (change: Partial<RuleChange> = {}): RuleChange => ({
  version: 0,
  name: "Large amounts",
  when: { type: "fact", fact: "amount", is: ">=", value: 100_000 },
  score: 0,
  action: "deny",
  mode: "live",
  reason: "a test",
  ...change
})
