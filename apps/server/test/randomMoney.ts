import { generator } from "@mall/domain/kernel/Id"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { FeePlan } from "@mall/domain/merchants/FeePlan"
import { PaymentLimits } from "@mall/domain/merchants/PaymentLimits"
import { ChannelId } from "@mall/domain/payments/Payment"
import { NewFxLimit } from "@mall/domain/treasury/FxTerms"
import { PayoutId } from "@mall/domain/treasury/Payouts"
import { Effect, Random, Schema } from "effect"
import { feePlan } from "./agreements.ts"
import type { Bag } from "./Bag.ts"
import { addBankAccount } from "./bankAccounts.ts"
import { eventually, sandboxAt, signIn } from "./shoppers.ts"

const stripe = ChannelId.make("stripe")
const newPayoutId = generator(PayoutId)
const reason = "at random"
const Numbered = Schema.decodeEffect(Schema.fromJsonString(Schema.Struct({ number: Schema.String })))

/** What goes wrong with the notices of cards and with the bank. */
const faults = [
  { channel: "stripe", operation: "callback", probability: 0.1, fault: { kind: "duplicate", times: 2 } },
  { channel: "stripe", operation: "callback", probability: 0.1, fault: { kind: "reorder", milliseconds: 500 } },
  { channel: "bank", operation: "create", probability: 0.1, fault: { kind: "drop", when: "after" } },
  { channel: "bank", operation: "query", probability: 0.1, fault: { kind: "answer", with: "500", when: "before" } }
]

/** So that each payment holds some of a quota, and none is refused for it. */
const generousLimits = {
  ...{ minimum: 1, maximum: 1_000_000_000, daily: 1_000_000_000_000, monthly: 10_000_000_000_000 },
  ...{ timeZone: "UTC", returnsOnRefund: true }
}

type Staff = Effect.Success<ReturnType<typeof signIn>>
interface Bags {
  readonly disputable: Bag<string>
  readonly disputes: Bag<string>
  readonly payouts: Bag<PayoutId>
}

/**
 * What becomes of a merchant's money once it came in: banks want it back and win or lose, it is settled less a fee and a reserve,
 * exchanged, paid out, and comes back. `prepare` makes the agreements for it, and `complete` goes every way once to its end.
 */
