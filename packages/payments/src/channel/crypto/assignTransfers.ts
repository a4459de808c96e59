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
  /** More than was asked for: goes back to whose transfer reached the amount, of which it is a part. */
  readonly surplus: { readonly recipient: string; readonly amount: bigint } | null
}

const nothing: Assignment = { paidAt: null, credited: [], returned: [], surplus: null }

/**
 * What becomes of money that came to an address. Transfers add up until they reach the amount, also after the try was
 * closed: then it is a late payment, which is refunded like that of any channel. What comes to an address that is paid, also in
 * the same look at the chain, and what stays below the amount at one that is closed, goes back to who sent it: anybody may send
 * dust behind a payment, and has no share in it. Every unit that came is credited, returned or waits.
 */
export const assignTransfers = (
  deposit: { readonly amount: number; readonly isPaid: boolean; readonly isClosed: boolean },
  transfers: ReadonlyArray<Unassigned>
): Assignment => {
  if (transfers.length === 0) return nothing
  if (deposit.isPaid) return { ...nothing, returned: transfers }
  let total = 0n
  for (const [index, last] of transfers.entries()) {
    total += last.amount
    const surplus = total - BigInt(deposit.amount)
    if (surplus < 0n) continue
    return {
      paidAt: last.blockAt,
      credited: transfers.slice(0, index + 1),
      returned: transfers.slice(index + 1),
      surplus: surplus > 0n ? { recipient: last.sender, amount: surplus } : null
    }
  }
  return deposit.isClosed ? { ...nothing, returned: transfers } : nothing
}
