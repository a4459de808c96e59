import { TransferId } from "@mall/domain/ledger/Transfer"
import { PayoutId } from "@mall/domain/treasury/Payouts"
import type { SettlementId } from "@mall/domain/treasury/Settlement"
import { createHash } from "node:crypto"

/** An id that is the same whenever it is made of the same: the time of the settlement's, and a hash in the random part. */
const derive = (id: SettlementId, ...parts: ReadonlyArray<string | number>) => {
  const hash = createHash("sha256")
    .update([id, ...parts].join("/"))
    .digest("hex")
  const variant = "89ab"[Number.parseInt(hash.slice(3, 4), 16) % 4]
  return `${id.slice(0, 15)}${hash.slice(0, 3)}-${variant}${hash.slice(4, 7)}-${hash.slice(7, 19)}`
}

type Movement = "settlement" | "reserve" | "reserve_release"

export const transferIdOf = (id: SettlementId, attempt: number, movement: Movement, isReversal = false) =>
  TransferId.make(derive(id, attempt, movement, isReversal ? "reversal" : "posting"))

export const payoutIdOf = (id: SettlementId, attempt: number) => PayoutId.make(derive(id, attempt, "payout"))
