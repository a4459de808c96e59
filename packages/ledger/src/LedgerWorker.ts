import * as Sweep from "@mall/platform/Sweep"
import { Effect, Layer } from "effect"
import { HashChain } from "./HashChain.ts"
import { Ledger } from "./Ledger.ts"

/** What the ledger does by itself on a schedule; an operator may run each by its name. */
export const sweeps = Layer.unwrap(
  Effect.gen(function* () {
    const chain = yield* HashChain
    const ledger = yield* Ledger
    return Layer.mergeAll(
      Sweep.layer({ name: "ledger_seals", every: "2 seconds", batch: (limit) => chain.seal(limit) }),
      Sweep.layer({ name: "ledger_expiry", every: "5 seconds", limit: 100, batch: (limit) => ledger.expire(limit) })
    )
  })
)
