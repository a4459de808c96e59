import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { Layer } from "effect"
import { DisputeDeadlines } from "./DisputeDeadlines.ts"
import { DisputeReads } from "./DisputeReads.ts"
import { DisputeRepo } from "./DisputeRepo.ts"
import { Disputes } from "./Disputes.ts"
import { DisputesConfig } from "./DisputesConfig.ts"
import { DisputeStore } from "./DisputeStore.ts"
import { DisputeSync } from "./DisputeSync.ts"
import { EvidenceRepo } from "./EvidenceRepo.ts"
import { EvidenceStore } from "./EvidenceStore.ts"

const Books = DisputeRepo.layer.pipe(Layer.provideMerge(DisputesConfig.layer))

/** What notices need of disputes. Needs `SqlClient`, `Outbox`, `Channels` and `SecurityEvents`. */
export const layerSync = DisputeSync.layerNoDeps.pipe(
  Layer.provideMerge(DisputeStore.layerNoDeps),
  Layer.provideMerge(Books)
)

/** What merchants, operators and sweeps do with disputes. Needs the services of `layerSync`, `FileSystem` and `Path` besides. */
export const layerNoDeps = Layer.mergeAll(Disputes.layerNoDeps, DisputeDeadlines.layerNoDeps).pipe(
  Layer.provide(Layer.mergeAll(DisputeReads.layer, EvidenceRepo.layerNoDeps, EvidenceStore.layerDisk)),
  Layer.provide(PersonalDataKeys.layer)
)
