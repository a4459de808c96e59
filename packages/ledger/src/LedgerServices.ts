import { Layer } from "effect"
import { HashChain } from "./HashChain.ts"
import { Ledger } from "./Ledger.ts"
import { LedgerReads } from "./LedgerReads.ts"
import { LedgerRepo } from "./LedgerRepo.ts"
import { journalLayer, Posting } from "./Posting.ts"

/** All services of the ledger and the port `Journal`. Needs `SqlClient`. */
export const layer = Layer.mergeAll(Ledger.layerNoDeps, journalLayer, HashChain.layer, LedgerReads.layer).pipe(
  Layer.provide(Posting.layerNoDeps),
  Layer.provide(LedgerRepo.layer)
)
