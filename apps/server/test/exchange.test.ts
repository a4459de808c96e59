import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import type { Currency } from "@mall/domain/kernel/Currency"
import { accountCode } from "@mall/domain/ledger/Account"
import type { AccountKind } from "@mall/domain/ledger/Account"
import { PositiveAmount, TransferId } from "@mall/domain/ledger/Transfer"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { FxSourceUnavailable } from "@mall/domain/treasury/FxError"
import { FxQuoteId } from "@mall/domain/treasury/FxQuote"
import { FxRateId } from "@mall/domain/treasury/FxRate"
import { HashChain } from "@mall/ledger/HashChain"
import { Ledger } from "@mall/ledger/Ledger"
import { LedgerReads } from "@mall/ledger/LedgerReads"
import * as LedgerServices from "@mall/ledger/LedgerServices"
import { TestDatabase } from "@mall/testing/TestDatabase"
import * as ExchangeServices from "@mall/treasury/exchange/ExchangeServices"
import { Liquidity } from "@mall/treasury/exchange/Liquidity"
import { Quotes } from "@mall/treasury/exchange/Quotes"
import { RateFeed } from "@mall/treasury/exchange/RateFeed"
import { Rates } from "@mall/treasury/exchange/Rates"
import { Spreads } from "@mall/treasury/exchange/Spreads"
import { Context, Effect, Exit, Layer, Ref } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"

const newRateId = generator(FxRateId)
const newQuoteId = generator(FxQuoteId)
const newTransferId = generator(TransferId)
const newMerchantId = generator(MerchantId)

/** What the source answers with. */
class Published extends Context.Service<Published, Ref.Ref<string | undefined>>()("@mall/server/test/Published") {
  static readonly layer = Layer.effect(Published, Ref.make<string | undefined>(undefined))
}

const Feed = Layer.effect(
  RateFeed,
  Effect.map(Published, (published) =>
    RateFeed.of({
      download: Effect.filterOrFail(
        Ref.get(published),
        (text) => text !== undefined,
        () => new FxSourceUnavailable({ source: "ecb", reason: "timeout" })
      )
    })
  )
)

/** The exchange over the real books, on a database of its own; the time is the test's. */
const World = ExchangeServices.layerNoFeed.pipe(
  Layer.provide(Feed),
  Layer.provideMerge(Layer.mergeAll(LedgerServices.layer, Published.layer)),
  Layer.provideMerge(TestDatabase),
  Layer.orDie
)

/** Of the first day there is: a clock that jumps over years would run all that is due in them. */
const noon = Date.parse("1970-01-01T12:00:00Z")

const publish = Effect.fnUntraced(function* (day: string, rates: Readonly<Record<string, string>>) {
  const cubes = Object.entries(rates).map(([currency, rate]) => `<Cube currency='${currency}' rate='${rate}'/>`)
  yield* Published.use((published) =>
    Ref.set(
      published,
      `<gesmes:Envelope xmlns:gesmes="x"><Cube><Cube time='${day}'>${cubes.join("")}</Cube></Cube></gesmes:Envelope>`
    )
  )
  return yield* Rates.use(({ fetch }) => fetch(false))
})

const manual = Effect.fnUntraced(function* (base: Currency, quote: Currency, rate: string) {
  const rates = yield* Rates
  const { id } = yield* rates.propose(yield* newRateId, { base, quote, rate, reason: "the bank's" }, "operator:olga")
  yield* rates.approve(id, { reason: "as the bank says" }, "operator:bob")
})

const account = (owner: MerchantId | null, kind: AccountKind, currency: Currency) =>
  accountCode({ owner, kind, detail: null, currency })

const fund = Effect.fnUntraced(function* (owner: MerchantId, money: Money) {
  const amount = PositiveAmount.make(money.amount)
  yield* Ledger.use((ledger) =>
    Effect.flatMap(newTransferId, (id) =>
      ledger.adjust(
        {
          id,
          reason: "to begin with",
          legs: [
            { account: account(null, "adjustments", money.currency), side: "debit", amount },
            { account: account(owner, "settlement", money.currency), side: "credit", amount }
          ]
        },
        "operator:olga"
      )
    )
  )
})

const balance = Effect.fnUntraced(
  function* (owner: MerchantId | null, kind: AccountKind, currency: Currency) {
    const reads = yield* LedgerReads
    return (yield* reads.account("all", account(owner, kind, currency))).balance as number
  },
  Effect.catchTag("LedgerAccountNotFound", () => Effect.succeed(0))
)

const limit = (currency: Currency, maxShort: number) =>
  Liquidity.use((liquidity) =>
    liquidity.put({ currency, maxShort: Money.of(maxShort, currency).amount, reason: "a test" }, "operator:olga")
  )

