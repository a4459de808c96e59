import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { Operation } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import { FxQuoteId } from "@mall/domain/treasury/FxQuote"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Effect } from "effect"
import { Quotes } from "./Quotes.ts"
import { Rates } from "./Rates.ts"
import { exchanger, seenBy } from "./whoExchanges.ts"

/** Serves the group `exchange`. Needs the services of `ExchangeServices` and the middlewares. */
export const layer = ApiGroup.group(
  MallApi,
  "exchange",
  Effect.fn(function* (handlers) {
    const quotes = yield* Quotes
    const rates = yield* Rates
    return handlers.handleAll({
      rates: () => rates.inForce,
      quote: ({ params }) => CurrentUser.use((user) => quotes.show(params.id, seenBy(user))),
      conversions: ({ query }) => CurrentUser.use((user) => quotes.conversions(query, seenBy(user))),
      createQuote: ({ payload }) =>
        Effect.flatMap(Effect.all([exchanger, Operation]), ([{ actor, merchantId }, { id }]) =>
          quotes.create(FxQuoteId.make(id), payload, merchantId, actor)
        ),
      acceptQuote: ({ params }) =>
        Effect.flatMap(exchanger, ({ actor, merchantId }) => quotes.accept(params.id, merchantId, actor))
    })
  })
)
