import type { PayableSpan } from "@mall/domain/ledger/PayableEntries"
import { Duration } from "effect"
import type { Owed } from "./SettlementRepo.ts"

/** Entries that are read and written at a time. */
export const pageSize = 1_000

/**
 * An entry gets its time before it is committed, maybe by a process whose clock is behind, so some of before the last cut-off may
 * have come after it. Those that were settled are known by their ids.
 */
export const lateMargin = Duration.toMillis("1 hour")

/** Where unsettled entries may be. */
export const spanOf = ({ currency, merchantId }: Owed, settledThrough: Date | null, until: Date): PayableSpan => ({
  ...{ merchantId, currency, until },
  from: new Date(Math.max(0, (settledThrough?.getTime() ?? 0) - lateMargin))
})
