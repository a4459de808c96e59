import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { generator } from "@mall/domain/kernel/Id"
import { ExchangeAdminRpcs, ExchangeMerchantRpcs } from "@mall/domain/treasury/ExchangeRpcs"
import { FxQuoteId } from "@mall/domain/treasury/FxQuote"
import { Effect } from "effect"
import { Liquidity } from "./Liquidity.ts"
import { Quotes } from "./Quotes.ts"
import { Rates } from "./Rates.ts"
import { Spreads } from "./Spreads.ts"
import { exchanger, seenBy } from "./whoExchanges.ts"

const newQuoteId = generator(FxQuoteId)

/** Serves `ExchangeMerchantRpcs`. Needs the services of `ExchangeServices`. */
export const merchantLayer = ExchangeMerchantRpcs.toLayer(
  Effect.gen(function* () {
    const quotes = yield* Quotes
    const rates = yield* Rates
    return ExchangeMerchantRpcs.of({
      "fx.rates": () => rates.inForce,
      "fx.quote": ({ id }) => CurrentUser.use((user) => quotes.show(id, seenBy(user))),
      "fx.conversions": (filter) => CurrentUser.use((user) => quotes.conversions(filter, seenBy(user))),
      "fx.createQuote": (input) =>
        Effect.flatMap(Effect.all([exchanger, newQuoteId]), ([{ actor, merchantId }, id]) =>
          quotes.create(id, input, merchantId, actor)
        ),
      "fx.accept": ({ id }) =>
        Effect.flatMap(exchanger, ({ actor, merchantId }) => quotes.accept(id, merchantId, actor))
    })
  })
)

/** Serves `ExchangeAdminRpcs`. Needs the services of `ExchangeServices`. */
export const adminLayer = ExchangeAdminRpcs.toLayer(
  Effect.gen(function* () {
    const liquidity = yield* Liquidity
    const quotes = yield* Quotes
    const rates = yield* Rates
    const spreads = yield* Spreads
    return ExchangeAdminRpcs.of({
      "admin.fx.rates": (filter) => rates.list(filter),
      "admin.fx.conversions": ({ merchantId, ...filter }) => quotes.conversions(filter, merchantId ?? "all"),
      "admin.fx.spreads": () => spreads.all,
      "admin.fx.limits": () => liquidity.limits,
      "admin.fx.positions": ({ currency }) => liquidity.positions(currency),
      "admin.fx.fetch": () => rates.fetch(true),
      "admin.fx.propose": ({ id, rate }) => CurrentUser.use((user) => rates.propose(id, rate, user.actorName)),
      "admin.fx.approve": ({ id, ...decision }) =>
        CurrentUser.use((user) => rates.approve(id, decision, user.actorName)),
      "admin.fx.reject": ({ id, ...decision }) => CurrentUser.use((user) => rates.reject(id, decision, user.actorName)),
      "admin.fx.setSpread": (spread) => CurrentUser.use((user) => spreads.put(spread, user.actorName)),
      "admin.fx.setLimit": (limit) => CurrentUser.use((user) => liquidity.put(limit, user.actorName))
    })
  })
)
