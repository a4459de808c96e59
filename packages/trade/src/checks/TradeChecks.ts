import * as Checks from "@mall/platform/doctor/Checks"
import { Effect } from "effect"
import { orderChecks } from "./orderChecks.ts"
import { stockChecks } from "./stockChecks.ts"
import { tradeEvents } from "./tradeEvents.ts"

/** What trade makes sure of. Needs `Checks`, `SqlClient` and the port `PaymentGateway`. */
export const layer = Checks.layer(
  Effect.gen(function* () {
    return { checks: [...(yield* orderChecks), ...(yield* stockChecks)], events: [yield* tradeEvents] }
  })
)
