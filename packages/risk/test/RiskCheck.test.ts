import { assert, describe, layer } from "@effect/vitest"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { ChannelId } from "@mall/domain/payments/Payment"
import { RiskCheck } from "@mall/domain/risk/RiskCheck"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { Array, Context, Effect, Layer, Schedule, Tracer } from "effect"
import { SqlClient } from "effect/sql"
import { RiskChecks } from "../src/RiskChecks.ts"
import { RiskLists } from "../src/RiskLists.ts"
import { RiskReviews } from "../src/RiskReviews.ts"
import { RiskRules } from "../src/RiskRules.ts"
import { check, largeAmounts, newPaymentId, newUserId, processOn, ruleId, testRisk } from "./TestRisk.ts"

const large = { amount: MinorUnits.make(100_000) }
const last = Effect.fnUntraced(function* (paymentId: Effect.Success<typeof newPaymentId>) {
  const checks = yield* RiskChecks
  const { data } = yield* checks.list({ paymentId })
  const [record] = data
  assert.isDefined(record)
  return record
})

const within = { excludeTestServices: true, timeout: "60 seconds" } as const

layer(testRisk({}), within)("RiskCheck on empty tables", (it) => {
  it.effect("reads what is known of who pays and of nobody else, in a connection that planned it there", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const read = sql<{ rows: number }>`
        SELECT sum(coalesce(idx_tup_fetch, 0) + seq_tup_read)::int AS rows FROM pg_stat_xact_user_tables
        WHERE relid IN ('risk.windows'::regclass, 'risk.seen'::regclass)`
      const facts = { card: "card-2", device: "device-2", network: "198.51.100.2" }
      const rows = yield* Effect.gen(function* () {
        yield* check(facts)
        yield* sql`
          INSERT INTO risk.windows (kind, value, grain, bucket, currency, checks, declines, amount)
          SELECT 'network', 'other ' || n, grain, extract(epoch FROM now())::bigint / grain, 'CNY', 1, 0, 1
          FROM generate_series(1, 2000) AS n CROSS JOIN unnest(ARRAY[60, 3600]) AS grain`
        yield* sql`
          INSERT INTO risk.seen (kind, value, member_kind, member, last_at)
          SELECT 'network', 'other ' || n, 'card', 'card', now() FROM generate_series(1, 2000) AS n`
        const [before] = yield* read
        yield* check(facts)
        const [after] = yield* read
        assert.isDefined(before)
        assert.isDefined(after)
        return after.rows - before.rows
      }).pipe(sql.withTransaction)
      assert.isAbove(rows, 0)
      assert.isBelow(rows, 100)
    })
  )
})

