import { withIdempotencyKey } from "@mall/client/IdempotencyKey"
import { AdminRpc } from "@mall/client/MallRpc"
import { MallHttp } from "@mall/client/MallHttp"
import { Email } from "@mall/domain/identity/User"
import { formatMajor } from "@mall/domain/kernel/Currency"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { ApplicationId } from "@mall/domain/merchants/Application"
import { ChannelId } from "@mall/domain/payments/Payment"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { BillDay } from "@mall/domain/treasury/Bill"
import { Clock, Console, DateTime, Effect, Redacted, Schema } from "effect"
import { HttpClientResponse } from "effect/http"
import {
  awaitPayment,
  chapter,
  control,
  DemoFailed,
  demoPassword,
  press,
  price,
  say,
  secret,
  signIn,
  until
} from "./support.ts"

const stripe = ChannelId.make("stripe")
const currency = "USD"
const usd = (amount: number) => Money.of(amount, currency)
const major = (amount: number | null) => `${formatMajor(amount ?? 0, currency)} ${currency}`
const reason = "the demo of a merchant"

/** A paper that says nothing, as a person would scan one. */
const paper = {
  mediaType: "application/pdf",
  bytes: new TextEncoder().encode("%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n")
} as const

/** Opens an account, and stays signed in with it. */
const register = Effect.fnUntraced(function* (email: string, name: string) {
  const mall = yield* MallHttp
  const { id } = yield* mall.users.register({
    payload: { email: Email.make(email), password: secret(demoPassword), name }
  })
  return id
})

const apply = Effect.fnUntraced(function* (code: string) {
  const mall = yield* MallHttp
  const { id } = yield* mall.merchantApplications.apply({
    payload: {
      ...{ legalName: "Tea Leaves GmbH", shopName: { zh: "茶叶", en: "Tea leaves" }, code, country: "DE" },
      ...{ kind: "company", level: "basic", registrationNumber: "HRB 86891" },
      contact: { name: "Thea Leaves", email: Email.make(`${code}@example.com`), phone: "+4930123456" }
    }
  })
  const params = { id }
  yield* mall.merchantApplications.addDocument({ params, query: { kind: "business_licence" }, payload: paper })
  yield* mall.merchantApplications.addDocument({
    params,
    query: { kind: "representative_identity", expiresOn: "2099-01-31" },
    payload: paper
  })
  const application = yield* mall.merchantApplications.submit({ params })
  yield* say(`application ${id} with two papers: ${application.status}`)
  return id
})

/** Two people of the mall look at it; one of them alone may not. */
const admit = Effect.fnUntraced(function* (id: ApplicationId, second: string) {
  const mall = yield* MallHttp
  const params = { id }
  yield* signIn("admin@demo.mall", demoPassword)
  yield* mall.merchantReviews.recommend({ params, payload: { recommendation: "approve", reason } })
  const alone = yield* Effect.flip(mall.merchantReviews.approve({ params, payload: { reason } })).pipe(
    Effect.mapError(() => new DemoFailed({ reason: "One person alone admitted a merchant" }))
  )
  yield* say(`who recommended it may not approve it too: ${alone._tag}`)
  yield* signIn(second, demoPassword)
  const application = yield* mall.merchantReviews.approve({ params, payload: { reason } })
  yield* say(`a second person approved it: ${application.status}`)
})

/** What the merchant pays, when it gets its money, and what is held back. */
const agree = Effect.fnUntraced(function* (merchantId: MerchantId) {
  const mall = yield* MallHttp
  const plan = yield* mall.terms.putFeePlan({
    params: { id: merchantId },
    payload: {
      version: 0,
      reason,
      content: {
        name: "demo",
        rates: [
          {
            ...{ channel: null, currency: null, fixed: MinorUnits.make(0), minimum: null, maximum: null },
            tiers: [{ from: MinorUnits.make(0), basisPoints: "150" }]
          },
          {
            ...{ channel: stripe, currency, fixed: MinorUnits.make(30), minimum: null, maximum: null },
            tiers: [{ from: MinorUnits.make(0), basisPoints: "290" }]
          }
        ],
        ...{ tierMode: "marginal", rounding: "half_even", timeZone: "UTC", returns: { percent: true, fixed: false } }
      }
    }
  })
  const wait = plan.effectiveFrom.getTime() - (yield* Clock.currentTimeMillis)
  if (wait > 0) {
    yield* say(`the plan counts from ${plan.effectiveFrom.toISOString()} on; waiting ${Math.ceil(wait / 1000)} s`)
    yield* Effect.sleep(wait)
  }
  yield* mall.settlements.setTerms({
    payload: {
      ...{
        merchantId,
        currency,
        reason,
        cycle: { type: "daily", businessDays: 1 },
        timeZone: "UTC",
        calendar: "default"
      },
      ...{ minimum: MinorUnits.make(0), isPaidOut: true, reserveBasisPoints: 1000, reserveDays: 30 }
    }
  })
  yield* say("2.9 % and 0.30 USD a payment; settled each day and paid out; a tenth is held back for 30 days")
})

