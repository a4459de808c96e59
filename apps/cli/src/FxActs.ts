import { Currency, currencies } from "@mall/domain/kernel/Currency"
import { generator } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { PositiveAmount } from "@mall/domain/ledger/Transfer"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { FxConversion, FxQuote, FxQuoteId } from "@mall/domain/treasury/FxQuote"
import { FxFetch, FxRate, FxRateId, Rate } from "@mall/domain/treasury/FxRate"
import { BasisPoints, FxLimit, FxSpread } from "@mall/domain/treasury/FxTerms"
import { Liquidity } from "@mall/treasury/exchange/Liquidity"
import { Quotes } from "@mall/treasury/exchange/Quotes"
import { Rates } from "@mall/treasury/exchange/Rates"
import { Spreads } from "@mall/treasury/exchange/Spreads"
import { Effect, Option, Schema, SchemaTransformation } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { given, reason, Time } from "./flags.ts"
import { operator } from "./Operator.ts"
import { fields, json, money, print } from "./Output.ts"
import * as Services from "./Services.ts"

const newRateId = generator(FxRateId)
const newQuoteId = generator(FxQuoteId)
const actor = Effect.map(operator, (name) => `operator:${name}`)
const anId = "0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77"
const currency = (name: string) => Argument.Literals(name, currencies)
const rateId = Argument.String("rate").pipe(Argument.withSchema(FxRateId))
const merchant = Flag.String("merchant").pipe(
  Flag.withSchema(MerchantId),
  Flag.withDescription("For which merchant, by id")
)

const showRate = (rate: FxRate, json: boolean) => {
  const { base, decidedBy, decision, heldFor, id, proposedBy, quote, source, status, validFrom } = rate
  return print(
    rate,
    { json, schema: FxRate },
    fields({
      ...{ id, status, source, rate: `1 ${base} = ${rate.rate} ${quote}`, "valid from": validFrom },
      ...{ "held for": heldFor, "brought by": proposedBy, "decided by": decidedBy, why: decision }
    })
  )
}

export const setRate = Command.make(
  "set-rate",
  {
    base: currency("base"),
    quote: currency("quote"),
    rate: Argument.String("rate").pipe(
      Argument.withSchema(Rate),
      Argument.withDescription("What one major unit of the first costs in the second, such as 7.1234")
    ),
    reason,
    json
  },
  Effect.fnUntraced(function* ({ base, json, quote, rate, reason }) {
    const rates = yield* Rates
    yield* showRate(yield* rates.propose(yield* newRateId, { base, quote, rate, reason }, yield* actor), json)
  })
).pipe(
  Command.withDescription("Say a rate by hand; nothing is exchanged by it before a second person approves"),
  Command.withExamples([{ command: 'mall fx set-rate KWD CNY 23.15 --reason "the bank\'s rate of today"' }]),
  Command.provide(Services.layer)
)

export const approve = Command.make(
  "approve",
  { id: rateId, reason, yes, json },
  Effect.fnUntraced(function* ({ id, json, reason, yes }) {
    const rates = yield* Rates
    yield* confirm(`Exchanging by the rate ${id}`, yes)
    yield* showRate(yield* rates.approve(id, { reason }, yield* actor), json)
  })
).pipe(
  Command.withDescription("Approve a rate that is held; not by who brought it"),
  Command.withExamples([{ command: `mall fx approve ${anId} --reason "as the bank says" --yes` }]),
  Command.provide(Services.layer)
)

export const reject = Command.make(
  "reject",
  { id: rateId, reason, yes, json },
  Effect.fnUntraced(function* ({ id, json, reason, yes }) {
    const rates = yield* Rates
    yield* confirm(`Rejecting the rate ${id}`, yes)
    yield* showRate(yield* rates.reject(id, { reason }, yield* actor), json)
  })
).pipe(
  Command.withDescription("Reject a rate that is held; the former one stays in force"),
  Command.withExamples([{ command: `mall fx reject ${anId} --reason "a digit too many" --yes` }]),
  Command.provide(Services.layer)
)

export const fetch = Command.make(
  "fetch",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const rates = yield* Rates
    const { added, held, validFrom } = yield* rates.fetch(true)
    const fetched = new FxFetch({ added, held, validFrom })
    yield* print(fetched, { json, schema: FxFetch }, fields({ "valid from": validFrom, new: added, held }))
  })
).pipe(
  Command.withDescription("Ask the European Central Bank for its rates now; the sweep fx_rates does so each hour"),
  Command.withExamples([{ command: "mall fx fetch" }]),
  Command.provide(Services.layer)
)

/** `USD/CNY`. */
const Pair = Schema.String.pipe(
  Schema.decodeTo(Schema.TemplateLiteralParser([Currency, "/", Currency]), SchemaTransformation.passthroughSupertype())
)