layer(testRisk({ RISK_PAIR_TRIES: "5", RISK_CARDS: "3", RISK_DECLINES: "2" }), within)("RiskCheck", (it) => {
  it.effect("lets pass what no rule hits, and keeps the facts", () =>
    Effect.gen(function* () {
      const user = yield* newUserId
      const { note, paymentId, verdict } = yield* check({ user })
      const record = yield* last(paymentId)
      assert.strictEqual(verdict, "allow")
      assert.include(note, "risk: allow by rules, score 0")
      assert.deepStrictEqual([record?.verdict, record?.decidedBy, record?.facts.user], ["allow", "rules", user])
    })
  )

  it.effect("takes two round trips, whatever is decided: one to count and know, one to keep", () =>
    Effect.gen(function* () {
      const rules = yield* RiskRules
      const fact = (value: string) => ({ type: "fact", fact: "device", is: "=", value }) as const
      for (const action of ["deny", "review", "challenge"] as const) {
        yield* rules.put(ruleId(`counted_${action}`), largeAmounts({ action, when: fact(action) }), "test")
      }
      const everything = {
        user: yield* newUserId,
        network: "198.51.100.99",
        card: "card-99",
        country: "CN",
        ipCountry: "CN"
      }
      for (const verdict of ["allow", "deny", "review", "challenge"] as const) {
        let statements = 0
        const tracer = Tracer.make({
          span: (options) => {
            // a transaction begins and ends by one each
            statements += options.name === "sql.transaction" ? 2 : options.kind === "client" ? 1 : 0
            return new Tracer.NativeSpan(options)
          }
        })
        const answer = yield* check({ ...everything, device: verdict }).pipe(
          Effect.provideService(Tracer.Tracer, tracer)
        )
        assert.deepStrictEqual([answer.verdict, statements], [verdict, 2])
      }
    })
  )

  it.effect("stops one card tried from one network again and again, also at the same time", () =>
    Effect.gen(function* () {
      const facts = { card: "card-1", network: "198.51.100.1" }
      const answers = yield* Effect.all(
        Array.makeBy(12, () => check(facts)),
        { concurrency: "unbounded" }
      )
      // exactly as many pass as the limit allows, whoever came first
      assert.strictEqual(answers.filter(({ verdict }) => verdict === "allow").length, 5)
      assert.strictEqual(answers.filter(({ verdict }) => verdict === "deny").length, 7)
    })
  )

  it.effect("stops many cards of one network, each of them new", () =>
    Effect.gen(function* () {
      const answers = yield* Effect.all(
        Array.makeBy(9, (index) => check({ card: `many-${index}`, network: "198.51.100.2" })),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(answers.filter(({ verdict }) => verdict === "allow").length, 2)
      assert.strictEqual((yield* check({ card: "many-x", network: "198.51.100.3" })).verdict, "allow")
    })
  )

  it.effect("counts what the channel declined, once for each try", () =>
    Effect.gen(function* () {
      const risk = yield* RiskCheck
      const user = yield* newUserId
      for (const _ of Array.range(1, 2)) {
        const { paymentId, verdict } = yield* check({ user })
        assert.strictEqual(verdict, "allow")
        yield* risk.declined(paymentId)
        yield* risk.declined(paymentId)
      }
      assert.strictEqual((yield* check({ user })).verdict, "deny")
      yield* risk.declined(yield* newPaymentId)
    })
  )

  it.effect("counts only what a rule asks for, in the grain that it asks for", () =>
    Effect.gen(function* () {
      const [sql, risk, rules, checks] = [
        yield* SqlClient.SqlClient,
        yield* RiskCheck,
        yield* RiskRules,
        yield* RiskChecks
      ]
      const user = yield* newUserId
      const merchant = MerchantId.make("019a0000-0000-7000-8000-0000000000aa")
      const counted = Effect.gen(function* () {
        const { paymentId } = yield* check({ user, merchant, device: "counted", network: "198.51.100.77" })
        yield* risk.declined(paymentId)
        const windows = yield* sql`
          SELECT DISTINCT kind, grain FROM risk.windows WHERE value IN ('counted', '198.51.100.77', ${user}, ${merchant})
          ORDER BY 1, 2`
        const seen =
          yield* sql`SELECT kind, member_kind FROM risk.seen WHERE value IN ('counted', '198.51.100.77', ${user})`
        return [windows.map((row) => Object.values(row).join(" ")), seen.length] as const
      })
      // the built-in rules reach back an hour, and count cards only
      assert.deepStrictEqual(yield* counted, [["device 60", "network 60", "user 60"], 0])
      yield* rules.put(
        ruleId("devices_of_a_day"),
        {
          ...{ version: 0, name: "Tries and buyers of a device in a day", score: 1, action: "score", mode: "shadow" },
          ...{ reason: "test" },
          when: {
            type: "any",
            of: [
              { type: "velocity", measure: "count", by: "device", within: 86_400, is: ">", value: 100 },
              { type: "velocity", measure: "distinct", of: "user", by: "device", within: 86_400, is: ">", value: 100 }
            ]
          }
        },
        "test"
      )
      assert.deepStrictEqual(yield* counted, [["device 60", "device 3600", "network 60", "user 60"], 1])

      yield* sql`UPDATE risk.windows SET bucket = bucket - 9 * 24 * 3600 / grain WHERE value = 'counted'`
      yield* sql`UPDATE risk.seen SET last_at = last_at - interval '9 days' WHERE value = 'counted'`
      yield* checks.purgeWindows(100)
      assert.lengthOf(yield* sql`SELECT FROM risk.windows WHERE value = 'counted'`, 0)
      assert.lengthOf(yield* sql`SELECT FROM risk.seen WHERE value = 'counted'`, 0)
      assert.isNotEmpty(yield* sql`SELECT FROM risk.windows WHERE value = '198.51.100.77'`)
    })
  )

  it.effect("lets a block list count above an allow list, and both above the rules", () =>
    Effect.gen(function* () {
      const rules = yield* RiskRules
      const lists = yield* RiskLists
      const user = yield* newUserId
      yield* rules.put(ruleId("large_for_lists"), largeAmounts(), "test")
      assert.strictEqual((yield* check({ user, ...large })).verdict, "deny")
      const entry = { kind: "user", value: user, reason: "known" } as const
      yield* lists.enlist({ ...entry, list: "allow" }, "test")
      const allowed = yield* check({ user, ...large })
      assert.deepStrictEqual([allowed.verdict, (yield* last(allowed.paymentId))?.decidedBy], ["allow", "allow_list"])
      yield* lists.enlist({ ...entry, list: "block" }, "test")
      const blocked = yield* check({ user })
      assert.deepStrictEqual([blocked.verdict, (yield* last(blocked.paymentId))?.decidedBy], ["deny", "block_list"])
      yield* lists.delist({ ...entry, list: "block" }, "test")
      assert.strictEqual((yield* check({ user })).verdict, "allow")
      assert.strictEqual(
        (yield* Effect.flip(lists.delist({ ...entry, list: "block" }, "test"))).code,
        "RiskListEntryNotFound"
      )
      yield* rules.setMode(ruleId("large_for_lists"), { mode: "off", reason: "over" }, "test")
    })
  )

  it.effect("knows who is listed however it was written, and refuses what no check would meet", () =>
    Effect.gen(function* () {
      const lists = yield* RiskLists
      const reason = "known"
      const block = { list: "block", reason } as const
      for (const [kind, value, kept, facts] of [
        ["network", "2001:0DB8:0:a::9", "2001:db8:0:a::/64", { network: "2001:db8:0:a::/64" }],
        ["network", "203.0.113.9/32", "203.0.113.9", { network: "203.0.113.9" }],
        ["country", "kp", "KP", { ipCountry: "KP" }]
      ] as const) {
        assert.strictEqual((yield* lists.enlist({ ...block, kind, value }, "test")).value, kept)
        assert.strictEqual((yield* check(facts)).verdict, "deny")
        yield* lists.delist({ ...block, kind, value }, "test")
        assert.strictEqual((yield* check(facts)).verdict, "allow")
      }
      for (const [kind, value] of [
        ["network", "203.0.113.0/24"],
        ["network", "2001:db8::/32"],
        ["network", "office"],
        ["country", "China"],
        ["user", "lin@example.com"]
      ] as const) {
        assert.strictEqual(
          (yield* Effect.flip(lists.enlist({ ...block, kind, value }, "test")))._tag,
          "RiskListValueInvalid"
        )
      }
    })
  )

  it.effect("challenges a guest until they sign in, and others until they pay another way", () =>
    Effect.gen(function* () {
      const rules = yield* RiskRules
      const put = largeAmounts({ action: "challenge", when: { type: "fact", fact: "device", is: "=", value: "odd" } })
      yield* rules.put(ruleId("odd_device"), put, "test")
      const guest = yield* check({ device: "odd", isGuest: true })
      assert.deepStrictEqual([guest.verdict, guest.needs], ["challenge", "sign_in"])
      assert.strictEqual((yield* check({ device: "odd", isGuest: true }, guest.paymentId)).verdict, "challenge")
      assert.strictEqual((yield* check({ device: "odd" }, guest.paymentId)).verdict, "allow")
      const buyer = yield* check({ device: "odd" })
      assert.deepStrictEqual([buyer.verdict, buyer.needs], ["challenge", "other_method"])
      assert.strictEqual((yield* check({ device: "odd" }, buyer.paymentId)).verdict, "challenge")
      const other = { device: "odd", channel: ChannelId.make("alipay") }
      assert.strictEqual((yield* check(other, buyer.paymentId)).verdict, "allow")
    })
  )

  it.effect("holds a payment back until an operator decides", () =>
    Effect.gen(function* () {
      const rules = yield* RiskRules
      const reviews = yield* RiskReviews
      const put = largeAmounts({ action: "review", when: { type: "fact", fact: "device", is: "=", value: "strange" } })
      yield* rules.put(ruleId("strange_device"), put, "test")
      const open = Effect.fnUntraced(function* () {
        const { paymentId, verdict } = yield* check({ device: "strange" })
        assert.strictEqual(verdict, "review")
        assert.strictEqual((yield* check({ device: "strange" }, paymentId)).verdict, "review")
        const { data } = yield* reviews.list({ status: "open", limit: 100 })
        const review = data.find((one) => one.paymentId === paymentId)
        return review === undefined ? yield* Effect.die("no review") : review
      })
      const good = yield* open()
      const ruling = { actor: "operator:ann", reason: "called the buyer" }
      // two operators at once: one decision, and the other hears of it
      const both = yield* Effect.all(
        [Effect.exit(reviews.approve(good.id, ruling)), Effect.exit(reviews.reject(good.id, ruling))],
        { concurrency: 2 }
      )
      assert.strictEqual(both.filter(({ _tag }) => _tag === "Success").length, 1)
      const { checks, history, review } = yield* reviews.show(good.id)
      assert.strictEqual(checks.length, 2)
      assert.deepStrictEqual(
        history.map(({ toStatus }) => toStatus),
        ["open", review.status]
      )
      assert.strictEqual(
        (yield* check({ device: "strange" }, good.paymentId)).verdict,
        review.status === "approved" ? "allow" : "deny"
      )
      const bad = yield* open()
      yield* reviews.reject(bad.id, ruling)
      assert.strictEqual((yield* reviews.reject(bad.id, ruling)).status, "rejected")
      assert.strictEqual((yield* check({}, bad.paymentId)).verdict, "deny")
    })
  )

  it.effect("lets nobody approve what is over, whether the sweep was there or not", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const reviews = yield* RiskReviews
      const late = Effect.fnUntraced(function* () {
        const { paymentId } = yield* check({ device: "strange" })
        yield* sql`UPDATE risk.reviews SET expires_at = now() - interval '1 second' WHERE payment_id = ${paymentId}`
        const { data } = yield* reviews.list({ limit: 100 })
        return data.find((one) => one.paymentId === paymentId) ?? (yield* Effect.die("no review"))
      })
      const ruling = { actor: "operator:ann", reason: "fine" }
      const { id, paymentId } = yield* late()
      assert.strictEqual((yield* Effect.flip(reviews.approve(id, ruling))).code, "RiskReviewClosed")
      assert.strictEqual((yield* check({}, paymentId)).verdict, "deny")
      const raced = yield* late()
      const [, approved] = yield* Effect.all([reviews.expire(10), Effect.exit(reviews.approve(raced.id, ruling))], {
        concurrency: 2
      })
      assert.strictEqual(approved._tag, "Failure")
      // the sweep passes over what is locked, and comes again
      yield* reviews.expire(10)
      const { history, review } = yield* reviews.show(raced.id)
      assert.deepStrictEqual([review.status, history.at(-1)?.actor], ["expired", "sweep"])
    })
  )
})

