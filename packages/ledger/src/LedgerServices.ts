import { Layer } from "effect"
import { bookedTransfersLayer } from "./bookedTransfers.ts"
import * as Freezes from "./Freezes.ts"
import { HashChain } from "./HashChain.ts"
import { Ledger } from "./Ledger.ts"
import { LedgerReads } from "./LedgerReads.ts"
import { LedgerRepo } from "./LedgerRepo.ts"
import { payableEntriesLayer } from "./payableEntries.ts"
import { journalLayer, Posting, transfersLayer } from "./Posting.ts"

/**
 * All services of the ledger and the ports `AccountFreezes`, `BookedTransfers`, `Journal`, `PayableEntries` and `Transfers`. Needs
 * `SqlClient`.
 */
export const layer = Layer.mergeAll(
  Ledger.layerNoDeps,
  journalLayer,
  transfersLayer,
  Freezes.layer,
  bookedTransfersLayer,
  payableEntriesLayer,
  HashChain.layer,
  LedgerReads.layer
).pipe(Layer.provide(Posting.layerNoDeps), Layer.provide(LedgerRepo.layer))