export const spread = Command.make(
  "spread",
  {
    basisPoints: Argument.Int("basis-points").pipe(
      Argument.withSchema(BasisPoints),
      Argument.withDescription("Hundredths of a percent")
    ),
    pair: Flag.String("pair").pipe(
      Flag.withSchema(Pair),
      Flag.withDescription("Only between these two, such as USD/CNY; else of all"),
      Flag.optional
    ),
    merchant: merchant.pipe(Flag.optional),
    from: Flag.String("from").pipe(
      Flag.withSchema(Time),
      Flag.withDescription("From when on; else from now"),
      Flag.optional
    ),
    reason,
    yes,
    json
  },
  Effect.fnUntraced(function* ({ basisPoints, from, json, merchant, pair, reason, yes }) {
    const spreads = yield* Spreads
    yield* confirm("Changing what exchanges cost", yes)
    const input = {
      pair: Option.match(pair, { onNone: () => null, onSome: ([first, , second]) => [first, second] as const }),
      merchantId: Option.getOrNull(merchant),
      ...given({ effectiveFrom: from })
    }
    const spread = yield* spreads.put({ ...input, basisPoints, reason }, yield* actor)
    yield* print(
      spread,
      { json, schema: FxSpread },
      fields({ pair: spread.pair?.join("/") ?? "any", "basis points": basisPoints, from: spread.effectiveFrom })
    )
  })
).pipe(
  Command.withDescription("Say what the platform keeps of an exchange"),
  Command.withExamples([{ command: 'mall fx spread 80 --pair USD/CNY --reason "new terms" --yes' }]),
  Command.provide(Services.layer)
)

export const limit = Command.make(
  "limit",
  {
    currency: currency("currency"),
    maxShort: Argument.Int("max-short").pipe(
      Argument.withSchema(FxLimit.fields.maxShort),
      Argument.withDescription("Minor units that may be given away beyond what was taken in")
    ),
    reason,
    yes,
    json
  },
  Effect.fnUntraced(function* ({ currency, json, maxShort, reason, yes }) {
    const liquidity = yield* Liquidity
    yield* confirm(`Changing how much ${currency} is sold`, yes)
    const limit = yield* liquidity.put({ currency, maxShort, reason }, yield* actor)
    yield* print(limit, { json, schema: FxLimit }, fields({ currency, "may be short": maxShort }))
  })
).pipe(
  Command.withDescription("Say how much of a currency may be given away; without a limit it is not sold"),
  Command.withExamples([{ command: 'mall fx limit CNY 50000000 --reason "what the bank holds" --yes' }]),
  Command.provide(Services.layer)
)

export const quote = Command.make(
  "quote",
  {
    merchant,
    side: Argument.Literals("side", ["sell", "buy"]),
    amount: Argument.Int("amount").pipe(Argument.withSchema(PositiveAmount), Argument.withDescription("Minor units")),
    currency: currency("currency"),
    other: currency("other"),
    json
  },
  Effect.fnUntraced(function* ({ amount, currency, json, merchant, other, side }) {
    const quotes = yield* Quotes
    const input = { side, amount: Money.of(amount, currency), other }
    const quote = yield* quotes.create(yield* newQuoteId, input, merchant, yield* actor)
    const { buy, expiresAt, fee, id, rate, sell, spreadBasisPoints } = quote
    yield* print(
      quote,
      { json, schema: FxQuote },
      fields({
        ...{ id, sell: money(sell), buy: money(buy), rate, "basis points": spreadBasisPoints },
        ...{ fee: money({ amount: fee, currency: buy.currency }), "kept until": expiresAt }
      })
    )
  })
).pipe(
  Command.withDescription("Keep a rate for a merchant; nothing moves before it is accepted"),
  Command.withExamples([{ command: `mall fx quote sell 10000 USD CNY --merchant ${anId}` }]),
  Command.provide(Services.layer)
)

export const convert = Command.make(
  "convert",
  { id: Argument.String("quote").pipe(Argument.withSchema(FxQuoteId)), merchant, yes, json },
  Effect.fnUntraced(function* ({ id, json, merchant, yes }) {
    const quotes = yield* Quotes
    yield* confirm(`Exchanging by the quote ${id}`, yes)
    const done = yield* quotes.accept(id, merchant, yield* actor)
    yield* print(
      done,
      { json, schema: FxConversion },
      fields({ id, sold: money(done.sell), bought: money(done.buy), at: done.convertedAt })
    )
  })
).pipe(
  Command.withDescription("Accept a quote for its merchant: the money moves, once"),
  Command.withExamples([{ command: `mall fx convert ${anId} --merchant ${anId} --yes` }]),
  Command.provide(Services.layer)
)
