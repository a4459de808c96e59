import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { PayoutAccountId } from "@mall/domain/treasury/PayoutAccount"
import * as MerchantWorker from "@mall/merchants/MerchantWorker"
import { DefaultSmtpUrl } from "@mall/platform/mail/smtpUrl"
import { MailSink } from "@mall/sandbox/mail/MailSink"
import { PayoutAccounts } from "@mall/treasury/payouts/PayoutAccounts"
import * as PayoutWorker from "@mall/treasury/payouts/PayoutWorker"
import { Terms } from "@mall/treasury/settlement/Terms"
import { Effect, Layer, Option, Redacted, Schedule } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { SqlClient } from "effect/sql"
import { admitted } from "./applicants.ts"
import { book, settle, termsOf } from "./settlement/SettlementTest.ts"
import { configuredWith, payWith } from "./shop.ts"

const newAccountId = generator(PayoutAccountId)
const configured = configuredWith({ PAYOUT_COOLING_OFF: "0 seconds", DOWNSTREAM_SMTP_RETRY_DELAY: "1 millis" })

const SinkUrl = Layer.effect(
  DefaultSmtpUrl,
  Effect.map(MailSink, ({ url }) => Option.some(Redacted.make(url)))
)

const Mall = Layer.mergeAll(MerchantWorker.subscriptions, PayoutWorker.subscriptions).pipe(
  Layer.provide(configured),
  Layer.provideMerge(payWith(configured)),
  Layer.provide(CircuitBreaker.layerStoreMemory()),
  Layer.provide(SinkUrl),
  Layer.provideMerge(MailSink.layer.pipe(Layer.provide(configured)))
)

const mailsTo = (to: string) =>
  Effect.flatMap(MailSink, ({ mails }) =>
    Effect.map(mails, (all) => all.filter((mail) => mail.recipients.includes(to)))
  )

/** The time limit of the test is what ends it otherwise. */
const mailAbout = (to: string, subject: string) =>
  Effect.retry(
    Effect.flatMap(mailsTo(to), (mails) => Effect.fromNullishOr(mails.find((mail) => mail.subject.includes(subject)))),
    Schedule.spaced("5 millis")
  )

const number = Redacted.make("DE89370400440532013000")
const account = { currency: "EUR", country: "DE", holder: "Tea GmbH", number, bic: "COBADEFF", reason: "ours" } as const

layer(Mall, { excludeTestServices: true, timeout: "2 minutes" })("a merchant is written to", (it) => {
  it.effect("when a bank account is added and when it is paid to, and not of one that was replaced before", () =>
    Effect.gen(function* () {
      const { merchantId } = yield* admitted("Anna")
      const accounts = yield* PayoutAccounts
      const id = yield* newAccountId
      yield* accounts.add(merchantId, account, "user:ann", id)
      const added = yield* mailAbout("anna@tea.example", "was added")
      assert.include(added.text, "***3000")
      assert.notInclude(added.text, "0532013000")
      yield* accounts.verify(id, "called them", "user:olga")
      const usable = yield* mailAbout("anna@tea.example", "is in use")
      assert.include(usable.text, "***3000")

      const sql = yield* SqlClient.SqlClient
      yield* sql`UPDATE treasury.payout_accounts SET status = 'superseded', ended_at = now() WHERE id = ${id}`
      const before = yield* sql`SELECT id FROM outbox WHERE queue_name LIKE 'payout_account_news%'`
      yield* accounts.cooledOff(id)
      yield* accounts.cooledOff(yield* newAccountId)
      const after = yield* sql`SELECT id FROM outbox WHERE queue_name LIKE 'payout_account_news%'`
      assert.strictEqual(after.length, before.length)
    })
  )

  it.effect("the sums of a settlement", () =>
    Effect.gen(function* () {
      const { merchantId } = yield* admitted("Bert")
      const terms = yield* Terms
      yield* terms.set(termsOf(merchantId, { reserveBasisPoints: 1000, reserveDays: 30 }), "test")
      yield* book(merchantId, 12_000)
      yield* book(merchantId, -345)
      yield* settle(merchantId)
      const { subject, text } = yield* mailAbout("bert@tea.example", "Settlement of")
      assert.include(subject, "104.55 CNY")
      for (const line of ["payments: 120.00 CNY", "refunds: -3.45 CNY", "net: 116.55 CNY", "held back: 12.00 CNY"]) {
        assert.include(text, line)
      }
      assert.lengthOf(yield* mailsTo("bert@tea.example"), 1)
    })
  )
})
