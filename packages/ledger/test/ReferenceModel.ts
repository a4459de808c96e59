import type { AccountCode } from "@mall/domain/ledger/Account"
import type { Leg, NewTransfer, TransferId } from "@mall/domain/ledger/Transfer"
import { hashOf } from "../src/hashOf.ts"

type Sums = [debitsPending: number, debitsPosted: number, creditsPending: number, creditsPosted: number]

/** What the ledger has to do, in the plainest words: one map of sums, no shards, no locks, no SQL. */
export class ReferenceModel {
  sums = new Map<AccountCode, Sums>()
  known = new Map<TransferId, string>()
  open = new Map<TransferId, ReadonlyArray<Leg>>()
  ended = new Set<TransferId>()

  /** True where all of it was done, or was done before; else nothing is changed. */
  post(chain: ReadonlyArray<NewTransfer>): boolean {
    const before = structuredClone({ sums: this.sums, known: this.known, open: this.open, ended: this.ended })
    const linkedTo = chain.length > 1 ? chain[0]!.id : null
    const isDone = chain.every((transfer) => {
      const hash = hashOf(transfer, linkedTo)
      const known = this.known.get(transfer.id)
      this.known.set(transfer.id, hash)
      return known === undefined ? this.#apply(transfer) : known === hash
    })
    if (!isDone) Object.assign(this, before)
    return isDone
  }

  #apply(transfer: NewTransfer): boolean {
    if (transfer.type === "single") return this.#move(transfer.legs, 1, 1)
    if (transfer.type === "pending") {
      this.open.set(transfer.id, transfer.legs)
      return this.#move(transfer.legs, 0, 1)
    }
    const held = this.open.get(transfer.pendingId)
    if (held === undefined || this.ended.has(transfer.pendingId)) return false
    this.ended.add(transfer.pendingId)
    const posted = transfer.type === "post" ? (transfer.legs ?? held) : []
    const fits = posted.every(({ account, amount }) =>
      held.some((leg) => leg.account === account && leg.amount >= amount)
    )
    return fits && this.#move(held, 0, -1) && (posted.length === 0 || this.#move(posted, 1, 1))
  }

  #move(legs: ReadonlyArray<Leg>, layer: 0 | 1, sign: 1 | -1): boolean {
    for (const { account, amount, side } of legs) {
      const sums = this.sums.get(account) ?? [0, 0, 0, 0]
      sums[(side === "debit" ? 0 : 2) + layer]! += sign * amount
      this.sums.set(account, sums)
      if (account.includes(":wallet:") && sums[0] + sums[1] > sums[3]) return false
    }
    const total = (of: "debit" | "credit") => legs.reduce((sum, leg) => sum + (leg.side === of ? leg.amount : 0), 0)
    return total("debit") === total("credit")
  }
}