/** The number of the try at the channel, and of the payment. */
interface Sale {
  readonly id: PaymentId
  readonly number: string
}

const sell = Effect.fnUntraced(function* (sandbox: string, amount: number, reference: string) {
  const mall = yield* MallHttp
  const { id } = yield* mall.payments
    .create({ payload: { amount: usd(amount), reference, description: "Tea 茶" } })
    .pipe(withIdempotencyKey(reference))
  const { attempt } = yield* mall.payments.confirm({ params: { id }, payload: { channel: stripe, method: "card" } })
  const sale: Sale = { id, number: attempt.id.replaceAll("-", "") }
  yield* press(sandbox, stripe, sale.number)
  yield* awaitPayment(id, "succeeded")
  yield* say(`${price(usd(amount))} paid by card`)
  return sale
})

const takeBack = Effect.fnUntraced(function* ({ id }: Sale, amount: number) {
  const mall = yield* MallHttp
  yield* mall.payments.refund({ params: { id }, payload: { amount: usd(amount), reason: "a broken cup" } })
  yield* until("the refund", mall.payments.show({ params: { id } }), ({ refunded }) => refunded.amount === amount)
  yield* say(`${price(usd(amount))} of it given back`)
})

const Opened = Schema.Struct({ number: Schema.String })

/** The buyer's bank takes the money back, and keeps it. */
const lose = Effect.fnUntraced(function* (sandbox: string, { number }: Sale) {
  const mall = yield* MallHttp
  const opened = yield* Effect.flatMap(
    control(sandbox, `/stripe/orders/${number}/disputes`),
    HttpClientResponse.schemaBodyJson(Opened)
  )
  const disputes = mall.disputes.list({ query: {} })
  yield* until("the dispute", disputes, ({ data }) => data.length > 0)
  yield* control(sandbox, `/stripe/disputes/${opened.number}/lose`)
  yield* until("its end", disputes, ({ data }) => data[0]?.status === "lost")
  yield* say("the buyer of the third disputed it at their bank, and won")
})

const settle = Effect.fnUntraced(function* (merchantId: MerchantId) {
  const mall = yield* MallHttp
  const begun = yield* mall.settlements.run({ payload: { merchantId, currency, reason } })
  const { settlement } = yield* until(
    "the settlement",
    mall.settlements.show({ params: { id: begun.id } }),
    (details) => details.settlement.status === "settled"
  )
  for (const { added, items, purpose, taken } of settlement.lines ?? []) {
    yield* say(`${purpose.padEnd(12)} ${String(items).padStart(2)} × +${major(added)} −${major(taken)}`)
  }
  yield* say(
    `net ${major(settlement.net)}: ${major(settlement.settled)} settled, ${major(settlement.reserve)} held back`
  )
  if (settlement.payoutId === null) {
    return yield* say(
      `${settlement.payoutNote ?? ""}: a new one waits PAYOUT_COOLING_OFF, then it is paid out by itself`
    )
  }
  const admin = yield* AdminRpc
  const { payout } = yield* until(
    "the bank",
    admin["admin.payouts.show"]({ id: settlement.payoutId }),
    (details) => details.payout.status === "paid"
  )
  yield* say(`the bank paid ${price(payout.money)}, its number ${payout.bankReference ?? ""}`)
})

