import { assert, layer } from "@effect/vitest"
import { withIdempotencyKey } from "@mall/client/IdempotencyKey"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { SettlementId } from "@mall/domain/treasury/Settlement"
import type { SettlementStatus } from "@mall/domain/treasury/Settlement"
import { generator } from "@mall/domain/kernel/Id"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { call } from "../rawHttp.ts"
import { eventually, newBuyer, signIn } from "../shoppers.ts"
import { surfaces } from "./surfaces.ts"
import type { Reading } from "./surfaces.ts"
import { bookAll, movementsOf, setClosed, SettlementLayer, termsOf } from "./SettlementTest.ts"

const newSettlementId = generator(SettlementId)
type Caller = Effect.Success<ReturnType<typeof signIn>>

/** A running server with an operator, and the staff of two shops. */
class Malls extends Context.Service<
  Malls,
  {
    readonly url: string
    readonly admin: Caller
    readonly own: Caller
    readonly other: Caller
    readonly shop: MerchantId
    readonly otherShop: MerchantId
  }
>()("@mall/server/test/settlement/Malls") {
  static readonly layer = Layer.unwrap(
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const { url } = yield* startServer({
        database,
        environment: { ACCESS_LOG: "false", CLUSTER_POLL_INTERVAL: "300 millis" }
      })
      return Layer.effect(
        Malls,
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const admin = yield* signIn(url, "admin@demo.mall")
          const shops = yield* SqlSchema.findAll({
            Request: Schema.Void,
            Result: Schema.Struct({ id: MerchantId }),
            execute: () => sql`SELECT id FROM catalog.merchants ORDER BY id`
          })()
          const staff = Effect.fnUntraced(function* (name: string, merchantId: MerchantId) {
            const { email, user } = yield* newBuyer(url, name)
            yield* admin.admin["users.grant"]({ userId: user.id, role: "merchant", merchantId, reason: "works there" })
            return yield* signIn(url, email, `walrus-${name}-umbrella-lantern`)
          })
          const [shop, otherShop] = [shops[0]!.id, shops[1]!.id]
          const [own, other] = [yield* staff("staff", shop), yield* staff("stranger", otherShop)]
          return Malls.of({ url, admin, own, other, shop, otherShop })
        })
      ).pipe(Layer.provideMerge(SettlementLayer), Layer.provideMerge(Sql.layerUrl(database)))
    })
  ).pipe(Layer.orDie)
}

const becomes = (reading: Reading, id: SettlementId, status: SettlementStatus) =>
  eventually(reading.show(id), ({ settlement }) => settlement.status === status, `settlement to be ${status}`)

/** All pages of a list, of which each has `limit` rows but the last. */
const pagesOf = Effect.fnUntraced(function* <A, E>(
  page: (
    after: string | undefined
  ) => Effect.Effect<{ readonly data: ReadonlyArray<A>; readonly nextCursor: string | null }, E>
) {
  const pages: Array<ReadonlyArray<A>> = []
  let after: string | undefined
  do {
    const { data, nextCursor } = yield* page(after)
    pages.push(data)
    after = nextCursor ?? undefined
  } while (after !== undefined)
  return pages
})

const suite = layer(Malls.layer, { excludeTestServices: true, timeout: "3 minutes" })

