import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { Legs } from "@mall/domain/ledger/Transfer"
import { ChannelId } from "@mall/domain/payments/Payment"
import { BillDay } from "@mall/domain/treasury/Bill"
import { ChannelBills } from "@mall/domain/treasury/ChannelBills"
import { CorrectionId } from "@mall/domain/treasury/Difference"
import { OwnDifference, OwnRun } from "@mall/domain/treasury/OwnReconciliation"
import { RunId } from "@mall/domain/treasury/Run"
import { SettledPayments } from "@mall/domain/treasury/SettledPayments"
import { readsOf } from "@mall/platform/Tenancy"
import { DailyReconciliation } from "@mall/treasury/reconciliation/DailyReconciliation"
import { Differences } from "@mall/treasury/reconciliation/Differences"
import { OwnReconciliation } from "@mall/treasury/reconciliation/OwnReconciliation"
import { ReconciliationReads } from "@mall/treasury/reconciliation/ReconciliationReads"
import { Reconciler } from "@mall/treasury/reconciliation/Reconciler"
import * as ReconciliationServices from "@mall/treasury/reconciliation/ReconciliationServices"
import { Runs } from "@mall/treasury/reconciliation/Runs"
import { UnaskedDays } from "@mall/treasury/reconciliation/UnaskedDays"
import { DateTime, Effect, Layer, Option, Schema, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { SqlClient } from "effect/sql"
import { begin, journeys, setUp } from "../../../../packages/payments/test/ownJourneys.ts"
import type { Journey } from "../../../../packages/payments/test/ownJourneys.ts"
import { JournalMemory } from "../../../../packages/payments/test/JournalMemory.ts"
import { awaitStatus } from "../../../../packages/payments/test/TestPayments.ts"
import { Merchants, TestTwoMerchants } from "../../../../packages/payments/test/TwoMerchants.ts"
import type { Merchant } from "../../../../packages/payments/test/TwoMerchants.ts"

const newRunId = generator(RunId)
const newCorrectionId = generator(CorrectionId)
const encodeRun = Schema.encodeEffect(OwnRun)
const encodeDifference = Schema.encodeEffect(OwnDifference)
const decodeLegs = Schema.decodeUnknownEffect(Legs)

/** Two merchants with accounts of their own at every channel, each in a sandbox of its own, beside the platform's. */
const Test = Layer.mergeAll(ReconciliationServices.layer, UnaskedDays.layer).pipe(Layer.provideMerge(TestTwoMerchants))

/** A payment through the merchant's own account, by its number there. */
const paid = Effect.fnUntraced(function* (merchant: Merchant, journey: Journey, amount: number) {
  const { attempt, payment } = yield* begin(merchant, journey, amount)
  assert.strictEqual(yield* merchant.pay(journey.channel, attempt), 200)
  yield* awaitStatus(payment, "succeeded")
  return attempt.replaceAll("-", "")
})

const change = Effect.fnUntraced(function* ({ sandbox }: Merchant, channel: string, body: unknown) {
  const http = yield* HttpClient.HttpClient
  yield* http.execute(
    HttpClientRequest.post(`${sandbox}/control/${channel}/bill-changes`).pipe(HttpClientRequest.bodyJsonUnsafe(body))
  )
})

/** Yesterday by the channel's clock, on which everything of now is shown to have happened. */
const yesterday = Effect.fnUntraced(function* ({ channel, currency }: Journey) {
  const { a, b } = yield* Merchants
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE payments.attempts SET updated_at = updated_at - interval '1 day' WHERE channel = ${channel}`
  yield* Effect.forEach([a, b], (merchant) => change(merchant, channel, { kind: "earlier" }))
  const now = yield* DateTime.nowAsDate
  const offset = currency === "CNY" ? 480 : 0
  return BillDay.make(new Date(now.getTime() + offset * 60_000 - 86_400_000).toISOString().slice(0, 10))
})

const run = Effect.fnUntraced(function* (merchant: Merchant | undefined, channel: string, day: BillDay) {
  const runs = yield* Runs
  const reconciler = yield* Reconciler
  const asked = yield* runs.ask(
    { channel: ChannelId.make(channel), day, ...(merchant === undefined ? {} : { merchantId: merchant.id }) },
    "operator:olga",
    yield* newRunId
  )
  return Option.getOrThrow(yield* reconciler.work(asked.id, "worker:test"))
})

const none = {
  ...{ amountDiffers: 0, missingHere: 0, missingThere: 0, duplicate: 0, stateDiffers: 0, timing: 0, feeDiffers: 0 }
}

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("A merchant's own account", (it) => {
  for (const journey of journeys) {
    const { channel, currency } = journey

    it.effect(
      `at ${channel} has every difference of its bill found, and nothing of another's`,
      () =>
        Effect.gen(function* () {
          const { a, b } = yield* Merchants
          const reads = yield* ReconciliationReads
          yield* Effect.all([setUp(a, journey), setUp(b, journey)])
          const [same, more, missing, twice] = [
            yield* paid(a, journey, 10_000),
            yield* paid(a, journey, 2_000),
            yield* paid(a, journey, 3_000),
            yield* paid(a, journey, 4_000)
          ]
          const ofB = yield* paid(b, journey, 5_000)
          const day = yield* yesterday(journey)

          const clean = yield* run(a, channel, day)
          assert.deepInclude(clean, { status: "completed", merchantId: a.id, failure: null })
          assert.deepStrictEqual(clean.counts, { matched: 4, ...none })
          yield* change(a, channel, { kind: "amount", reference: more })
          yield* change(a, channel, { kind: "missing", reference: missing })
          yield* change(a, channel, { kind: "duplicate", reference: twice })
          yield* change(a, channel, { kind: "extra", at: `${day}T10:00:00Z`, amount: 77 })
          const { account, counts } = yield* run(a, channel, day)
          assert.deepInclude(counts, { matched: 2, amountDiffers: 1, missingHere: 1, duplicate: 1 })
          // within an hour of midnight what is missing is expected tomorrow
          assert.strictEqual((counts?.missingThere ?? 0) + (counts?.timing ?? 0), 1)

          const { data } = yield* reads.differences({ merchantId: a.id, channel, limit: 100 })
          const found = data.filter(({ status }) => status !== "superseded")
          assert.strictEqual(found.length, 4)
          assert.isTrue(found.every((one) => one.merchantId === a.id && one.account === account))
          const classOf = (reference: string) => found.find((one) => one.reference === reference)?.class
          assert.deepStrictEqual([more, twice, same].map(classOf), ["amount_differs", "duplicate", undefined])
          assert.isDefined(classOf(missing))

          // b's bill has b's payment alone, and the platform's none of either
          const runOfB = yield* run(b, channel, day)
          assert.deepStrictEqual([runOfB.counts, runOfB.lines], [{ matched: 1, ...none }, 1])
          const platform = yield* run(undefined, channel, day)
          assert.deepInclude(platform, { merchantId: null, lines: 0, records: 0 })

          const settled = yield* SettledPayments
          const known = (merchantId: typeof a.id | null, of: string, reference: string) =>
            Effect.map(
              settled.find({ channel: ChannelId.make(channel), account: of, merchantId }, [reference]),
              ({ length }) => length
            )
          assert.strictEqual(yield* known(a.id, account, same), 1)
          assert.strictEqual(yield* known(a.id, account, ofB), 0, "another merchant's")
          assert.strictEqual(yield* known(a.id, "another", same), 0, "another account of the same merchant")
          assert.strictEqual(yield* known(b.id, account, same), 0)
          assert.strictEqual(yield* known(null, platform.account, same), 0)

          // the money never was the platform's
          const differences = yield* Differences
          const memory = yield* JournalMemory
          const wrong = found.find((one) => one.reference === more)
          const id = wrong?.id ?? assert.fail("no difference")
          const [ours, theirs] = [`platform:clearing:${channel}:${currency}`, `${a.id}:clearing:${channel}:${currency}`]
          const against = `${a.id}:direct:${currency}`
          for (const legs of [
            [ours, "platform:adjustments"],
            [theirs, `platform:adjustments:${currency}`],
            [theirs, `${b.id}:direct:${currency}`],
            [theirs, `${a.id}:payable:${currency}`]
          ]) {
            const asked = yield* Effect.exit(
              Effect.flatMap(
                decodeLegs([
                  { account: legs[0], side: "debit", amount: 1 },
                  { account: legs[1], side: "credit", amount: 1 }
                ]),
                (given) =>
                  Effect.flatMap(newCorrectionId, (correctionId) =>
                    differences.draft(id, { reason: "wrong", legs: given }, "operator:olga", correctionId)
                  )
              )
            )
            assert.strictEqual(asked._tag, "Failure", legs.join(" "))
          }
          const correctionId = yield* newCorrectionId
          yield* differences.draft(id, { reason: "seen in the bill" }, "operator:olga", correctionId)
          yield* differences.approve(id, { reason: "agreed" }, "operator:bob")
          const posted = memory.postings.find((one) => String(one.id) === String(correctionId))
          assert.deepStrictEqual(
            posted?.legs.map(({ account, amount, side }) => [String(account), side, Number(amount)]),
            [
              [theirs, "debit", 1],
              [against, "credit", 1]
            ]
          )
        }),
      120_000
    )
  }

  it.effect("is asked for by itself from the day on that it was set, and read in the order of merchants", () =>
    Effect.gen(function* () {
      const { a, b } = yield* Merchants
      const bills = yield* ChannelBills
      const daily = yield* DailyReconciliation
      const sql = yield* SqlClient.SqlClient
      const now = yield* DateTime.nowAsDate
      const pages = yield* Stream.paginate<Effect.Success<ReturnType<typeof bills.own>>[number] | null, string>(
        null,
        (after) =>
          Effect.map(bills.own(now, after, 2), (page) => [
            page.map(({ account, channel, merchantId }) => `${merchantId} ${channel} ${account}`),
            Option.filter(Option.fromUndefinedOr(page.at(-1)), () => page.length === 2)
          ])
      ).pipe(Stream.runCollect)
      assert.strictEqual(pages.length, 10)
      assert.deepStrictEqual([...pages], pages.toSorted())
      assert.strictEqual(new Set(pages).size, 10)

      yield* sql`TRUNCATE treasury.reconciliation_runs, treasury.differences CASCADE`
      yield* daily.run
      const reads = yield* ReconciliationReads
      const { data: early } = yield* reads.runs({ merchantId: a.id, limit: 100 })
      assert.strictEqual(early.length, 0, "days of before the account was set here")
      yield* sql`UPDATE payments.channel_credentials SET created_at = created_at - interval '30 days'`
      // so late that the day before is due wherever the channel's midnight is, and so far back that one is among them that is asked for now
      const late = new Date(now.getTime() + 24 * 3_600_000)
      const missing = Effect.map((yield* UnaskedDays).list(late, 4), (found) =>
        found.filter(({ merchantId }) => merchantId === a.id)
      )
      const owed = yield* missing
      assert.strictEqual(new Set(owed.map(({ channel }) => channel)).size, 5)
      const asked = yield* daily.run
      assert.isAbove(asked, 0)
      assert.strictEqual(yield* daily.run, 0, "once")
      const { data } = yield* reads.runs({ merchantId: a.id, limit: 100 })
      assert.strictEqual(new Set(data.map(({ channel }) => channel)).size, 5)
      assert.isTrue(data.every(({ actor, status }) => status === "queued" && actor === "sweep:reconciliation"))
      assert.isAbove((yield* reads.runs({ merchantId: b.id })).data.length, 0)
      const known = new Set(data.map(({ channel, day }) => `${channel} ${day}`))
      assert.isTrue((yield* missing).every(({ channel, day }) => !known.has(`${channel} ${day}`)))
      assert.isBelow((yield* missing).length, owed.length)
    })
  )

  it.effect("is shown to its merchant without what the platform's people noted, and to nobody else", () =>
    Effect.gen(function* () {
      const { a, b } = yield* Merchants
      const own = yield* OwnReconciliation
      const sql = yield* SqlClient.SqlClient
      const journey = journeys[0]!
      const reference = yield* paid(a, journey, 7_000)
      const day = yield* yesterday(journey)
      yield* change(a, journey.channel, { kind: "amount", reference })
      const done = yield* run(a, journey.channel, day)
      yield* run(undefined, journey.channel, day)

      const runs = yield* own.runs(a.id, { limit: 100 })
      assert.include(
        runs.data.map(({ id }) => id),
        done.id
      )
      assert.isTrue(runs.data.every(({ merchantId }) => merchantId === a.id))
      assert.strictEqual((yield* own.run(a.id, done.id)).status, "completed")
      const { data } = yield* own.differences(a.id, { day, class: "amount_differs" })
      const found = data.find((one) => one.reference === reference) ?? assert.fail("no difference")
      const differences = yield* Differences
      yield* differences.assign(found.id, { assignee: "olga", note: "the platform's own words" }, "operator:olga")
      const shown = yield* encodeDifference(yield* own.difference(a.id, found.id))
      assert.deepInclude(shown, { reference, merchantId: a.id })
      assert.doesNotHaveAnyKeys(shown, ["assignee", "note"])
      assert.doesNotHaveAnyKeys(yield* encodeRun(done), ["actor", "traceId"])

      assert.strictEqual((yield* Effect.flip(own.run(b.id, done.id)))._tag, "RunNotFound")
      assert.strictEqual((yield* Effect.flip(own.difference(b.id, found.id)))._tag, "DifferenceNotFound")
      const [platforms] = yield* sql`SELECT id FROM treasury.reconciliation_runs WHERE merchant_id IS NULL LIMIT 1`
      const id = RunId.make(String(platforms?.["id"]))
      assert.strictEqual((yield* Effect.flip(own.run(a.id, id)))._tag, "RunNotFound")
    })
  )

  it.effect("is seen by its merchant alone, whatever the statement says", () =>
    Effect.gen(function* () {
      const { a, b } = yield* Merchants
      const sql = yield* SqlClient.SqlClient
      for (const { id } of [a, b]) {
        const rows = yield* sql`SELECT DISTINCT merchant_id FROM treasury.reconciliation_runs`.pipe(
          readsOf(sql, "mall_pay_tenant", { merchantId: id })
        )
        assert.deepStrictEqual(
          rows.map((row) => row["merchantId"]),
          [id]
        )
      }
    })
  )
})
