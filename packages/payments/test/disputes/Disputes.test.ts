import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { assert, layer } from "@effect/vitest"
import type { Duration } from "effect"
import { Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import { DisputeDeadlines } from "../../src/disputes/DisputeDeadlines.ts"
import { Disputes, partyOf } from "../../src/disputes/Disputes.ts"
import { DisputeSync } from "../../src/disputes/DisputeSync.ts"
import { aMerchant } from "../TestPayments.ts"
import { Bench } from "../conformance/Bench.ts"
import { NoticeTap } from "../conformance/NoticeTap.ts"
import { awaitSilence } from "../conformance/sandboxNotices.ts"
import { aPaidPayment, refund, settle } from "../conformance/steps.ts"
import {
  anOpenDispute,
  awaitDispute,
  decide,
  dispute,
  find,
  heard,
  operator,
  png,
  say,
  securityEvents,
  statuses,
  Stripe
} from "./disputeSteps.ts"

layer(Stripe, { excludeTestServices: true })("Disputes", (it) => {
  it.effect("are opened and won by notices, with what the channel took and gave back", () =>
    Effect.gen(function* () {
      const disputes = yield* Disputes
      const { id, number, offer, ...opened } = yield* anOpenDispute({ reason: "product_not_received" })
      assert.deepStrictEqual(
        [opened.paymentId, opened.reason, opened.amount.amount],
        [offer.id, "product_not_received", 5000]
      )
      assert.strictEqual(yield* decide(number, "win"), 200)
      yield* heard
      yield* awaitDispute(number, "won")
      const sync = yield* DisputeSync
      yield* sync.follow("stripe", number)
      const details = yield* disputes.sync(operator, id)
      assert.deepStrictEqual(
        [details.dispute.withdrawn?.amount, details.dispute.fees?.amount, details.captured?.amount],
        [0, 1500, 5000]
      )
      assert.strictEqual(statuses(details).at(-1), "won")
    })
  )

  it.effect("are seen by the merchant of the payment and by operators, and by nobody else", () =>
    Effect.gen(function* () {
      const disputes = yield* Disputes
      const { id, merchantId, offer } = yield* anOpenDispute()
      const stranger = partyOf(yield* aMerchant)
      assert.strictEqual((yield* disputes.show(partyOf(offer.owner), id)).dispute.id, id)
      assert.strictEqual(merchantId, Option.getOrNull<MerchantId>(offer.owner.merchantId))
      assert.strictEqual((yield* disputes.list(stranger, {})).data.length, 0)
      const text = { kind: "product_description", text: "tea" } as const
      const acts: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
        disputes.show(stranger, id),
        disputes.addEvidence(stranger, id, text),
        disputes.submit(stranger, id),
        disputes.accept(stranger, id),
        disputes.sync({ sees: null, actor: "nobody" }, id)
      ]
      for (const act of acts) {
        assert.strictEqual((yield* Effect.flip(act))._tag, "DisputeNotFound")
      }
    })
  )

  it.effect("keep what is told of a buyer sealed, and read what was written before that", () =>
    Effect.gen(function* () {
      const disputes = yield* Disputes
      const sql = yield* SqlClient.SqlClient
      const { id, offer } = yield* anOpenDispute()
      const party = partyOf(offer.owner)
      const email = { kind: "customer_email_address", text: "peppercorn@example.com" } as const
      const { evidence } = yield* disputes.addEvidence(party, id, email)
      assert.deepStrictEqual(
        evidence.map(({ text }) => text),
        [email.text]
      )
      const rows = yield* sql`
        SELECT row_to_json(e)::text AS row FROM payments.dispute_evidence AS e WHERE e.dispute_id = ${id}`
      assert.notInclude(JSON.stringify(rows), "peppercorn")
      assert.notInclude(JSON.stringify(rows), Buffer.from("peppercorn").toString("hex"))
      yield* sql`
        UPDATE payments.dispute_evidence SET text = 'older@example.com', personal_data = NULL, personal_data_key = ''
        WHERE dispute_id = ${id}`
      assert.strictEqual((yield* disputes.show(party, id)).evidence[0]?.text, "older@example.com")
    })
  )

  it.effect("take texts and files, and tell them to the bank once", () =>
    Effect.gen(function* () {
      const disputes = yield* Disputes
      const { id, number, offer } = yield* anOpenDispute()
      const party = partyOf(offer.owner)
      assert.strictEqual((yield* Effect.flip(disputes.submit(party, id)))._tag, "EvidenceMissing")
      yield* disputes.addEvidence(party, id, { kind: "product_description", text: "Two shirts" })
      yield* disputes.addEvidence(party, id, { kind: "receipt", file: png })
      const refused = { kind: "receipt", file: new TextEncoder().encode("<html>") } as const
      assert.strictEqual((yield* Effect.flip(disputes.addEvidence(party, id, refused)))._tag, "EvidenceTypeRefused")
      const large = new Uint8Array(4_500_001)
      large.set(png)
      const tooLarge = disputes.addEvidence(party, id, { kind: "receipt", file: large })
      assert.strictEqual((yield* Effect.flip(tooLarge))._tag, "EvidenceTooLarge")
      const together = disputes.addEvidence(party, id, { kind: "refund_policy", file: large.subarray(0, 4_499_999) })
      assert.strictEqual((yield* Effect.flip(together))._tag, "EvidenceTooLarge")

      const both = yield* Effect.all(
        [Effect.exit(disputes.submit(party, id)), Effect.exit(disputes.submit(party, id))],
        {
          concurrency: "unbounded"
        }
      )
      assert.isTrue(both.some(({ _tag }) => _tag === "Success"))
      yield* heard
      yield* awaitDispute(number, "under_review")
      const details = yield* disputes.show(party, id)
      assert.deepStrictEqual(
        details.evidence.map(({ fileType, kind, submittedAt }) => [kind, fileType, submittedAt !== null]),
        [
          ["product_description", null, true],
          ["receipt", "image/png", true]
        ]
      )
      assert.isTrue(
        details.history.some(({ actor, reason }) => actor === party.actor && reason.startsWith("submitted"))
      )
      const late = disputes.addEvidence(party, id, { kind: "customer_name", text: "Ann" })
      assert.strictEqual((yield* Effect.flip(late))._tag, "DisputeStateConflict")
    })
  )

  it.effect("are accepted once, also where the answer to it is lost", () =>
    Effect.gen(function* () {
      const { fault } = yield* Bench
      const disputes = yield* Disputes
      const sql = yield* SqlClient.SqlClient
      const sync = yield* DisputeSync
      const { id, number, offer } = yield* anOpenDispute()
      const party = partyOf(offer.owner)
      yield* fault("other", { kind: "drop", when: "before" })
      assert.strictEqual((yield* Effect.flip(disputes.accept(party, id)))._tag, "DisputeUndecided")
      assert.strictEqual((yield* disputes.show(party, id)).dispute.status, "needs_response")
      // the sweep finds that the channel never heard of it
      yield* sql`UPDATE payments.disputes SET next_sync_at = '2020-01-01' WHERE id = ${id}`
      yield* sync.sweep(50)
      yield* heard
      yield* awaitDispute(number, "accepted")
      const again = yield* disputes.accept(party, id)
      assert.strictEqual(statuses(again).filter((status) => status === "accepted").length, 1)
    })
  )

  it.effect("come to the same by notices in disorder, doubled and late", () =>
    Effect.gen(function* () {
      const disputes = yield* Disputes
      const { id, number } = yield* anOpenDispute()
      yield* decide(number, "review")
      yield* decide(number, "lose")
      yield* heard
      yield* awaitDispute(number, "lost")
      yield* say(number, "charge.dispute.created")
      yield* Effect.forEach([1, 2, 3], () => say(number, "charge.dispute.closed"), { concurrency: "unbounded" })
      yield* say(number, "charge.dispute.updated")
      // what sounds newer than it is was asked about
      const { dispute, history } = yield* disputes.sync(operator, id)
      assert.strictEqual(dispute.status, "lost")
      assert.strictEqual(history.at(-1)?.toStatus, "lost")
    })
  )

  it.effect("of one payment may be two, and of a part of it", () =>
    Effect.gen(function* () {
      const disputes = yield* Disputes
      const offer = yield* aPaidPayment()
      const first = yield* dispute(offer, { amount: 2000 })
      const second = yield* dispute(offer, { amount: 1000 })
      yield* heard
      const [one, two] = yield* Effect.all([
        awaitDispute(first.number, "needs_response"),
        awaitDispute(second.number, "needs_response")
      ])
      assert.deepStrictEqual([one.paymentId, two.paymentId], [offer.id, offer.id])
      assert.deepStrictEqual([one.amount.amount, two.amount.amount], [2000, 1000])
      const { data } = yield* disputes.list(partyOf(offer.owner), { limit: 1 })
      assert.deepStrictEqual(
        data.map(({ id }) => id),
        [two.id > one.id ? two.id : one.id]
      )
    })
  )

  it.effect("of what was refunded, of more than was paid and of a strange payment are kept and reported", () =>
    Effect.gen(function* () {
      const disputes = yield* Disputes
      const offer = yield* aPaidPayment()
      yield* refund(offer, 5000)
      yield* settle(offer.id)
      const late = yield* dispute(offer)
      const inflated = yield* dispute(offer, { amount: 9_999_999 })
      yield* heard
      const { id } = yield* awaitDispute(late.number, "needs_response")
      yield* awaitDispute(inflated.number, "needs_response")
      assert.strictEqual((yield* disputes.show(operator, id)).refunded?.amount, 5000)
      assert.deepStrictEqual(
        [
          yield* securityEvents("dispute_mismatch", late.number),
          yield* securityEvents("dispute_mismatch", inflated.number)
        ],
        [1, 1]
      )
      yield* say(late.number, "charge.dispute.created", { id: "du_strange", payment_intent: "pi_strange" })
      const strange = yield* awaitDispute("du_strange", "needs_response")
      assert.deepStrictEqual([strange.paymentId, strange.merchantId], [null, null])
      assert.strictEqual(yield* securityEvents("dispute_unknown_payment", "du_strange"), 1)
      yield* say(late.number, "charge.dispute.created", { id: "du_foreign", livemode: true })
      assert.isTrue(Option.isNone(yield* find("du_foreign")))
      assert.strictEqual(yield* securityEvents("dispute_mismatch", "du_foreign"), 1)
    })
  )

  it.effect("whose notices never came are found and followed by the sweeps", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const sync = yield* DisputeSync
      const tap = yield* NoticeTap
      const offer = yield* aPaidPayment()
      yield* tap.withhold
      const { number } = yield* dispute(offer)
      yield* awaitSilence
      assert.isTrue(Option.isNone(yield* find(number)))
      assert.isAbove(yield* sync.discover("known"), 0)
      assert.strictEqual(yield* sync.discover("known"), 0)
      yield* awaitDispute(number, "needs_response")
      yield* decide(number, "lose")
      yield* awaitSilence
      yield* tap.reset
      yield* sql`UPDATE payments.disputes SET next_sync_at = '2020-01-01' WHERE channel_reference = ${number}`
      assert.strictEqual(yield* sync.sweep(50), 1)
      yield* awaitDispute(number, "lost")
      assert.strictEqual(yield* sync.sweep(50), 0)
    })
  )

  it.effect("whose notices never came are found however many there are, back to those that are known", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const sync = yield* DisputeSync
      const tap = yield* NoticeTap
      const offer = yield* aPaidPayment()
      const known = yield* dispute(offer, { amount: 100 })
      yield* heard
      const { id } = yield* awaitDispute(known.number, "needs_response")
      yield* tap.withhold
      const missed = yield* Effect.forEach(
        Array.from({ length: 205 }),
        () => Effect.map(dispute(offer, { amount: 10 }), ({ number }) => number),
        { concurrency: 4 }
      )
      yield* awaitSilence
      yield* tap.reset
      assert.strictEqual(yield* sync.discover("known"), 205)
      assert.strictEqual(yield* sync.discover("known"), 0)
      const rowsOf = (number: string | undefined) =>
        Effect.map(
          sql`SELECT id FROM payments.disputes WHERE channel_reference = ${number ?? null}`,
          ({ length }) => length
        )
      assert.strictEqual(yield* rowsOf(missed[0]), 1)
      // one that is older than a page of known ones is reached by a look through everything
      yield* sql`DELETE FROM payments.dispute_history WHERE dispute_id = ${id}`
      yield* sql`DELETE FROM payments.disputes WHERE id = ${id}`
      assert.strictEqual(yield* sync.discover("known"), 0)
      assert.strictEqual(yield* sync.discover("everything"), 1)
      assert.strictEqual(yield* rowsOf(known.number), 1)
    })
  )

  it.effect("whose list breaks off are all found by the next look", () =>
    Effect.gen(function* () {
      const { fault } = yield* Bench
      const sync = yield* DisputeSync
      const tap = yield* NoticeTap
      const offer = yield* aPaidPayment()
      yield* tap.withhold
      yield* dispute(offer, { amount: 100 })
      yield* awaitSilence
      yield* tap.reset
      yield* fault("other", { kind: "drop", when: "before" })
      assert.strictEqual(yield* sync.discover("known"), 0)
      assert.strictEqual(yield* sync.discover("known"), 1)
    })
  )

  it.effect("may come to ask for another amount, which is kept and held against what was paid", () =>
    Effect.gen(function* () {
      const { theirs } = yield* Bench
      const disputes = yield* Disputes
      const { id, number } = yield* anOpenDispute({ amount: 2000 })
      const changed = Effect.fnUntraced(function* (amount: number, later: Duration.Input) {
        yield* theirs.shift(later)
        yield* say(number, "charge.dispute.created", { amount })
        return yield* disputes.show(operator, id)
      })
      const less = yield* changed(1200, "5 seconds")
      assert.strictEqual(less.dispute.amount.amount, 1200)
      assert.deepStrictEqual(
        less.history.map(({ amount }) => amount.amount).filter((amount) => amount !== 2000),
        [1200]
      )
      assert.strictEqual(yield* securityEvents("dispute_mismatch", number), 0)
      const more = yield* changed(900_000, "10 seconds")
      assert.deepStrictEqual([more.dispute.amount.amount, more.captured?.amount], [900_000, 5000])
      assert.strictEqual(more.history.at(-1)?.fromStatus, more.history.at(-1)?.toStatus)
      assert.strictEqual(yield* securityEvents("dispute_mismatch", number), 1)
      // the channel itself holds on to the first amount, and is believed when asked
      assert.strictEqual((yield* disputes.sync(operator, id)).dispute.amount.amount, 2000)
      yield* theirs.shift(0)
    })
  )

  it.effect("are warned of once before the bank stops listening, and take nothing afterwards", () =>
    Effect.gen(function* () {
      const deadlines = yield* DisputeDeadlines
      const disputes = yield* Disputes
      const sql = yield* SqlClient.SqlClient
      yield* deadlines.warn(100)
      const { id } = yield* anOpenDispute({ dueIn: 3600 })
      yield* anOpenDispute({ dueIn: 30 * 24 * 3600 })
      const told = yield* Effect.all([deadlines.warn(100), deadlines.warn(100)], { concurrency: "unbounded" })
      assert.deepStrictEqual(told.toSorted(), [0, 1])
      yield* sql`UPDATE payments.disputes SET evidence_due_at = '2020-01-01' WHERE id = ${id}`
      const late = disputes.addEvidence(operator, id, { kind: "customer_name", text: "Ann" })
      assert.strictEqual((yield* Effect.flip(late))._tag, "EvidenceOverdue")
      assert.strictEqual(yield* deadlines.warn(100), 0)
    })
  )
})
