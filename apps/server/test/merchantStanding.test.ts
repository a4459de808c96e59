import { assert, layer } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Principal } from "@mall/domain/identity/CurrentUser"
import { accountDeleted } from "@mall/domain/identity/IdentityTopics"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { MerchantStanding } from "@mall/domain/merchants/MerchantStanding"
import { merchantKycDue } from "@mall/domain/merchants/MerchantTopics"
import { Documents } from "@mall/merchants/kyc/Documents"
import * as MerchantWorker from "@mall/merchants/MerchantWorker"
import { ApplicationReviews } from "@mall/merchants/onboarding/ApplicationReviews"
import { Applications } from "@mall/merchants/onboarding/Applications"
import { KycExpiry } from "@mall/merchants/standing/KycExpiry"
import { MerchantAdministration } from "@mall/merchants/standing/MerchantAdministration"
import { DefaultSmtpUrl } from "@mall/platform/mail/smtpUrl"
import { Outbox } from "@mall/platform/Outbox"
import { MailSink } from "@mall/sandbox/mail/MailSink"
import { Clamd, eicar } from "@mall/testing/Clamd"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { ConfigProvider, Effect, FileSystem, Layer, Logger, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import * as Contexts from "../src/Contexts.ts"
import { anApplicant, approve, bob, newApplicationId, olga, pdfOf, personOf, reason, show } from "./applicants.ts"
import { newUserId } from "./shop.ts"
import { eventually } from "./shoppers.ts"

const Configured = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { port } = yield* Clamd
    return ConfigProvider.layer(
      ConfigProvider.fromUnknown({
        MALL_SECRET_KEY: "0123456789abcdef0123456789abcdef",
        MALL_DATA_DIR: yield* fs.makeTempDirectoryScoped({ prefix: "mall-standing-" }),
        CLAMD_ADDRESS: `127.0.0.1:${port}`,
        DOWNSTREAM_CLAMD_MAX_ATTEMPTS: "1",
        DOWNSTREAM_CLAMD_BREAKER_FAILURES: "100"
      })
    )
  })
).pipe(Layer.provide(NodeServices.layer))

const SinkUrl = Layer.effect(
  DefaultSmtpUrl,
  Effect.map(MailSink, ({ url }) => Option.some(Redacted.make(url)))
)

/** Every context, with a mail server, a scanner for viruses and the messages of merchants. */
const World = MerchantWorker.subscriptions.pipe(
  Layer.provideMerge(Contexts.layerCommand),
  Layer.provide(SinkUrl),
  Layer.provide(Configured),
  Layer.provideMerge(Layer.mergeAll(MailSink.layer, Clamd.layer, TestDatabase)),
  Layer.provideMerge(Logger.layer([])),
  Layer.orDie
)

/** At a time that the test says; what the layers do in the background goes by the real one. */
const at = <A, E, R>(time: string, effect: Effect.Effect<A, E, R>) =>
  TestClock.setTime(Date.parse(time)).pipe(Effect.andThen(effect), Effect.provide(TestClock.layer()))

const sweep = KycExpiry.use((expiry) => expiry.sweep(100))

const kycOf = (id: MerchantId) =>
  Effect.map(
    MerchantAdministration.use((merchants) => merchants.show(id)),
    ({ merchant }) => ({ kycStatus: merchant.kycStatus, until: merchant.verifiedUntil?.toISOString() })
  )

const standingBecomes = (id: MerchantId, wanted: string) =>
  eventually(
    MerchantStanding.use((standing) => standing.of(id)),
    (standing) => standing === wanted,
    `the merchant to be ${wanted}`
  )

const mailsTo = (name: string) =>
  Effect.map(
    Effect.flatMap(MailSink, ({ mails }) => mails),
    (all) => all.filter(({ recipients }) => recipients.includes(personOf(name).contact.email)).toReversed()
  )
const mailed = (name: string, count: number) =>
  eventually(mailsTo(name), ({ length }) => length === count, `${count} mails to ${name}`)

/** The files of all documents that there are. */
const objects = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows =
    yield* sql`SELECT object_key FROM merchants.documents UNION SELECT object_key FROM merchants.unwanted_objects`
  return rows.length
})

