import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { PolicyChangeId } from "@mall/domain/identity/Policy"
import type { Locale } from "@mall/domain/identity/User"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { PayoutAccountId } from "@mall/domain/treasury/PayoutAccount"
import { PolicyAdministration } from "@mall/identity/policy/PolicyAdministration"
import { UserAdministration } from "@mall/identity/users/UserAdministration"
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
import { configuredWith, newUserId, payWith } from "./shop.ts"

const newPolicyChangeId = generator(PolicyChangeId)
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

/** Somebody with an account of their own who is given a role within the shop. */
const staffOf = Effect.fnUntraced(function* (
  merchantId: MerchantId,
  name: string,
  locale: Locale,
  roles: { readonly isOwner: boolean; readonly inShop: ReadonlyArray<string> }
) {
  const sql = yield* SqlClient.SqlClient
  const userId = yield* newUserId
  yield* sql`
    INSERT INTO identity.users (id, email, personal_data_key, password_hash, name, locale, roles, shop_roles, merchant_id,
      token_version_at, created_at, updated_at)
    VALUES (${userId}, ${`${name}@staff.example`}, '', 'none', ${name}, ${locale},
      ${roles.isOwner ? ["customer", "merchant"] : ["customer"]}::text[], ${roles.inShop}::text[], ${merchantId}, now(), now(), now())`
  return userId
})

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

  it.effect("and so are those of the staff who look after the money, each in their language and once", () =>
    Effect.gen(function* () {
      const { merchantId } = yield* admitted("Cora")
      const users = yield* UserAdministration
      const policies = yield* PolicyAdministration
      const role = (name: string, resource: string, action: string) =>
        ({ name, description: "", inherits: [], rules: [{ effect: "allow", kind: "glob", resource, action }] }) as const
      const roles = [role("bookkeeper", "settlements", "read"), role("packer", "orders", "fulfil")]
      const { version } = yield* policies.current
      yield* policies.apply(
        yield* newPolicyChangeId,
        { version, document: { roles }, reason: "a test" },
        {
          operator: "olga"
        }
      )
      yield* staffOf(merchantId, "olivia", "zh", { isOwner: true, inShop: [] })
      yield* staffOf(merchantId, "ben", "en", { isOwner: false, inShop: ["bookkeeper"] })
      yield* staffOf(merchantId, "pat", "en", { isOwner: false, inShop: ["packer"] })
      const banned = yield* staffOf(merchantId, "mallory", "en", { isOwner: true, inShop: [] })
      yield* users.ban(banned, { actorId: null, reason: "stole" })
      const left = yield* staffOf(merchantId, "leo", "en", { isOwner: true, inShop: [] })
      yield* users.revoke(left, "merchant", { actorId: null, reason: "left" })

      const accounts = yield* PayoutAccounts
      yield* accounts.add(merchantId, account, "user:ann", yield* newAccountId)
      assert.notInclude((yield* mailAbout("olivia@staff.example", "新增收款账户")).text, "bank")
      yield* mailAbout("cora@tea.example", "A bank account was added")

      yield* book(merchantId, 12_000)
      yield* settle(merchantId)
      const toOlivia = yield* mailAbout("olivia@staff.example", "结算单")
      assert.include(toOlivia.text, "收款: 120.00 CNY")
      assert.notInclude(toOlivia.text, "payments")
      const toBen = yield* mailAbout("ben@staff.example", "Settlement of")
      assert.include(toBen.text, "payments: 120.00 CNY")
      // the contact is the owner too, whose language is known: one mail for both
      const toCora = yield* mailAbout("cora@tea.example", "Settlement of")
      assert.notInclude(toCora.text, "收款")
      const counted = (name: string) => Effect.map(mailsTo(name), ({ length }) => length)
      assert.deepStrictEqual(
        yield* Effect.forEach(
          ["cora@tea.example", ...["olivia", "ben", "pat", "mallory", "leo"].map((name) => `${name}@staff.example`)],
          counted
        ),
        [2, 2, 1, 0, 0, 0]
      )

      // who asks again, or leaves meanwhile, changes nothing
      const sql = yield* SqlClient.SqlClient
      const asked =
        yield* sql`SELECT id FROM outbox WHERE queue_name LIKE 'merchant_money_mail%' AND element::text LIKE ${`%${merchantId}%`}`
      assert.strictEqual(asked.length, 5)
    })
  )
})