/** The channel's bill shows what happened today as yesterday's, so that nobody has to wait for midnight. */
const reconcile = Effect.fnUntraced(function* (sandbox: string) {
  const mall = yield* MallHttp
  yield* control(sandbox, "/stripe/bill-changes", { kind: "earlier" })
  const yesterday = DateTime.subtract(yield* DateTime.now, { days: 1 })
  const day = BillDay.make(DateTime.formatIsoDateUtc(yesterday))
  const { id } = yield* mall.reconciliation.run({ payload: { channel: stripe, day } })
  const { counts, lines } = yield* until(
    "the bill to be compared",
    mall.reconciliation.show({ params: { id } }),
    ({ status }) => status === "completed"
  )
  yield* say(`Stripe's bill of ${day}: ${lines} lines; ${JSON.stringify(counts)}`)
})

const examine = Effect.gen(function* () {
  const mall = yield* MallHttp
  const { isSound, results } = yield* mall.doctor.run({ payload: { isFull: true, withChannels: true } })
  const wrong = results.filter(({ failure, found }) => found > 0 || failure !== null)
  yield* say(`${results.length} checks, ${wrong.length} of them with something to look at; sound: ${isSound}`)
  for (const { check, failure, found } of wrong) yield* say(`  ${check}: ${failure ?? `${found} violations`}`)
  const { totals } = yield* mall.ledger.trialBalance({ query: {} })
  for (const { credits, currency, debits } of totals) {
    yield* say(`${currency}: ${debits} debit = ${credits} credit, ${debits - credits} between them`)
  }
})

/** A merchant applies, sells, is settled, paid and compared with the channel's bill. */
export const merchantJourney = Effect.fnUntraced(function* (sandbox: string) {
  const mall = yield* MallHttp
  const stamp = yield* Clock.currentTimeMillis
  const [owner, officer] = [`tea-${stamp}@example.com`, `officer-${stamp}@example.com`]

  yield* chapter("1. Apply, and be admitted by two people")
  yield* register(owner, "Thea Leaves")
  const officerId = yield* register(officer, "Otto Officer")
  yield* signIn("admin@demo.mall", demoPassword)
  yield* mall.assignments.grant({ params: { userId: officerId }, payload: { role: "admin", merchantId: null, reason } })
  yield* signIn(owner, demoPassword)
  const application = yield* apply(`tea-${stamp}`)
  yield* admit(application, officer)
  yield* signIn(owner, demoPassword)
  const { merchant } = yield* mall.merchantProfile.show()
  yield* say(`merchant ${merchant.id} is ${merchant.standing}`)

  yield* chapter("2. Agree on fees and settlement, and name a bank account")
  yield* signIn(officer, demoPassword)
  yield* agree(merchant.id)
  yield* signIn(owner, demoPassword)
  const account = yield* mall.payoutAccounts.add({
    payload: {
      ...{ currency, country: "DE", holder: "Tea Leaves GmbH", bic: "COBADEFFXXX", reason },
      number: Redacted.make("DE89370400440532013000", { label: "account number" })
    }
  })
  yield* signIn(officer, demoPassword)
  const admin = yield* AdminRpc
  const verified = yield* admin["admin.payouts.verifyAccount"]({ id: account.account.id, reason })
  yield* say(`account ${verified.account.maskedNumber} is ${verified.account.status}`)

  yield* chapter("3. Be paid, give back, and lose a dispute")
  yield* signIn(owner, demoPassword)
  yield* sell(sandbox, 100_00, `tea-1-${stamp}`)
  yield* takeBack(yield* sell(sandbox, 60_00, `tea-2-${stamp}`), 20_00)
  yield* lose(sandbox, yield* sell(sandbox, 40_00, `tea-3-${stamp}`))

  yield* chapter("4. Settle and pay out")
  yield* signIn("admin@demo.mall", demoPassword)
  yield* settle(merchant.id)

  yield* chapter("5. Compare with the channel's bill")
  yield* reconcile(sandbox)

  yield* chapter("6. Make sure of the books")
  yield* examine
  const books = yield* mall.ledger.accounts({ query: { limit: 100 } })
  for (const { balance, code } of books.data.filter(({ merchantId }) => merchantId === merchant.id)) {
    yield* say(`${code.replace(merchant.id, "merchant").padEnd(32)} ${major(balance)}`)
  }
  yield* Console.log(`\nDone: merchant ${merchant.id} was admitted, paid, settled and compared.`)
})
