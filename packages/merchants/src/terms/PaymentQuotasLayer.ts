import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import type { LimitsHolder } from "@mall/domain/merchants/LimitsHolder"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentQuotas } from "@mall/domain/merchants/PaymentQuotas"
import type { QuotaNeed, QuotaOutcome } from "@mall/domain/merchants/PaymentQuotas"
import { PaymentLimitExceeded, QuotaExceeded } from "@mall/domain/merchants/TermsError"
import { calendarOf } from "@mall/domain/merchants/TimeZone"
import { inForce } from "@mall/domain/merchants/Version"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { DateTime, Effect, Layer } from "effect"
import { counterKey } from "./counterKey.ts"
import { rowOf } from "./holderRow.ts"
import { Limits } from "./Limits.ts"
import { QuotaRepo } from "./QuotaRepo.ts"
import type { Counter, NewHold, Settlement } from "./QuotaRepo.ts"

const periods = ["day", "month"] as const

const holderOf = (merchantId: MerchantId | null): LimitsHolder => merchantId ?? "platform"

const countersOf = ({ merchantId, money: { currency }, windows }: QuotaNeed) =>
  periods.map((period): Counter & { readonly limit: number | null } => {
    const { limit, window } = windows[period]
    const holder = holderOf(merchantId)
    const key = counterKey({ holder, currency, period, window })
    return { merchantId: rowOf(holder), currency, period, window, key, limit }
  })

const holdOf = (need: QuotaNeed): NewHold => {
  const { at, merchantId, money, paymentId, returnsOnRefund, windows } = need
  const { amount, currency } = money
  const holder = holderOf(merchantId)
  const of = (period: (typeof periods)[number]) =>
    counterKey({ holder, currency, period, window: windows[period].window })
  return {
    paymentId,
    merchantId: rowOf(holder),
    currency,
    amount,
    day: of("day"),
    month: of("month"),
    returnsOnRefund,
    at
  }
}

/** What became of each payment, in one row: what was paid stays paid. */
const settlementsOf = (outcomes: ReadonlyArray<QuotaOutcome>) => {
  const rows = new Map<PaymentId, Settlement>()
  for (const { outcome, paymentId } of outcomes) {
    const row = rows.get(paymentId) ?? { paymentId, to: null, refunded: MinorUnits.make(0) }
    if (typeof outcome === "object") {
      rows.set(paymentId, { ...row, refunded: MinorUnits.make(row.refunded + outcome.refunded) })
    } else {
      rows.set(paymentId, { ...row, to: row.to === "committed" ? row.to : outcome })
    }
  }
  return [...rows.values()]
}

/** Decides in the order asked, each on what those before it took. */
const decide = (needs: ReadonlyArray<QuotaNeed>, taken: Map<string, number>) => {
  const refused = new Map<PaymentId, QuotaExceeded>()
  const admitted: Array<QuotaNeed> = []
  for (const need of needs) {
    const { amount, currency } = need.money
    const counters = countersOf(need)
    const short = counters.find(({ key, limit }) => limit !== null && (taken.get(key) ?? 0) + amount > limit)
    if (short === undefined || short.limit === null) {
      admitted.push(need)
      for (const { key } of counters) taken.set(key, (taken.get(key) ?? 0) + amount)
      continue
    }
    const left = Money.of(Math.max(0, short.limit - (taken.get(short.key) ?? 0)), currency)
    const { limit, period, window } = short
    refused.set(need.paymentId, new QuotaExceeded({ period, window, limit: Money.of(limit, currency), left }))
  }
  return { admitted, refused }
}

/** The port by which payments keep to their merchants' limits, and the mall's own to those of the platform. */
export const layerNoDeps = Layer.effect(
  PaymentQuotas,
  Effect.gen(function* () {
    const limits = yield* Limits
    const repo = yield* QuotaRepo

    const admit: PaymentQuotas["Service"]["admit"] = Effect.fnUntraced(function* ({
      at,
      merchantId,
      money,
      paymentId
    }) {
      const versions = yield* limits.of(holderOf(merchantId))
      const current = inForce(
        versions.filter(({ currency }) => currency === money.currency),
        at
      )
      if (current === undefined) return undefined
      const { daily, maximum, minimum, monthly, returnsOnRefund, timeZone } = current.content
      const { amount, currency } = money
      if ((minimum !== null && amount < minimum) || (maximum !== null && amount > maximum)) {
        return yield* new PaymentLimitExceeded({ currency, minimum, maximum })
      }
      if (daily === null && monthly === null) return undefined
      const { day, month } = calendarOf(at, timeZone)
      const windows = { day: { window: day, limit: daily }, month: { window: month, limit: monthly } }
      return { paymentId, merchantId, money, windows, returnsOnRefund, at }
    })

    const hold: PaymentQuotas["Service"]["hold"] = Effect.fn("PaymentQuotas.hold")(function* (needs, known) {
      if (needs.length === 0) return new Map()
      const counters = new Map(needs.flatMap(countersOf).map(({ limit: _limit, ...row }) => [row.key, row]))
      const locked = yield* repo.lock([...counters.values()])
      const existing = yield* known(needs.map(({ paymentId }) => paymentId))
      const { admitted, refused } = decide(
        needs.filter(({ paymentId }) => !existing.has(paymentId)),
        new Map(locked.map(({ held, key, used }) => [key, held + used]))
      )
      if (admitted.length > 0) yield* repo.hold(admitted.map(holdOf))
      return refused
    })

    return PaymentQuotas.of({
      admit,
      hold,
      settle: Effect.fnUntraced(function* (outcomes) {
        const limited = outcomes.filter(({ merchantId }) => limits.mayHave(holderOf(merchantId)))
        if (limited.length > 0) yield* repo.settle(settlementsOf(limited), yield* DateTime.nowAsDate)
      })
    })
  })
)
