import type { NewTransfer, TransferId } from "@mall/domain/ledger/Transfer"
import { createHash } from "node:crypto"

/**
 * Of what a transfer moves and for what, as hex: the same id with another hash is another transfer. Who asks and in which
 * trace is left out, since a retry may come from elsewhere; the legs count in any order.
 */
export const hashOf = (transfer: NewTransfer, linkedTo: TransferId | null) => {
  const legs = "legs" in transfer ? transfer.legs : null
  const parts = [
    transfer.id,
    transfer.type,
    "pendingId" in transfer ? transfer.pendingId : null,
    transfer.purpose,
    transfer.subject,
    linkedTo,
    transfer.type === "pending" ? (transfer.expiresAt?.getTime() ?? null) : null,
    legs?.map(({ account, amount, side }) => `${account} ${side} ${amount}`).toSorted() ?? null
  ]
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex")
}