const sells = Effect.fnUntraced(function* (owner: MerchantId, money: Money, other: Currency) {
  const quotes = yield* Quotes
  return yield* quotes.create(yield* newQuoteId, { side: "sell", amount: money, other }, owner, "user:ann")
})

const accepts = (id: FxQuoteId, owner: MerchantId) => Quotes.use((quotes) => quotes.accept(id, owner, "user:ann"))

const sound = Effect.gen(function* () {
  const [chain, reads] = yield* Effect.all([HashChain, LedgerReads])
  while ((yield* chain.seal(500)) === 500);
  assert.isNull((yield* chain.verify).fault)
  for (const { credits, debits } of (yield* reads.trialBalance("all")).totals) assert.strictEqual(debits, credits)
})

layer(Layer.fresh(World), { timeout: "60 seconds" })("An exchange", (it) => {
  it.effect("moves both sides, the spread and what is left over, and the books balance in each currency", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(noon)
      const owner = yield* newMerchantId
      yield* publish("1970-01-01", { USD: "1.0000", CNY: "7.2364" })
      yield* limit("CNY", 1_000_000)
      yield* fund(owner, Money.of(10_000, "USD"))
      const quote = yield* sells(owner, Money.of(10_000, "USD"), "CNY")
      assert.deepInclude(quote, {
        rate: "7.2364",
        spreadBasisPoints: 100,
        fee: MinorUnits.make(723),
        rounding: MinorUnits.make(1),
        status: "open"
      })
      assert.deepStrictEqual(quote.buy, Money.of(71_640, "CNY"))
      const done = yield* accepts(quote.id, owner)
      assert.deepStrictEqual([done.sell, done.buy], [Money.of(10_000, "USD"), Money.of(71_640, "CNY")])
      assert.deepStrictEqual(yield* accepts(quote.id, owner), done)
      const after = yield* Effect.all([
        balance(owner, "settlement", "USD"),
        balance(owner, "settlement", "CNY"),
        balance(null, "fees", "CNY"),
        balance(null, "rounding", "CNY"),
        balance(null, "fx", "USD"),
        balance(null, "fx", "CNY")
      ])
      assert.deepStrictEqual(after, [0, 71_640, 723, -1, -10_000, 72_364])
      const positions = yield* Liquidity.use((liquidity) => liquidity.positions("CNY"))
      assert.deepStrictEqual(
        positions.positions.map(({ currency, position, value }) => [currency, Number(position), Number(value)]),
        [
          ["CNY", -72_364, -72_364],
          ["USD", 10_000, 72_364]
        ]
      )
      assert.strictEqual(positions.result, Money.of(0, "CNY").amount)
      // the dollar rises, and the dollars taken in with it
      yield* TestClock.adjust("1 day")
      yield* publish("1970-01-02", { USD: "1.0000", CNY: "7.3000" })
      const later = yield* Liquidity.use((liquidity) => liquidity.positions("CNY"))
      assert.strictEqual(later.result, Money.of(636, "CNY").amount)
      yield* sound
    })
  )

  it.effect("is done once, however many accept at once", () =>
    Effect.gen(function* () {
      const owner = yield* newMerchantId
      yield* fund(owner, Money.of(50_000, "USD"))
      yield* limit("CNY", 10_000_000)
      const quote = yield* sells(owner, Money.of(10_000, "USD"), "CNY")
      const done = yield* Effect.all(
        Array.from({ length: 8 }, () => accepts(quote.id, owner)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(done.map(({ id }) => id)).size, 1)
      assert.strictEqual(yield* balance(owner, "settlement", "USD"), 40_000)
      yield* sound
    })
  )

  it.effect("goes both ways at once without losing a unit or waiting for itself", () =>
    Effect.gen(function* () {
      const owner = yield* newMerchantId
      yield* fund(owner, Money.of(100_000, "USD"))
      yield* fund(owner, Money.of(1_000_000, "CNY"))
      yield* limit("CNY", 10_000_000)
      yield* limit("USD", 10_000_000)
      const quotes = yield* Effect.forEach(Array.from({ length: 12 }), (_, index) =>
        index % 2 === 0
          ? sells(owner, Money.of(1_000 + index, "USD"), "CNY")
          : sells(owner, Money.of(7_000 + index, "CNY"), "USD")
      )
      yield* Effect.forEach(quotes, ({ id }) => accepts(id, owner), { concurrency: 6 })
      const usd = quotes.reduce((sum, { buy, sell }) => sum + (sell.currency === "USD" ? -sell.amount : buy.amount), 0)
      assert.strictEqual(yield* balance(owner, "settlement", "USD"), 100_000 + usd)
      yield* sound
    })
  )

  it.effect("is refused where the merchant has not enough, and may be done when there is", () =>
    Effect.gen(function* () {
      const owner = yield* newMerchantId
      const quote = yield* sells(owner, Money.of(10_000, "USD"), "CNY")
      assert.strictEqual((yield* Effect.flip(accepts(quote.id, owner)))._tag, "AccountOverdrawn")
      assert.strictEqual(yield* balance(owner, "settlement", "CNY"), 0)
      yield* fund(owner, Money.of(10_000, "USD"))
      yield* accepts(quote.id, owner)
      assert.strictEqual(yield* balance(owner, "settlement", "USD"), 0)
    })
  )

  it.effect("is refused once its quote has expired, to the millisecond", () =>
    Effect.gen(function* () {
      const owner = yield* newMerchantId
      yield* fund(owner, Money.of(20_000, "USD"))
      const [first, second] = [
        yield* sells(owner, Money.of(10_000, "USD"), "CNY"),
        yield* sells(owner, Money.of(10_000, "USD"), "CNY")
      ]
      yield* TestClock.adjust("59999 millis")
      yield* accepts(first.id, owner)
      yield* TestClock.adjust("1 millis")
      const refused = yield* Effect.flip(accepts(second.id, owner))
      assert.strictEqual(refused._tag, "FxQuoteExpired")
      assert.strictEqual((yield* Quotes.use((quotes) => quotes.show(second.id, owner))).status, "expired")
      // what was done stays done
      assert.strictEqual((yield* accepts(first.id, owner)).id, first.id)
      assert.strictEqual(yield* balance(owner, "settlement", "USD"), 10_000)
    })
  )

  it.effect("goes no further than the limit of the currency, and not at all without one", () =>
    Effect.gen(function* () {
      const owner = yield* newMerchantId
      yield* fund(owner, Money.of(1_000_000, "USD"))
      yield* publish("1970-01-02", { USD: "1.0000", CNY: "7.3000", JPY: "150" })
      const yen = yield* sells(owner, Money.of(10_000, "USD"), "JPY")
      assert.strictEqual((yield* Effect.flip(accepts(yen.id, owner)))._tag, "FxLiquidityShort")
      // 150.00 JPY for each dollar, and of two who each fit alone one goes
      yield* limit("JPY", 20_000)
      const both = [yen, yield* sells(owner, Money.of(10_000, "USD"), "JPY")]
      const exits = yield* Effect.forEach(both, ({ id }) => Effect.exit(accepts(id, owner)), { concurrency: 2 })
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
      assert.strictEqual(yield* balance(null, "fx", "JPY"), 15_000)
      yield* sound
    })
  )

  it.effect("is another merchant's secret", () =>
    Effect.gen(function* () {
      const [owner, other] = [yield* newMerchantId, yield* newMerchantId]
      const quotes = yield* Quotes
      const { id } = yield* sells(owner, Money.of(10_000, "USD"), "CNY")
      assert.strictEqual((yield* Effect.flip(accepts(id, other)))._tag, "FxQuoteNotFound")
      for (const sees of [other, null]) {
        assert.strictEqual((yield* Effect.flip(quotes.show(id, sees)))._tag, "FxQuoteNotFound")
        assert.deepStrictEqual((yield* quotes.conversions({}, sees)).data, [])
      }
      assert.isAbove((yield* quotes.conversions({}, "all")).data.length, 3)
    })
  )
})

