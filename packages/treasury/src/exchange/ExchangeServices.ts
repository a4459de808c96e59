import { Layer } from "effect"
import { ExchangeConfig } from "./ExchangeConfig.ts"
import { Liquidity } from "./Liquidity.ts"
import { QuoteRepo } from "./QuoteRepo.ts"
import { Quotes } from "./Quotes.ts"
import { RateFeed } from "./RateFeed.ts"
import { RateRepo } from "./RateRepo.ts"
import { Rates } from "./Rates.ts"
import { Spreads } from "./Spreads.ts"

/** All services of the exchange but for where the rates come from. Needs `SqlClient` and the port `Transfers`. */
export const layerNoFeed = Quotes.layerNoDeps.pipe(
  Layer.provideMerge(Liquidity.layerNoDeps),
  Layer.provideMerge(Layer.mergeAll(Rates.layerNoDeps, Spreads.layerNoDeps)),
  Layer.provideMerge(QuoteRepo.layer),
  Layer.provide(Layer.mergeAll(RateRepo.layer, ExchangeConfig.layer))
)

/** With the rates of the European Central Bank. */
export const layer = layerNoFeed.pipe(Layer.provide(RateFeed.layer))
