import { currencies } from "@mall/domain/kernel/Currency"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { FxConversionPage } from "@mall/domain/treasury/FxQuote"
import type { FxConversion } from "@mall/domain/treasury/FxQuote"
import { FxRatePage, FxRateStatus } from "@mall/domain/treasury/FxRate"
import type { FxRate } from "@mall/domain/treasury/FxRate"
import { FxLimit, FxPositions, FxSpread } from "@mall/domain/treasury/FxTerms"
import type { FxPosition } from "@mall/domain/treasury/FxTerms"
import { Liquidity } from "@mall/treasury/exchange/Liquidity"
import { Quotes } from "@mall/treasury/exchange/Quotes"
import { Rates } from "@mall/treasury/exchange/Rates"
import { Spreads } from "@mall/treasury/exchange/Spreads"
import { Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { given, page } from "./flags.ts"
import { approve, convert, fetch, limit, quote, reject, setRate, spread } from "./FxActs.ts"
import { fields, json, money, print, printPage, table } from "./Output.ts"
import * as Services from "./Services.ts"

const rates = Command.make(
  "rates",
  {
    ...page,
    status: Flag.Literals("status", FxRateStatus.literals).pipe(
      Flag.withDescription("Only of this status"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ after, json, limit, status }) {
    const rates = yield* Rates
    yield* printPage<FxRate, typeof FxRatePage.Encoded>(yield* rates.list({ limit, ...given({ after, status }) }), {
      json,
      schema: FxRatePage,
      columns: {
        id: ({ id }) => id,
        source: ({ source }) => source,
        pair: ({ base, quote }) => `${base}/${quote}`,
        rate: ({ rate }) => rate,
        "valid from": ({ validFrom }) => validFrom,
        status: ({ status }) => status,
        "held for": ({ heldFor }) => heldFor,
        "decided by": ({ decidedBy }) => decidedBy
      },
      empty: "There are no such rates."
    })
  })
).pipe(
  Command.withDescription("List rates, newest first"),
  Command.withExamples([{ command: "mall fx rates --status held", description: "What waits for a second person" }]),
  Command.provide(Services.layer)
)

const spreads = Command.make(
  "spreads",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const spreads = yield* Spreads
    const all = yield* spreads.all
    yield* print(
      all,
      { json, schema: Schema.Array(FxSpread) },
      table<FxSpread>(
        {
          from: ({ effectiveFrom }) => effectiveFrom,
          pair: ({ pair }) => pair?.join("/") ?? "any",
          merchant: ({ merchantId }) => merchantId ?? "any",
          "basis points": ({ basisPoints }) => basisPoints,
          who: ({ actor }) => actor,
          why: ({ reason }) => reason
        },
        all,
        "There are none: FX_DEFAULT_SPREAD counts."
      )
    )
  })
).pipe(
  Command.withDescription("List what the platform keeps of exchanges, newest first"),
  Command.provide(Services.layer)
)

const limits = Command.make(
  "limits",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const liquidity = yield* Liquidity
    const all = yield* liquidity.limits
    yield* print(
      all,
      { json, schema: Schema.Array(FxLimit) },
      table<FxLimit>(
        {
          currency: ({ currency }) => currency,
          "may be short": ({ maxShort }) => maxShort,
          who: ({ actor }) => actor,
          why: ({ reason }) => reason,
          when: ({ at }) => at
        },
        all,
        "There are none: no currency is sold."
      )
    )
  })
).pipe(Command.withDescription("List how much of each currency may be given away"), Command.provide(Services.layer))

const conversions = Command.make(
  "conversions",
  {
    ...page,
    merchant: Flag.String("merchant").pipe(
      Flag.withSchema(MerchantId),
      Flag.withDescription("Only of this merchant, by id"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ after, json, limit, merchant }) {
    const quotes = yield* Quotes
    const sees = Option.getOrElse(merchant, () => "all" as const)
    yield* printPage<FxConversion, typeof FxConversionPage.Encoded>(
      yield* quotes.conversions({ limit, ...given({ after }) }, sees),
      {
        json,
        schema: FxConversionPage,
        columns: {
          id: ({ id }) => id,
          merchant: ({ merchantId }) => merchantId,
          sold: ({ sell }) => money(sell),
          bought: ({ buy }) => money(buy),
          fee: ({ fee }) => fee,
          rate: ({ rate }) => rate,
          who: ({ convertedBy }) => convertedBy,
          when: ({ convertedAt }) => convertedAt
        },
        empty: "Nothing was exchanged."
      }
    )
  })
).pipe(
  Command.withDescription("List what was exchanged, newest first"),
  Command.withExamples([{ command: "mall fx conversions --limit 50" }]),
  Command.provide(Services.layer)
)

const positions = Command.make(
  "positions",
  {
    in: Flag.Literals("in", currencies).pipe(
      Flag.withDescription("The currency of the values; else FX_REPORT_CURRENCY"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ in: wanted, json }) {
    const liquidity = yield* Liquidity
    const report = yield* liquidity.positions(Option.getOrUndefined(wanted))
    yield* print(
      report,
      { json, schema: FxPositions },
      Effect.andThen(
        table<FxPosition>(
          {
            currency: ({ currency }) => currency,
            position: ({ position }) => position,
            "may be short": ({ maxShort }) => maxShort,
            [`value, ${report.currency}`]: ({ value }) => value,
            "rate of": ({ ratedAt }) => ratedAt
          },
          report.positions,
          "Nothing was exchanged."
        ),
        fields({ [`unrealised result, ${report.currency}`]: report.result })
      )
    )
  })
).pipe(
  Command.withDescription("Show what exchanges have left the platform with, and its value now, in minor units"),
  Command.withExamples([{ command: "mall fx positions --in USD" }]),
  Command.provide(Services.layer)
)

export const FxCommand = Command.make("fx").pipe(
  Command.withSubcommands([
    rates,
    fetch,
    setRate,
    approve,
    reject,
    spreads,
    spread,
    limits,
    limit,
    quote,
    convert,
    conversions,
    positions
  ])
)
