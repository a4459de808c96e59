import { Effect, Option } from "effect"
import type { ChannelError } from "../ChannelError.ts"
import type { Block, Transfer } from "./ChainReader.ts"
import * as ChainReader from "./ChainReader.ts"
import { compareTransfers, keyOf } from "./compareTransfers.ts"
import type { Difference, Testimony } from "./compareTransfers.ts"
import type { CryptoDeposits } from "./CryptoDeposits.ts"
import type { CryptoSettings } from "./CryptoConfig.ts"
import { readTransfers } from "./readTransfers.ts"

/** What is to be thought of the transfers of some blocks after the witnesses were heard. */
export interface Hearing {
  /** What may be kept. */
  readonly believed: ReadonlyArray<Transfer>
  /** What our node and a witness do not agree about, of those that a witness is needed for. Nothing of it may be kept. */
  readonly differences: ReadonlyArray<Difference>
  /** Up to this block there is nothing that has to be heard again. */
  readonly agreedTo: number
  /** How many blocks a witness cannot speak of yet. */
  readonly behind: number
  /** A witness did not answer. */
  readonly isAway: boolean
}

/**
 * Other nodes of the same chain, of somebody else, that are asked for the same. What our node tells is believed where each of
 * them tells the same of the same block, as deep on its own chain. An address to which in all less came than
 * `CRYPTO_WITNESS_FROM` is believed without them. Without a witness everything is.
 */
export const make = Effect.fnUntraced(function* (settings: CryptoSettings, deposits: CryptoDeposits) {
  const { blockRange, confirmations, witnessFrom, witnessUrls } = settings
  // each has breakers of its own, by its name
  const witnesses = yield* Effect.forEach(witnessUrls, (url, index) =>
    Effect.map(
      ChainReader.make(settings, index === 0 ? "crypto_witness" : `crypto_witness_${index + 1}`, url),
      (reader) => ({ reader, witness: index + 1, read: readTransfers(reader, blockRange) })
    )
  )

  /** What each tells of these blocks; one that does not answer has nothing to tell. */
  const testimonies = (addresses: ReadonlyArray<string>, from: number, to: number) =>
    Effect.forEach(
      witnesses,
      ({ read, reader, witness }) =>
        Effect.gen(function* () {
          const upTo = Math.min(to, (yield* reader.head) - confirmations + 1)
          const transfers = upTo < from ? [] : yield* read(addresses, from, upTo)
          return Option.some<Testimony>({ witness, upTo, transfers })
        }).pipe(
          Effect.catchTag("ChannelError", ({ reason }) =>
            Effect.as(
              Effect.logWarning("witness of the chain not heard").pipe(
                Effect.annotateLogs({ witness, code: reason.code })
              ),
              Option.none<Testimony>()
            )
          )
        ),
      { concurrency: "unbounded" }
    )

  /** The addresses among these to which too little came for a witness to be needed. */
  const smallOnes = Effect.fnUntraced(function* (transfers: ReadonlyArray<Transfer>) {
    if (witnessFrom === 0 || transfers.length === 0) return new Set<string>()
    const recipients = [...new Set(transfers.map(({ recipient }) => recipient))]
    const all = new Map<string, { readonly recipient: string; readonly amount: bigint }>()
    for (const one of [...(yield* deposits.cameTo(recipients)), ...transfers]) {
      // where nodes tell of two amounts the larger counts: who tells of too little is not to be believed for it
      if (one.amount > (all.get(keyOf(one))?.amount ?? 0n)) all.set(keyOf(one), one)
    }
    const sums = new Map<string, bigint>()
    for (const { amount, recipient } of all.values()) sums.set(recipient, (sums.get(recipient) ?? 0n) + amount)
    return new Set(recipients.filter((recipient) => (sums.get(recipient) ?? 0n) < BigInt(witnessFrom)))
  })

  /** Hears the witnesses about what our node `told` of blocks `from` to `to`. */
  const hear = Effect.fnUntraced(function* (
    addresses: ReadonlyArray<string>,
    from: number,
    to: number,
    told: ReadonlyArray<Transfer>
  ): Effect.fn.Return<Hearing, ChannelError> {
    if (witnesses.length === 0 || to < from)
      return { believed: told, differences: [], agreedTo: to, behind: 0, isAway: false }
    const answers = yield* testimonies(addresses, from, to)
    const heard = answers.map((answer, index) =>
      Option.getOrElse(answer, (): Testimony => ({ witness: index + 1, upTo: from - 1, transfers: [] }))
    )
    const { agreed, differences } = compareTransfers(told, heard)
    const small = yield* smallOnes([...told, ...differences.map(({ transfer }) => transfer)])
    const isSmall = ({ recipient }: Transfer) => small.has(recipient)
    const contested = differences.filter(({ transfer }) => !isSmall(transfer))
    const disputed = new Set(contested.map(({ transfer }) => keyOf(transfer)))
    const ours = told.filter((transfer) => isSmall(transfer) && !disputed.has(keyOf(transfer)))
    const spokenOf = Math.min(...heard.map(({ upTo }) => upTo))
    const upToDispute = contested.map(({ transfer }) => transfer.blockNumber - 1)
    return {
      believed: [...new Set([...agreed.filter((one) => !disputed.has(keyOf(one))), ...ours])],
      differences: contested,
      agreedTo: Math.max(from - 1, Math.min(spokenOf, ...upToDispute)),
      behind: to - spokenOf,
      isAway: answers.some(Option.isNone)
    }
  })

  return {
    hear,
    /**
     * What they say of a block that our node says is gone: `gone` where all of them do, `stands` where one still has it, else
     * `unheard`.
     */
    standingOf: ({ hash, number }: Pick<Block, "hash" | "number">) =>
      Effect.map(
        Effect.forEach(witnesses, ({ reader }) => Effect.option(reader.block(number))),
        (answers): "gone" | "stands" | "unheard" =>
          answers.some((answer) => Option.exists(answer, (block) => block.hash === hash))
            ? "stands"
            : answers.some(Option.isNone)
              ? "unheard"
              : "gone"
      ),
    /** What any of them tells of. */
    read: (addresses: ReadonlyArray<string>, from: number, to: number) =>
      Effect.map(
        Effect.forEach(witnesses, ({ read }) => read(addresses, from, to)),
        (all) => all.flat()
      )
  }
})

export type CryptoWitness = Effect.Success<ReturnType<typeof make>>