/** How many rows of applications, their history and their documents hold the text; what is sealed holds none. */
const hits = Effect.fnUntraced(function* (text: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    SELECT FROM (
      SELECT to_jsonb(a)::text AS row FROM merchants.applications AS a
      UNION ALL SELECT to_jsonb(h)::text FROM merchants.application_history AS h
      UNION ALL SELECT to_jsonb(d)::text FROM merchants.documents AS d
    ) AS every WHERE position(lower(${text}) IN lower(every.row)) > 0`
  return rows.length
})

/** The scanner of viruses gives no answer until `clamd` is told otherwise. */
const whileScannerIsSilent = Effect.gen(function* () {
  const clamd = yield* Clamd
  clamd.silent = true
  return [yield* Applications, clamd, yield* Documents, yield* ApplicationReviews] as const
})

layer(World, { excludeTestServices: true, timeout: "60 seconds" })("what is known of a merchant", (it) => {
  it.effect("expires with the first document, is said a month before and once, and restricts the merchant", () =>
    Effect.gen(function* () {
      const merchantId = yield* at(
        "2030-01-10T12:00:00Z",
        Effect.gen(function* () {
          const applicant = yield* anApplicant("Ann")
          yield* show(applicant, "2030-06-30")
          return yield* approve(applicant)
        })
      )
      const until = "2030-06-30T23:59:59.999Z"
      assert.deepStrictEqual(yield* kycOf(merchantId), { kycStatus: "verified", until })
      assert.strictEqual(yield* at("2030-05-31T23:59:59.998Z", sweep), 0)
      const both = yield* at("2030-05-31T23:59:59.999Z", Effect.all([sweep, sweep], { concurrency: 2 }))
      assert.strictEqual(both[0] + both[1], 1)
      assert.deepStrictEqual(yield* kycOf(merchantId), { kycStatus: "expiring", until })
      yield* standingBecomes(merchantId, "active")
      assert.strictEqual(yield* at("2030-06-30T23:59:59.998Z", sweep), 0)
      assert.strictEqual(yield* at(until, sweep), 1)
      assert.strictEqual(yield* at("2031-01-01T00:00:00Z", sweep), 0)
      yield* standingBecomes(merchantId, "restricted")

      const [warning, end] = yield* mailed("Ann", 2)
      assert.include(warning?.subject, "expires soon")
      assert.include(end?.subject, "has expired")
      assert.isTrue([warning, end].every((mail) => mail?.text.includes("2030-06-30")))
      const { history } = yield* MerchantAdministration.use((merchants) => merchants.show(merchantId))
      assert.deepStrictEqual(
        history.map(({ actor, kycStatus }) => [actor, kycStatus]),
        [
          ["operator:bob", "verified"],
          ["sweep", "expiring"],
          ["sweep", "expired"]
        ]
      )
    })
  )

  it.effect("is asked for again after two years, and a new check begins the time anew", () =>
    Effect.gen(function* () {
      const { applicant, merchantId } = yield* at(
        "2030-01-10T12:00:00Z",
        Effect.gen(function* () {
          const applicant = yield* anApplicant("Ben")
          yield* show(applicant)
          return { applicant, merchantId: yield* approve(applicant) }
        })
      )
      assert.strictEqual((yield* kycOf(merchantId)).until, "2032-01-10T12:00:00.000Z")
      assert.strictEqual(yield* at("2032-01-10T12:00:00Z", sweep), 1)
      assert.strictEqual((yield* kycOf(merchantId)).kycStatus, "expired")
      yield* standingBecomes(merchantId, "restricted")
      yield* mailed("Ben", 1)

      const caller = new Principal({ ...applicant.caller, roles: ["merchant"], merchantId: Option.some(merchantId) })
      const recheck = Effect.gen(function* () {
        const applications = yield* Applications
        const id = yield* newApplicationId
        yield* applications.recheck(caller, id, applicant.particulars)
        const missing = yield* Effect.flip(applications.submit(caller, id))
        assert.strictEqual(missing._tag, "DocumentsMissing")
        yield* show({ caller, id }, "2033-03-31")
        return yield* approve({ caller, id })
      })
      assert.strictEqual(yield* at("2032-02-01T00:00:00Z", recheck), merchantId)
      const until = "2033-03-31T23:59:59.999Z"
      assert.deepStrictEqual(yield* kycOf(merchantId), { kycStatus: "verified", until })
      yield* standingBecomes(merchantId, "active")
      assert.strictEqual(yield* at("2033-03-02T00:00:00Z", sweep), 1)
      const mails = yield* mailed("Ben", 2)
      assert.include(mails[1]?.subject, "expires soon")
      assert.strictEqual(new Set(mails.map(({ messageId }) => messageId)).size, 2)
    })
  )

  it.effect("rests on no document that a scanner has not seen, and nobody gets such a one", () =>
    Effect.gen(function* () {
      const [applications, clamd, documents, reviews] = yield* whileScannerIsSilent
      const applicant = yield* anApplicant("Cleo")
      const { caller, id } = applicant
      const sent = pdfOf("a passport")
      const document = yield* show(applicant, "2099-01-31", sent)
      assert.strictEqual(document.scan, "pending")
      const read = (reader: typeof caller | null) => documents.read(reader, id, document.id)
      const refused = yield* Effect.all([Effect.flip(read(caller)), Effect.flip(read(null))])
      assert.deepStrictEqual(
        refused.map(({ _tag }) => _tag),
        ["DocumentQuarantined", "DocumentQuarantined"]
      )
      yield* applications.submit(caller, id)
      yield* reviews.recommend(id, "approve", olga)
      assert.strictEqual((yield* Effect.flip(reviews.approve(id, bob)))._tag, "DocumentQuarantined")
      yield* documents.scan(50)
      assert.strictEqual((yield* Effect.flip(read(null)))._tag, "DocumentQuarantined")

      clamd.silent = false
      yield* documents.scan(50)
      assert.deepStrictEqual(yield* read(null), new Uint8Array(sent))
      assert.deepStrictEqual(yield* read(caller), new Uint8Array(sent))
      assert.strictEqual((yield* reviews.approve(id, bob)).status, "approved")
    })
  )

  it.effect("misses a document that turns out to be infected, whose content is gone then", () =>
    Effect.gen(function* () {
      const [applications, clamd, documents, reviews] = yield* whileScannerIsSilent
      const applicant = yield* anApplicant("Dora")
      const { caller, id } = applicant
      const { id: documentId } = yield* show(applicant, "2099-01-31", pdfOf(eicar.toString()))
      yield* applications.submit(caller, id)
      const before = yield* objects
      clamd.silent = false
      yield* documents.scan(50)
      const seen = yield* reviews.show(id)
      assert.deepStrictEqual([seen.documents[0]?.scan, seen.missing.length], ["infected", 1])
      assert.strictEqual((yield* Effect.flip(reviews.recommend(id, "approve", olga)))._tag, "DocumentsMissing")
      assert.strictEqual((yield* Effect.flip(documents.read(null, id, documentId)))._tag, "DocumentQuarantined")
      assert.isAtLeast(yield* documents.clear(100), 1)
      assert.isAtMost(yield* objects, before)

      yield* reviews.requestChanges(id, olga)
      assert.strictEqual((yield* Effect.flip(applications.submit(caller, id)))._tag, "DocumentsMissing")
      yield* show(applicant)
      assert.isDefined(yield* approve(applicant))
    })
  )

  it.effect("waits for no document whose content is lost", () =>
    Effect.gen(function* () {
      const [clamd, documents] = yield* Effect.all([Clamd, Documents])
      const sql = yield* SqlClient.SqlClient
      clamd.silent = true
      const lost = yield* anApplicant("Emil")
      const { id: lostId } = yield* show(lost)
      const changed = yield* anApplicant("Fred")
      const { id: changedId } = yield* show(changed)
      const sound = yield* anApplicant("Gina")
      const { id: soundId } = yield* show(sound)
      yield* sql`UPDATE merchants.documents SET object_key = 'merchants/gone' WHERE id = ${lostId}`
      yield* sql`UPDATE merchants.documents SET sha256 = 'another' WHERE id = ${changedId}`
      clamd.silent = false
      yield* documents.scan(1)
      const [row] = yield* sql`SELECT scan FROM merchants.documents WHERE id = ${soundId}`
      assert.strictEqual(row?.["scan"], "clean")
      const waiting = yield* sql`SELECT id FROM merchants.documents WHERE scan = 'pending' ORDER BY id`
      assert.deepStrictEqual(
        waiting.map((each) => each["id"]),
        [lostId, changedId]
      )
    })
  )

  it.effect(
    "goes with the account of who was refused; of who was admitted only the contact goes, and no mail follows",
    () =>
      Effect.gen(function* () {
        const [clamd, documents, outbox, reviews] = yield* Effect.all([Clamd, Documents, Outbox, ApplicationReviews])
        const sql = yield* SqlClient.SqlClient
        clamd.silent = false
        const refused = yield* anApplicant("Hugo")
        yield* show(refused)
        const applications = yield* Applications
        yield* applications.submit(refused.caller, refused.id)
        yield* reviews.recommend(refused.id, "reject", olga)
        yield* reviews.reject(refused.id, { ...bob, reason: "Hugo Visitor is not who he says" })
        const admitted = yield* anApplicant("Ilse")
        yield* show(admitted, "2030-06-30")
        const merchantId = yield* approve(admitted)
        assert.isAbove(yield* hits("Hugo"), 0)

        for (const { userId } of [refused.caller, admitted.caller]) yield* outbox.publish(accountDeleted, { userId })
        const erased = yield* eventually(
          Effect.all([reviews.show(refused.id), reviews.show(admitted.id)]),
          (both) => both.every(({ application }) => application.contact === null),
          "both to be erased"
        )
        assert.deepStrictEqual(
          erased.map(({ application, documents }) => [application.legalName, documents.length]),
          [
            [null, 0],
            ["Ilse Visitor", 1]
          ]
        )
        assert.strictEqual(yield* hits("Hugo"), 0)
        const contact = yield* Effect.flip(reviews.contact(refused.id, reason))
        assert.strictEqual(contact._tag, "ApplicationNotFound")
        const unwanted = yield* sql`SELECT object_key FROM merchants.unwanted_objects WHERE due_at <= now()`
        assert.isAtLeast(unwanted.length, 1)
        assert.strictEqual(yield* documents.clear(100), unwanted.length)
        yield* at("2030-06-30T23:59:59.999Z", sweep)
        assert.strictEqual((yield* kycOf(merchantId)).kycStatus, "expired")
        const sent = eventually(
          sql`SELECT FROM outbox WHERE queue_name LIKE ${`${merchantKycDue.name}%`} AND id LIKE ${`${merchantId}%`} AND state = 'completed'`,
          ({ length }) => length === 1,
          "the message to be handled"
        )
        yield* sent
        assert.deepStrictEqual(yield* mailsTo("Ilse"), [])
      })
  )

  it.effect("is asked for again also where somebody who left had begun to, once two people reject what they left", () =>
    Effect.gen(function* () {
      const applications = yield* Applications
      const reviews = yield* ApplicationReviews
      const applicant = yield* anApplicant("Kim")
      yield* show(applicant)
      const merchantId = yield* approve(applicant)
      const staff = (caller: Principal) =>
        new Principal({ ...caller, roles: ["merchant"], merchantId: Option.some(merchantId) })
      const left = yield* newApplicationId
      yield* applications.recheck(staff(applicant.caller), left, applicant.particulars)

      const colleague = staff(new Principal({ ...applicant.caller, userId: yield* newUserId }))
      const recheck = Effect.flatMap(newApplicationId, (id) =>
        applications.recheck(colleague, id, applicant.particulars)
      )
      assert.strictEqual((yield* Effect.flip(recheck))._tag, "ApplicationOpen")
      assert.strictEqual(
        (yield* Effect.flip(reviews.recommend(left, "approve", olga)))._tag,
        "ApplicationStateConflict"
      )
      yield* reviews.recommend(left, "reject", olga)
      yield* reviews.reject(left, bob)
      assert.strictEqual((yield* recheck).status, "draft")
    })
  )
})
