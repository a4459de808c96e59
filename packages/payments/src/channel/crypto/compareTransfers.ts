import type { Transfer } from "./ChainReader.ts"

/** What one node tells of and another does not. */
export interface Difference {
  /** Whose word it is: that of the node that we work with, or of the witness, by its number. */
  readonly toldBy: "node" | "witness"
  readonly witness: number
  readonly transfer: Transfer
}

/** What a witness says about the transfers of some blocks. */
export interface Testimony {
  readonly witness: number
  /** The last block that it can speak of: behind it, its chain is not deep enough, or it does not answer. */
  readonly upTo: number
  readonly transfers: ReadonlyArray<Transfer>
}

export interface Comparison {
  /** Of what our node tells, what every witness tells as well. */
  readonly agreed: ReadonlyArray<Transfer>
  readonly differences: ReadonlyArray<Difference>
}

export const keyOf = ({ logIndex, txHash }: { readonly txHash: string; readonly logIndex: number }) =>
  `${txHash}:${logIndex}`

/** All that has to be the same: where it stands on the chain, whose it is, and how much. */
const wholeOf = ({ amount, blockHash, blockNumber, logIndex, recipient, sender, txHash }: Transfer) =>
  [txHash, logIndex, blockNumber, blockHash, sender, recipient, amount].join(" ")

const without = (transfers: ReadonlyArray<Transfer>, others: ReadonlyArray<Transfer>) => {
  const known = new Set(others.map(wholeOf))
  return transfers.filter((transfer) => !known.has(wholeOf(transfer)))
}

/**
 * Holds what our node tells of some blocks against what witnesses tell of the same blocks. A transfer of which they tell
 * differently is two differences, one of each word.
 */
export const compareTransfers = (told: ReadonlyArray<Transfer>, testimonies: ReadonlyArray<Testimony>): Comparison => {
  const differences = testimonies.flatMap(({ transfers, upTo, witness }) => {
    const heard = told.filter(({ blockNumber }) => blockNumber <= upTo)
    return [
      ...without(heard, transfers).map((transfer): Difference => ({ toldBy: "node", witness, transfer })),
      ...without(transfers, heard).map((transfer): Difference => ({ toldBy: "witness", witness, transfer }))
    ]
  })
  const contested = differences.flatMap(({ toldBy, transfer }) => (toldBy === "node" ? [transfer] : []))
  const spokenOf = Math.min(...testimonies.map(({ upTo }) => upTo))
  return { agreed: without(told, contested).filter(({ blockNumber }) => blockNumber <= spokenOf), differences }
}
