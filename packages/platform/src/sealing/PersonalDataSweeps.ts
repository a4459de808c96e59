import * as Sweep from "../Sweep.ts"
import { PersonalDataSealing } from "./PersonalDataSealing.ts"

/** Seals what was stored before there were keys, and what is under a former key. Where nothing is left it costs an index scan. */
export const layer = Sweep.layer({
  name: "personal_data",
  every: "10 minutes",
  limit: 1_000,
  batch: (limit) => PersonalDataSealing.use((sealing) => sealing.sweep(limit))
})