layer(Layer.fresh(World), { timeout: "60 seconds" })("A rate", (it) => {
  it.effect("of the source counts once, and one that is unlikely waits for a person", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(noon)
      const rates = yield* Rates
      const owner = yield* newMerchantId
      const usd = Money.of(10_000, "USD")
      assert.strictEqual((yield* Effect.flip(sells(owner, usd, "CNY")))._tag, "FxRateMissing")
      assert.deepInclude(yield* publish("1970-01-01", { USD: "1.0812", CNY: "7.8240" }), { added: 2, held: 0 })
      assert.deepInclude(yield* publish("1970-01-01", { USD: "1.0812", CNY: "7.8240" }), { added: 0, held: 0 })
      yield* TestClock.adjust("1 day")
      // a comma in another place
      assert.deepInclude(yield* publish("1970-01-02", { USD: "1.0900", CNY: "78.240" }), { added: 2, held: 1 })
      const former = yield* sells(owner, usd, "EUR")
      assert.strictEqual(former.rate, "0.917431192661")
      assert.strictEqual((yield* sells(owner, usd, "CNY")).rate, "7.177981651376")
      const [held] = (yield* rates.list({ status: "held" })).data
      assert.include(held?.heldFor, "5 % from 7.8240")
      const rejected = yield* rates.reject(held!.id, { reason: "a digit" }, "operator:olga")
      assert.strictEqual(rejected.status, "rejected")
      const again = yield* Effect.flip(rates.approve(held!.id, { reason: "or not" }, "operator:bob"))
      assert.strictEqual(again._tag, "FxRateDecided")
    })
  )

  it.effect("by hand counts when a second person approves it, and then before the published ones", () =>
    Effect.gen(function* () {
      const rates = yield* Rates
      const owner = yield* newMerchantId
      const input = { base: "CNY", quote: "USD", rate: "0.125", reason: "the bank's" } as const
      const id = yield* newRateId
      const proposed = yield* rates.propose(id, input, "operator:olga")
      assert.strictEqual(proposed.status, "held")
      assert.deepStrictEqual(yield* rates.propose(id, { ...input, rate: "9" }, "operator:olga"), proposed)
      const alone = yield* Effect.flip(rates.approve(id, { reason: "mine" }, "operator:olga"))
      assert.strictEqual(alone._tag, "SecondPersonForRate")
      assert.notStrictEqual((yield* sells(owner, Money.of(10_000, "USD"), "CNY")).rate, "8")
      const deciders = yield* Effect.forEach(
        ["operator:bob", "operator:cid"],
        (actor) => Effect.exit(rates.approve(id, { reason: "as the bank says" }, actor)),
        { concurrency: 2 }
      )
      assert.strictEqual(deciders.filter(Exit.isSuccess).length, 1)
      // the inverse of an eighth is eight, exactly
      assert.strictEqual((yield* sells(owner, Money.of(10_000, "USD"), "CNY")).rate, "8")
      const sql = yield* SqlClient.SqlClient
      const forced = yield* Effect.flip(
        sql`UPDATE treasury.fx_rate_decisions SET decided_by = proposed_by WHERE is_approved`
      )
      assert.strictEqual(forced.reason._tag, "ConstraintError")
    })
  )

  it.effect("that is too old is exchanged by no more, until a newer one comes", () =>
    Effect.gen(function* () {
      const owner = yield* newMerchantId
      yield* TestClock.adjust("127 hours")
      const stale = yield* Effect.flip(sells(owner, Money.of(10_000, "USD"), "CNY"))
      assert.strictEqual(stale._tag, "FxRateStale")
      assert.isTrue((yield* Rates.use(({ inForce }) => inForce)).every(({ isStale }) => isStale))
      yield* publish("1970-01-07", { USD: "1.0900", CNY: "7.8500" })
      assert.strictEqual((yield* sells(owner, Money.of(10_000, "USD"), "CNY")).rate, "7.201834862385")
    })
  )

  it.effect("that nobody can read, or that is of tomorrow, changes nothing", () =>
    Effect.gen(function* () {
      const [published, rates] = yield* Effect.all([Published, Rates])
      const before = yield* rates.inForce
      for (const answer of [undefined, "<html/>", "<gesmes:Envelope><Cube>"]) {
        yield* Ref.set(published, answer)
        assert.strictEqual((yield* Effect.flip(rates.fetch(false)))._tag, "FxSourceUnavailable")
      }
      const future = yield* Effect.flip(publish("2027-01-01", { USD: "1.1" }))
      assert.include(future.detail, "yet to come")
      assert.deepStrictEqual(yield* rates.inForce, before)
    })
  )

  it.effect("is less the spread that is most specific and in force", () =>
    Effect.gen(function* () {
      const spreads = yield* Spreads
      const owner = yield* newMerchantId
      const put = (basisPoints: number, rest: object) =>
        spreads.put({ pair: null, merchantId: null, basisPoints, reason: "terms", ...rest }, "operator:olga")
      const kept = Effect.map(sells(owner, Money.of(10_000, "USD"), "CNY"), (quote) => quote.spreadBasisPoints)
      assert.strictEqual(yield* kept, 100)
      yield* put(90, {})
      assert.strictEqual(yield* kept, 90)
      yield* put(80, { pair: ["USD", "CNY"] })
      yield* put(70, { pair: ["EUR", "CNY"] })
      assert.strictEqual(yield* kept, 80)
      yield* put(60, { merchantId: owner })
      assert.strictEqual(yield* kept, 60)
      yield* put(50, { merchantId: owner, pair: ["CNY", "USD"], effectiveFrom: new Date(noon + 8 * 86_400_000) })
      assert.strictEqual(yield* kept, 60)
      const late = yield* Effect.flip(put(10, { effectiveFrom: new Date(noon) }))
      assert.strictEqual(late._tag, "FxSpreadBackdated")
      yield* TestClock.setTime(noon + 9 * 86_400_000)
      yield* manual("USD", "CNY", "7.2")
      assert.strictEqual(yield* kept, 50)
    })
  )
})