export const moneyOperations = Effect.fnUntraced(function* (
  {
    admin,
    merchant,
    sandboxUrl,
    seed
  }: {
    readonly admin: Staff
    readonly merchant: Staff
    readonly sandboxUrl: string
    readonly seed: number
  },
  { disputable, disputes, payouts }: Bags
) {
  const sandbox = sandboxAt(sandboxUrl)
  const rpc = admin.admin
  const { merchantId: own } = yield* merchant.storefront["account.me"]()
  const merchantId = yield* Effect.fromNullishOr(own)

  const prepare = Effect.gen(function* () {
    yield* addBankAccount({ admin, merchant }, reason)
    const content = yield* Schema.decodeUnknownEffect(FeePlan)(feePlan)
    yield* rpc["admin.terms.putFeePlan"]({ merchantId, version: 0, reason, content })
    const quotas = yield* Schema.decodeEffect(PaymentLimits)(generousLimits)
    for (const holder of [merchantId, "platform"] as const) {
      yield* rpc["admin.terms.putLimits"]({ merchantId: holder, version: 0, currency: "CNY", reason, content: quotas })
    }
    yield* rpc["admin.settlements.setTerms"]({
      ...{ merchantId, currency: "CNY", cycle: { type: "daily", businessDays: 1 }, timeZone: "UTC" },
      ...{ calendar: "default", minimum: MinorUnits.make(0), isPaidOut: false, reason },
      ...{ reserveBasisPoints: 1_000, reserveDays: 0 }
    })
    yield* rpc["admin.fx.fetch"]()
    const maxShort = NewFxLimit.fields.maxShort.make(100_000_000)
    for (const currency of ["CNY", "USD"] as const) yield* rpc["admin.fx.setLimit"]({ currency, maxShort, reason })
    for (const rule of faults) yield* sandbox.fault({ seed, ...rule })
  })

  const byCard = Effect.gen(function* () {
    const amount = Money.of(1_000 + (yield* Random.nextIntBetween(0, 9_000)), "USD")
    const payload = {
      amount,
      reference: `c-${yield* newPayoutId}`,
      description: "a table",
      channels: [stripe] as const
    }
    const { id } = yield* merchant.mall.payments.create({ payload })
    const step = yield* merchant.mall.payments.confirm({ params: { id }, payload: { channel: stripe, method: "card" } })
    const order = step.attempt.id.replaceAll("-", "")
    yield* sandbox.act(`stripe/orders/${order}/pay`)
    disputable.add(order)
  })
  const dispute = Effect.gen(function* () {
    const order = yield* disputable.take
    if (order === undefined) return yield* byCard
    const { number } = yield* Numbered(yield* sandbox.act(`stripe/orders/${order}/disputes`))
    disputes.add(number)
  })
  const decide = (outcome: "lose" | "win") =>
    Effect.gen(function* () {
      const number = yield* disputes.take
      if (number === undefined) return yield* dispute
      yield* sandbox.act(`stripe/disputes/${number}/${outcome}`)
    })
  const settle = Effect.asVoid(admin.mall.settlements.run({ payload: { merchantId, currency: "CNY", reason } }))
  const withdrawn = Effect.fnUntraced(function* (amount: number) {
    const id = yield* newPayoutId
    yield* merchant.merchant["withdrawals.create"]({ id, withdrawal: { money: Money.of(amount, "CNY"), reason } })
    payouts.add(id)
    return id
  })
  const withdraw = Effect.flatMap(Random.nextIntBetween(1, 2_000), withdrawn)
  const back: Effect.Effect<void, unknown> = Effect.gen(function* () {
    const id = yield* payouts.take
    if (id === undefined) return yield* Effect.asVoid(withdraw)
    yield* Effect.tapError(rpc["admin.payouts.return"]({ id, reason }), () => Effect.sync(() => payouts.add(id)))
  })
  const exchanged = Effect.fnUntraced(function* (amount: number) {
    const asked = { side: "sell", amount: Money.of(amount, "CNY"), other: "USD" } as const
    const { id } = yield* merchant.merchant["fx.createQuote"](asked)
    yield* merchant.merchant["fx.accept"]({ id })
  })
  const exchange = Effect.flatMap(Random.nextIntBetween(100, 2_000), exchanged)

  /** Every way once to its end, whatever chance did. */
  const complete = Effect.gen(function* () {
    for (const outcome of ["win", "lose"] as const) {
      yield* byCard
      yield* eventually(Effect.exit(dispute), ({ _tag }) => _tag === "Success", "a card to be disputed")
      yield* decide(outcome)
    }
    yield* eventually(
      Effect.exit(settle),
      (exit) => exit._tag === "Success" || String(exit.cause).includes("NothingToSettle"),
      "the last settlement"
    )
    const list = rpc["admin.settlements.list"]({ merchantId, limit: 1 })
    yield* eventually(list, ({ data }) => data[0]?.status === "settled", "it to be settled")
    yield* rpc["admin.sweeps.run"]({ name: "settlement_reserves" })
    yield* exchanged(500)
    const id = yield* withdrawn(700)
    const show = rpc["admin.payouts.show"]({ id })
    yield* eventually(show, ({ payout }) => payout.status === "paid", "the withdrawal to be paid")
    yield* rpc["admin.payouts.return"]({ id, reason })
  })

  const kinds: ReadonlyArray<readonly [string, number, Effect.Effect<void, unknown>]> = [
    ["pay by card", 5, byCard],
    ["dispute a payment", 3, dispute],
    ["win a dispute", 2, decide("win")],
    ["lose a dispute", 2, decide("lose")],
    ["settle", 4, settle],
    ["withdraw", 5, Effect.asVoid(withdraw)],
    ["send a pay-out back", 3, back],
    ["exchange", 4, exchange]
  ]
  return { prepare, complete, kinds }
})
