/** A final transfer that is neither credited nor returned yet. */
export interface Unassigned {
  readonly txHash: string
  readonly logIndex: number
  readonly sender: string
  readonly amount: bigint
  readonly blockAt: Date
}

export interface Assignment {
  /** Set when the deposit became paid by this. */
  readonly paidAt: Date | null
  readonly credited: ReadonlyArray<Unassigned>
  readonly returned: ReadonlyArray<Unassigned>
  /** More than was asked for: goes back to who paid last. */
  readonly surplus: { readonly recipient: string; readonly amount: bigint } | null
}

const nothing: Assignment = { paidAt: null, credited: [], returned: [], surplus: null }

/**
 * What becomes of money that came to an address. Transfers add up until they reach the amount, also after the try was
 * closed: then it is a late payment, which is refunded like that of any channel. What comes to an address that is paid, and
 * what stays below the amount at one that is closed, goes back. Every unit that came is credited, returned or waits.
 */
export const assignTransfers = (
  deposit: { readonly amount: number; readonly isPaid: boolean; readonly isClosed: boolean },
  transfers: ReadonlyArray<Unassigned>
): Assignment => {
  const last = transfers.at(-1)
  if (last === undefined) return nothing
  if (deposit.isPaid) return { ...nothing, returned: transfers }
  const total = transfers.reduce((sum, { amount }) => sum + amount, 0n)
  const surplus = total - BigInt(deposit.amount)
  if (surplus < 0n) return deposit.isClosed ? { ...nothing, returned: transfers } : nothing
  return {
    paidAt: last.blockAt,
    credited: transfers,
    returned: [],
    surplus: surplus > 0n ? { recipient: last.sender, amount: surplus } : null
  }
}