class Two extends Context.Service<
  Two,
  { readonly here: Context.Context<Services>; readonly there: Context.Context<Services> }
>()("@mall/risk/test/Two") {
  static readonly layer = Layer.effect(
    Two,
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const build = Layer.build(processOn(database, { RISK_PAIR_TRIES: "10" }))
      return { here: yield* build, there: yield* build }
    })
  ).pipe(Layer.orDie)
}
type Services = Layer.Success<ReturnType<typeof processOn>>

layer(Two.layer, within)("risk in two processes", (it) => {
  it.effect("counts the tries of both", () =>
    Effect.gen(function* () {
      const { here, there } = yield* Two
      const facts = { card: "shared", network: "198.51.100.9" }
      const answers = yield* Effect.all(
        Array.makeBy(20, (index) => Effect.provideContext(check(facts), index % 2 === 0 ? here : there)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(answers.filter(({ verdict }) => verdict === "allow").length, 10)
    })
  )

  it.effect("goes by a rule that another process has put at once", () =>
    Effect.gen(function* () {
      const { here, there } = yield* Two
      assert.strictEqual((yield* Effect.provideContext(check(large), there)).verdict, "allow")
      yield* Effect.provideContext(
        RiskRules.use((rules) => rules.put(ruleId("large"), largeAmounts(), "test")),
        here
      )
      assert.strictEqual((yield* Effect.provideContext(check(large), here)).verdict, "deny")
      yield* Effect.provideContext(check(large), there).pipe(
        Effect.repeat({ until: ({ verdict }) => verdict === "deny", schedule: Schedule.spaced("5 millis") }),
        Effect.timeout("100 millis")
      )
    })
  )

  it.effect("takes one of two changes made from the same version", () =>
    Effect.gen(function* () {
      const { here, there } = yield* Two
      const put = RiskRules.use((rules) =>
        Effect.exit(rules.put(ruleId("contested"), largeAmounts({ mode: "shadow" }), "test"))
      )
      const both = yield* Effect.all([Effect.provideContext(put, here), Effect.provideContext(put, there)], {
        concurrency: 2
      })
      assert.strictEqual(both.filter(({ _tag }) => _tag === "Success").length, 1)
      const switched = yield* Effect.provideContext(
        RiskRules.use((rules) => rules.setMode(ruleId("contested"), { mode: "off", reason: "enough" }, "operator:ann")),
        there
      )
      assert.deepStrictEqual([switched.version, switched.mode, switched.author], [2, "off", "operator:ann"])
      const missing = RiskRules.use((rules) =>
        Effect.flip(rules.setMode(ruleId("nowhere"), { mode: "off", reason: "x" }, "y"))
      )
      assert.strictEqual((yield* Effect.provideContext(missing, here)).code, "RiskRuleNotFound")
    })
  )
})

describe("risk without its storage", () => {
  layer(
    testRisk({ RISK_FAIL_OPEN_UP_TO: "CNY:5000", RISK_TIMEOUT: "300 millis" }),
    within
  )((it) => {
    it.effect("passes small payments and none else", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* check({})
        yield* Effect.gen(function* () {
          // nobody can count: every check waits for the table
          yield* sql`LOCK TABLE risk.windows IN ACCESS EXCLUSIVE MODE`
          const [small, big, foreign] = yield* Effect.all(
            [
              check({ device: "d" }),
              check({ device: "d", amount: MinorUnits.make(5_001) }),
              check({ device: "d", currency: "USD" })
            ],
            { concurrency: 3 }
          ).pipe(
            Effect.updateContext((context: Context.Context<RiskCheck>) => Context.omit(sql.transactionService)(context))
          )
          assert.deepStrictEqual([small.verdict, big.verdict, foreign.verdict], ["allow", "unavailable", "unavailable"])
          assert.include(small.note, "could not be checked")
        }).pipe(sql.withTransaction)
        assert.strictEqual((yield* check({ device: "d" })).verdict, "allow")
      })
    )
  })
})