suite("settlements", (it) => {
  for (const surface of surfaces) {
    it.effect(`by ${surface.name} are begun, carried out and shown to their merchant, and are nobody else's`, () =>
      Effect.gen(function* () {
        const { admin, other, own, shop } = yield* Malls
        const [acts, reads, all] = [surface.acts(admin), surface.reads(own), surface.readsAll(admin)]
        yield* bookAll(shop, [1_000, 2_000, 3_000, -500, 700])
        const asked = { merchantId: shop, currency: "CNY", reason: "the month is over" } as const
        const begun = yield* acts.run(asked)
        assert.deepStrictEqual([begun.status, begun.attempt, begun.merchantId], ["requested", 1, shop])
        const details = yield* becomes(reads, begun.id, "settled")
        assert.deepStrictEqual(
          details.history.map(({ to }) => to),
          ["requested", "gathered", "stated", "settled"]
        )
        assert.strictEqual(details.history[0]?.reason, "the month is over")
        assert.strictEqual(details.settlement.settled, 6_200)
        assert.deepStrictEqual(yield* all.show(begun.id), details)

        const pages = yield* pagesOf((after) =>
          reads.items(begun.id, { limit: 2, ...(after === undefined ? {} : { after }) })
        )
        assert.deepStrictEqual(
          pages.map((page) => page.map(({ amount }) => Number(amount))),
          [[1_000, 2_000], [3_000, -500], [700]]
        )
        assert.deepStrictEqual(yield* all.items(begun.id, { limit: 100 }), { data: pages.flat(), nextCursor: null })
        const listed = yield* pagesOf((after) => reads.list({ limit: 1, ...(after === undefined ? {} : { after }) }))
        assert.deepStrictEqual(listed[0], [details.settlement])
        assert.isTrue(listed.flat().every(({ merchantId }) => merchantId === shop))
        const cursors = yield* Effect.all([
          Effect.flip(reads.list({ after: "!" })),
          Effect.flip(reads.items(begun.id, { after: "e30" })),
          Effect.flip(reads.reserves({ after: "!" }))
        ])
        assert.deepStrictEqual(
          cursors.map(({ _tag }) => _tag),
          ["InvalidCursor", "InvalidCursor", "InvalidCursor"]
        )

        const stranger = surface.reads(other)
        assert.deepStrictEqual(yield* stranger.list({}), { data: [], nextCursor: null })
        const hidden = yield* Effect.all([
          Effect.flip(stranger.show(begun.id)),
          Effect.flip(stranger.items(begun.id, {}))
        ])
        assert.deepStrictEqual(
          hidden.map(({ _tag }) => _tag),
          ["SettlementNotFound", "SettlementNotFound"]
        )
        for (const act of [surface.acts(own).run(asked), surface.acts(own).retry(begun.id, "again")]) {
          assert.strictEqual((yield* Effect.flip(act))._tag, "Forbidden")
        }
      })
    )

    it.effect(
      `by ${surface.name} are refused where there is nothing, the time is not over or the state is another`,
      () =>
        Effect.gen(function* () {
          const { admin, own, shop } = yield* Malls
          const [acts, reads] = [surface.acts(admin), surface.readsAll(admin)]
          const asked = { merchantId: shop, currency: "CNY", reason: "test" } as const
          assert.strictEqual((yield* Effect.flip(acts.run(asked)))._tag, "NothingToSettle")
          const tomorrow = DateTime.toDateUtc(DateTime.add(yield* DateTime.now, { days: 1 }))
          const early = yield* Effect.flip(acts.run({ ...asked, cutOff: tomorrow }))
          assert.strictEqual(early._tag, "CutOffNotPossible")
          const [last] = (yield* reads.list({ limit: 1 })).data
          assert.strictEqual((yield* Effect.flip(acts.retry(last!.id, "again")))._tag, "SettlementNotFailed")
          const nothing = yield* newSettlementId
          assert.strictEqual((yield* Effect.flip(acts.retry(nothing, "again")))._tag, "SettlementNotFound")
          assert.strictEqual((yield* Effect.flip(reads.show(nothing)))._tag, "SettlementNotFound")

          yield* bookAll(shop, [800])
          yield* setClosed(shop, true)
          const { id } = yield* acts.run(asked)
          const failed = yield* becomes(reads, id, "failed")
          assert.include(failed.settlement.failure, "closed")
          assert.deepStrictEqual((yield* reads.items(id, {})).data, [])
          yield* setClosed(shop, false)
          const again = yield* acts.retry(id, "it is open again")
          assert.deepStrictEqual([again.status, again.attempt], ["requested", 2])
          const { history, settlement } = yield* becomes(surface.reads(own), id, "settled")
          assert.strictEqual(settlement.settled, 800)
          assert.include(
            history.map(({ reason }) => reason),
            "it is open again"
          )
          assert.strictEqual(yield* movementsOf(id), 1)
        })
    )

    it.effect(`by ${surface.name} have terms and calendars, which nobody sets for the past`, () =>
      Effect.gen(function* () {
        const { admin, other, otherShop, own, shop } = yield* Malls
        const acts = surface.acts(admin)
        const reserve = { reserveBasisPoints: 1_000, reserveDays: 30, reason: `agreed by ${surface.name}` }
        const set = yield* acts.setTerms(termsOf(shop, reserve))
        assert.deepStrictEqual([set.merchantId, set.reserveBasisPoints, set.reason], [shop, 1_000, reserve.reason])
        const past = yield* Effect.flip(acts.setTerms({ ...termsOf(shop), effectiveFrom: new Date("2020-01-01") }))
        assert.strictEqual(past._tag, "TermsInThePast")
        const theirs = yield* acts.setTerms(termsOf(otherShop, { reason: "theirs" }))
        const seen = yield* surface.reads(own).terms
        assert.deepStrictEqual(seen[0], set)
        assert.notInclude(
          seen.map(({ id }) => id),
          theirs.id
        )
        assert.deepStrictEqual((yield* surface.reads(other).terms)[0], theirs)
        assert.isTrue(
          [set.id, theirs.id].every((id) => !seen.some((each) => each.id === id && each.merchantId === otherShop))
        )
        assert.strictEqual((yield* Effect.flip(surface.acts(own).setTerms(termsOf(shop))))._tag, "Forbidden")

        yield* bookAll(shop, [5_000])
        const { id } = yield* acts.run({ merchantId: shop, currency: "CNY", reason: "with a reserve" })
        const { settlement } = yield* becomes(surface.reads(own), id, "settled")
        assert.deepStrictEqual([Number(settlement.reserve), Number(settlement.settled)], [500, 4_500])
        const [held] = (yield* surface.reads(own).reserves({ limit: 1 })).data
        assert.deepInclude(held, { settlementId: id, merchantId: shop, releasedAt: null })
        assert.deepStrictEqual((yield* surface.readsAll(admin).reserves({ limit: 1 })).data[0], held)
        assert.deepStrictEqual((yield* surface.reads(other).reserves({})).data, [])
        yield* acts.setTerms(termsOf(shop))

        const name = `calendar-${surface.name.toLowerCase()}`
        assert.strictEqual((yield* Effect.flip(acts.calendar(name)))._tag, "CalendarNotFound")
        const change = { version: 0, weekend: [5, 6], days: [], reason: "written" }
        assert.strictEqual((yield* acts.setCalendar(name, change)).version, 1)
        const late = yield* Effect.flip(acts.setCalendar(name, change))
        assert.strictEqual(late._tag, "CalendarChanged")
        const shown = yield* acts.calendar(name)
        assert.deepStrictEqual([shown.version, shown.weekend, shown.reason], [1, [5, 6], "written"])
        const none = yield* Effect.flip(acts.setCalendar("never-written", { ...change, version: 3 }))
        assert.strictEqual(none._tag, "CalendarNotFound")
      })
    )
  }

  it.effect("are begun once by a request that is sent again, and refuse its key for another", () =>
    Effect.gen(function* () {
      const { admin, shop } = yield* Malls
      const { settlements } = admin.mall
      yield* bookAll(shop, [900])
      const payload = { merchantId: shop, currency: "CNY", reason: "sent twice" } as const
      const run = settlements.run({ payload }).pipe(withIdempotencyKey("settle"))
      const first = yield* run
      yield* becomes(surfaces[0]!.readsAll(admin), first.id, "settled")
      assert.deepStrictEqual(yield* run, first)
      const reused = yield* Effect.flip(
        settlements.run({ payload: { ...payload, reason: "another" } }).pipe(withIdempotencyKey("settle"))
      )
      assert.strictEqual(reused._tag, "IdempotencyKeyReused")

      yield* bookAll(shop, [400])
      yield* setClosed(shop, true)
      const { id } = yield* settlements.run({ payload })
      yield* becomes(surfaces[0]!.readsAll(admin), id, "failed")
      yield* setClosed(shop, false)
      const retry = settlements
        .retry({ params: { id }, payload: { reason: "open again" } })
        .pipe(withIdempotencyKey("again"))
      const again = yield* retry
      yield* becomes(surfaces[0]!.readsAll(admin), id, "settled")
      assert.deepStrictEqual(yield* retry, again)
      assert.strictEqual(yield* movementsOf(id), 1)
    })
  )

  it.effect("have a statement to download, for their merchant alone", () =>
    Effect.gen(function* () {
      const { admin, other, own, shop, url } = yield* Malls
      const { settlements } = own.mall
      yield* bookAll(shop, [1_500, -200])
      const { id } = yield* admin.mall.settlements.run({
        payload: { merchantId: shop, currency: "CNY", reason: "to read" }
      })
      yield* becomes(surfaces[0]!.reads(own), id, "settled")
      const text = yield* settlements.statement({ params: { id } })
      const [header, ...rows] = text
        .trim()
        .split("\r\n")
        .map((line) => line.split(","))
      assert.deepStrictEqual(header, ["time", "purpose", "subject", "transfer", "amount", "currency"])
      assert.deepStrictEqual(
        rows.map(([, purpose, , , amount, currency]) => [purpose, amount, currency]),
        [
          ["capture", "1500", "CNY"],
          ["refund", "-200", "CNY"]
        ]
      )
      const { data } = yield* settlements.items({ params: { id }, query: {} })
      assert.deepStrictEqual(
        rows.map(([time, , subject, transfer]) => [time, subject, transfer]),
        data.map(({ at, subject, transferId }) => [at.toISOString(), subject ?? "", transferId])
      )
      const path = `/api/v1/settlements/${id}/statement.csv`
      const { headers, status } = yield* call(url, { method: "GET", path, token: own.token })
      assert.deepStrictEqual([status, headers["content-type"]], [200, "text/csv; charset=utf-8"])
      assert.include(headers["content-disposition"], "attachment")
      assert.strictEqual(yield* admin.mall.settlements.statement({ params: { id } }), text)
      const refused = yield* Effect.flip(other.mall.settlements.statement({ params: { id } }))
      assert.strictEqual(refused._tag, "SettlementNotFound")
    })
  )
})
