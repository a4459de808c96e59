import { TransferId } from "@mall/domain/ledger/Transfer"

/** A transfer about something that is named by `id`: that id, its last 32 random bits turned by `mask`. */
export const variantOf = (id: string, mask: number) => {
  const random = (Number.parseInt(id.slice(-8), 16) ^ mask) >>> 0
  return TransferId.make(`${id.slice(0, -8)}${random.toString(16).padStart(8, "0")}`)
}
