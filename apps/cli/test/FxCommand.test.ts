import { MinorUnits } from "@mall/domain/kernel/Money"
import { assert, layer } from "@effect/vitest"
import { accountCode } from "@mall/domain/ledger/Account"
import { TransferId } from "@mall/domain/ledger/Transfer"
import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { FxConversion, FxConversionPage, FxQuote } from "@mall/domain/treasury/FxQuote"
import { FxFetch, FxRate, FxRatePage } from "@mall/domain/treasury/FxRate"
import { FxLimit, FxPositions, FxSpread } from "@mall/domain/treasury/FxTerms"
import { Ledger } from "@mall/ledger/Ledger"
import { Effect, Schema } from "effect"
import { mall } from "./arrange.ts"
import { decode } from "./CommandLine.ts"
import { SandboxProcess } from "./SandboxProcess.ts"

const newMerchantId = generator(MerchantId)
const newTransferId = generator(TransferId)
const because = ["--reason", "a test", "--yes"] as const

/** Cents that are ready to be paid out. */
const settled = Effect.fnUntraced(function* (amount: number) {
  const ledger = yield* Ledger
  const owner = yield* newMerchantId
  const code = (kind: "settlement" | "adjustments") =>
    accountCode({ owner: kind === "settlement" ? owner : null, kind, detail: null, currency: "USD" })
  const legs = [
    { account: code("adjustments"), side: "debit", amount },
    { account: code("settlement"), side: "credit", amount }
  ] as never
  yield* ledger.adjust({ id: yield* newTransferId, legs, reason: "to begin with" }, "operator:olga")
  return owner
})

const sandboxed = layer(SandboxProcess.layerCommandLine, { excludeTestServices: true, timeout: "60 seconds" })

sandboxed("mall fx", (it) => {
  it.effect("fetches the day's rates, and nothing where the source is down or sends what it should not", () =>
    Effect.gen(function* () {
      const { control } = yield* SandboxProcess
      const fetched = yield* decode(FxFetch, yield* mall("fx", "fetch", "--json"))
      assert.isAbove(fetched.added, 20)
      assert.strictEqual((yield* decode(FxFetch, yield* mall("fx", "fetch", "--json"))).added, 0)
      for (const [answer, said] of [
        ["cut", "Syntax"],
        ["entity", "document type"],
        ["unavailable", "failed"]
      ] as const) {
        yield* control("/ecb", { answer })
        const refused = yield* mall("fx", "fetch")
        assert.deepStrictEqual([refused.code, refused.out], [1, ""])
        assert.include(refused.err, said)
      }
      yield* control("/ecb", { answer: "file", rates: { CNY: "78.240" } })
      const strange = yield* decode(FxFetch, yield* mall("fx", "fetch", "--json"))
      assert.deepInclude(strange, { added: 1, held: 1 })
      const { data } = yield* decode(FxRatePage, yield* mall("fx", "rates", "--status", "held", "--json"))
      assert.deepStrictEqual(
        data.map(({ quote, rate }) => [quote, rate]),
        [["CNY", "78.240"]]
      )
      const rejected = yield* mall("fx", "reject", data[0]?.id ?? "", ...because, "--json")
      assert.strictEqual((yield* decode(FxRate, rejected)).decidedBy, "operator:olga")
      assert.include((yield* mall("fx", "rates", "--status", "held")).out, "There are no such rates.")
    })
  )

  it.effect("keeps a rate by hand from who said it, and takes no blank for an amount of nothing", () =>
    Effect.gen(function* () {
      const proposed = yield* mall("fx", "set-rate", "KWD", "CNY", "23.15", "--reason", "the bank's", "--json")
      const { id, status } = yield* decode(FxRate, proposed)
      assert.strictEqual(status, "held")
      const alone = yield* mall("fx", "approve", id, ...because)
      assert.strictEqual(alone.code, 1)
      assert.include(alone.err, "A second person approves a rate")
      for (const rate of ["0", "-1", "1e5", "23,15"]) {
        assert.strictEqual((yield* mall("fx", "set-rate", "KWD", "CNY", rate, "--reason", "no")).code, 2)
      }
      assert.strictEqual((yield* mall("fx", "limit", "CNY", "5", "--reason", "no terminal")).code, 2)
      for (const nothing of ["", " "]) {
        const quote = ["quote", "sell", nothing, "USD", "CNY", "--merchant", yield* newMerchantId]
        for (const act of [["spread", nothing, ...because], ["limit", "CNY", nothing, ...because], quote]) {
          assert.deepInclude(yield* mall("fx", ...act), { code: 2, out: "" })
        }
      }
    })
  )

  it.effect("exchanges what a merchant has, within the limit, and shows where that leaves the platform", () =>
    Effect.gen(function* () {
      const owner = yield* settled(10_000)
      const ask = mall("fx", "quote", "sell", "10000", "USD", "CNY", "--merchant", owner, "--json")
      const terms = yield* decode(
        FxSpread,
        yield* mall("fx", "spread", "50", "--pair", "USD/CNY", ...because, "--json")
      )
      assert.deepStrictEqual([terms.pair, terms.basisPoints], [["CNY", "USD"], 50])
      const quote = yield* decode(FxQuote, yield* ask)
      assert.deepInclude(quote, { spreadBasisPoints: 50, rate: "7.23640399556", fee: MinorUnits.make(361) })
      assert.strictEqual(Number(quote.buy.amount), 72_002)
      const accept = mall("fx", "convert", quote.id, "--merchant", owner, "--yes", "--json")
      assert.include((yield* accept).err, "Not so much CNY is sold now")
      const limit = yield* mall("fx", "limit", "CNY", "1000000", ...because, "--json")
      assert.strictEqual(Number((yield* decode(FxLimit, limit)).maxShort), 1_000_000)
      const done = yield* decode(FxConversion, yield* accept)
      assert.strictEqual(done.convertedBy, "operator:olga")
      assert.deepStrictEqual(yield* decode(FxConversion, yield* accept), done)
      const listed = yield* mall("fx", "conversions", "--merchant", owner, "--json")
      assert.deepStrictEqual((yield* decode(FxConversionPage, listed)).data, [done])
      const report = yield* decode(FxPositions, yield* mall("fx", "positions", "--in", "EUR", "--json"))
      assert.deepStrictEqual(
        report.positions.map(({ currency, position }) => [currency, Number(position)]),
        [
          ["CNY", -72_364],
          ["USD", 10_000]
        ]
      )
      assert.strictEqual(Number(report.result), 0)
      assert.include((yield* mall("fx", "positions")).out, "unrealised result, CNY")
      assert.lengthOf(yield* decode(Schema.Array(FxSpread), yield* mall("fx", "spreads", "--json")), 1)
      assert.include((yield* mall("fx", "limits")).out, "1000000")
    })
  )
})
