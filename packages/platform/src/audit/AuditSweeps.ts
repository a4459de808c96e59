import { Effect, Layer } from "effect"
import * as Sweep from "../Sweep.ts"
import { AuditChain } from "./AuditChain.ts"

/** Gives what staff did its place in the chain. Needs `SqlClient` and `Sweeps`. */
export const layer = Layer.unwrap(
  Effect.map(AuditChain, (chain) =>
    Sweep.layer({
      name: "audit_chain",
      every: "5 seconds",
      limit: 500,
      batch: (limit) => chain.seal(limit),
      oldestDue: chain.oldestUnsealed
    })
  )
).pipe(Layer.provide(AuditChain.layer))
