import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { ChannelId } from "@mall/domain/payments/Payment"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { RiskCheck } from "@mall/domain/risk/RiskCheck"
import { RiskCheckPage, RiskReview, RiskReviewDetails, RiskReviewPage } from "@mall/domain/risk/RiskRecord"
import { BacktestReport, RiskRule } from "@mall/domain/risk/RiskRule"
import { Effect, FileSystem, Schema } from "effect"
import { mall } from "./arrange.ts"
import { CommandLine, decode } from "./CommandLine.ts"

const newPaymentId = generator(PaymentId)

const check = Effect.fnUntraced(function* (device: string) {
  const paymentId = yield* newPaymentId
  const nothing = { merchant: null, user: null, network: null, card: null, country: null, ipCountry: null }
  const way = { currency: "CNY", channel: ChannelId.make("wechatpay"), method: "native" } as const
  const risk = yield* RiskCheck
  const { verdict } = yield* risk.check({
    paymentId,
    facts: { ...nothing, ...way, device, amount: MinorUnits.make(900), isGuest: false, attempts: 0 },
    endsAt: new Date("2100-01-01")
  })
  return { paymentId, verdict }
})

const aRule = { id: "odd_device", name: "An odd device", score: 10, action: "review" } as const
const when = { type: "fact", fact: "device", is: "=", value: "odd" }

const write = Effect.fnUntraced(function* (name: string, rule: unknown) {
  const { folder } = yield* CommandLine
  const fs = yield* FileSystem.FileSystem
  yield* fs.writeFileString(`${folder}/${name}`, JSON.stringify(rule))
  return `${folder}/${name}`
})

layer(CommandLine.layerWithServices, { excludeTestServices: true, timeout: "90 seconds" })("mall risk", (it) => {
  it.effect("tries a rule on the past, lets it watch, lets it decide, and takes it back", () =>
    Effect.gen(function* () {
      yield* check("odd")
      yield* check("plain")
      const file = yield* write("rule.json", { ...aRule, when, mode: "shadow" })
      const report = yield* decode(
        BacktestReport,
        yield* mall("risk", "backtest", "--rule", file, "--days", "1", "--json")
      )
      assert.deepStrictEqual([report.checks, report.hits.checks, report.outcomes.unpaid], [2, 1, 1])
      assert.include((yield* mall("risk", "backtest", "--rule", file)).out, "checks replayed")

      const put = yield* decode(RiskRule, yield* mall("risk", "put", file, "--reason", "a hint", "--json"))
      assert.deepStrictEqual([put.version, put.mode, put.author, put.reason], [1, "shadow", "operator:olga", "a hint"])
      assert.strictEqual((yield* check("odd")).verdict, "allow")
      assert.include((yield* mall("risk", "checks")).out, "(odd_device)")

      const unsure = yield* mall("risk", "live", "odd_device", "--reason", "it holds")
      assert.strictEqual(unsure.code, 2)
      yield* mall("risk", "live", "odd_device", "--reason", "it holds", "--yes")
      const held = yield* check("odd")
      assert.strictEqual(held.verdict, "review")
      const reviews = yield* decode(RiskReviewPage, yield* mall("risk", "reviews", "--status", "open", "--json"))
      const review = reviews.data.find(({ paymentId }) => paymentId === held.paymentId)
      assert.isDefined(review)
      const id = review?.id ?? ""
      const approved = yield* decode(
        RiskReview,
        yield* mall("risk", "approve", id, "--reason", "called them", "--yes", "--json")
      )
      assert.deepStrictEqual([approved.status, approved.decidedBy], ["approved", "operator:olga"])
      const late = yield* mall("risk", "reject", id, "--reason", "no", "--yes")
      assert.deepStrictEqual([late.code, late.out], [1, ""])
      assert.include(late.err, "The review is approved")
      const { checks, history } = yield* decode(RiskReviewDetails, yield* mall("risk", "reviews", id, "--json"))
      assert.deepStrictEqual([checks.length, history.at(-1)?.reason], [1, "called them"])
      assert.include((yield* mall("risk", "reviews", id)).out, "odd_device")

      yield* mall("risk", "off", "odd_device", "--reason", "done", "--yes")
      assert.strictEqual((yield* check("odd")).verdict, "allow")
      const versions = yield* decode(Schema.Array(RiskRule), yield* mall("risk", "history", "odd_device", "--json"))
      assert.deepStrictEqual(
        versions.map(({ mode }) => mode),
        ["off", "live", "shadow"]
      )
      assert.include((yield* mall("risk", "rules")).out, "card_testing_cards")
    })
  )

  it.effect("names the place of what is wrong with a rule", () =>
    Effect.gen(function* () {
      const wrongType = yield* write("type.json", { ...aRule, mode: "off", when: { ...when, is: ">" } })
      const refused = yield* mall("risk", "put", wrongType, "--reason", "x")
      assert.deepStrictEqual([refused.code, refused.out], [1, ""])
      assert.include(refused.err, "when.is")
      const noFact = yield* write("fact.json", { ...aRule, mode: "off", when: { ...when, fact: "password" } })
      const unread = yield* mall("risk", "put", noFact, "--reason", "x")
      assert.strictEqual(unread.code, 1)
      assert.include(unread.err, "fact.json")
      const missing = yield* mall("risk", "off", "no_such_rule", "--reason", "x", "--yes")
      assert.include(missing.err, "There is no such rule")
    })
  )

  it.effect("says what is on a list, and refuses what no check would meet", () =>
    Effect.gen(function* () {
      const block = (kind: string, value: string) =>
        mall("risk", "list", "block", kind, value, "--reason", "card testing", "--yes")
      assert.include((yield* block("country", "kp")).out, "The country KP is on the block list.")
      const { code, err, out } = yield* block("network", "203.0.113.0/24")
      assert.deepStrictEqual([code, out], [1, ""])
      assert.match(err, /^No check would meet that value: A network is listed by [^\n]+$/)
    })
  )

  it.effect("blocks and unblocks", () =>
    Effect.gen(function* () {
      yield* mall("risk", "list", "block", "device", "bad", "--hours", "1", "--reason", "card testing", "--yes")
      const blocked = yield* check("bad")
      assert.strictEqual(blocked.verdict, "deny")
      const { data } = yield* decode(
        RiskCheckPage,
        yield* mall("risk", "checks", "--payment", blocked.paymentId, "--verdict", "deny", "--json")
      )
      assert.deepStrictEqual(
        data.map(({ decidedBy }) => decidedBy),
        ["block_list"]
      )
      const off = ["risk", "unlist", "block", "device", "bad", "--reason", "a mistake", "--yes"]
      assert.strictEqual((yield* mall(...off)).code, 0)
      assert.strictEqual((yield* check("bad")).verdict, "allow")
      assert.strictEqual((yield* mall(...off)).code, 1)
    })
  )
})
