import { Effect } from "effect"
import type { ChannelError } from "../ChannelError.ts"
import type { ChainReader, Transfer } from "./ChainReader.ts"

/** Addresses that one question about logs names. */
const addressesAtOnce = 500

/** Transfers to addresses, of a block to another, both included, in as many questions as it takes. */
export type ReadTransfers = (
  addresses: ReadonlyArray<string>,
  from: number,
  to: number
) => Effect.Effect<ReadonlyArray<Transfer>, ChannelError>

/** As `node` tells of them; a question covers at most `blockRange` blocks. */
export const readTransfers = (node: Pick<ChainReader, "transfers">, blockRange: number): ReadTransfers =>
  Effect.fnUntraced(function* (addresses, from, to) {
    const found: Array<Transfer> = []
    for (let start = from; start <= to; start += blockRange) {
      const end = Math.min(to, start + blockRange - 1)
      for (let at = 0; at < addresses.length; at += addressesAtOnce) {
        found.push(...(yield* node.transfers(addresses.slice(at, at + addressesAtOnce), start, end)))
      }
    }
    return found
  })
