import type { AccountCode, Side } from "@mall/domain/ledger/Account"
import { parseAccountCode } from "@mall/domain/ledger/Account"
import type { PostRefused } from "@mall/domain/ledger/LedgerError"
import {
  AccountClosed,
  AccountFrozen,
  AccountOverdrawn,
  BalanceTooLarge,
  PendingTransferNotFound,
  PendingTransferOver,
  TransferIdReused,
  TransferMalformed
} from "@mall/domain/ledger/LedgerError"
import type { Leg, NewTransfer, TransferId } from "@mall/domain/ledger/Transfer"
import { Result } from "effect"
import { endingOf } from "./Draft.ts"
import type { Chain, EntryDraft, PendingState, ShardState, Sums, TransferDraft } from "./Draft.ts"
import { hashOf } from "./hashOf.ts"

/** What was read under the locks. `hashes` are those of the transfers that exist. */
export interface Books {
  /** By `placeOf`: the shard, as `shards` names it. */
  readonly places: ReadonlyMap<string, string>
  readonly shards: Map<string, ShardState>
  readonly hashes: Map<TransferId, string>
  readonly pending: Map<TransferId, PendingState>
}

export const keyOf = ({ accountId, shard }: Pick<ShardState, "accountId" | "shard">) => `${accountId}/${shard}`

/** The shard that a transfer of this type moves: what is held by one transfer has to be let go of by another. */
export const placeOf = (type: NewTransfer["type"], account: AccountCode) =>
  `${account}/${type === "single" ? "own" : "first"}`

const bySide = (side: Side, pending: number, posted: number): Sums =>
  side === "debit"
    ? { debitsPending: pending, debitsPosted: posted, creditsPending: 0, creditsPosted: 0 }
    : { debitsPending: 0, debitsPosted: 0, creditsPending: pending, creditsPosted: posted }

const plus = (a: Sums, b: Sums): Sums => ({
  debitsPending: a.debitsPending + b.debitsPending,
  debitsPosted: a.debitsPosted + b.debitsPosted,
  creditsPending: a.creditsPending + b.creditsPending,
  creditsPosted: a.creditsPosted + b.creditsPosted
})

const isOverdrawn = ({ isGuarded, normalSide }: ShardState, after: Sums) =>
  isGuarded &&
  (normalSide === "credit"
    ? after.debitsPending + after.debitsPosted > after.creditsPosted
    : after.creditsPending + after.creditsPosted > after.debitsPosted)

const faultOf = (legs: ReadonlyArray<Leg>): string | undefined => {
  if (legs.length < 2) return "a transfer has two legs at least"
  if (new Set(legs.map(({ account }) => account)).size < legs.length) return "an account comes twice"
  const sums = new Map<string, bigint>()
  for (const { account, amount, side } of legs) {
    const { currency } = parseAccountCode(account)
    sums.set(currency, (sums.get(currency) ?? 0n) + BigInt(side === "debit" ? amount : -amount))
  }
  const uneven = [...sums].find(([, sum]) => sum !== 0n)
  return uneven === undefined ? undefined : `debits and credits of ${uneven[0]} differ by ${uneven[1]}`
}

const excessOf = (legs: ReadonlyArray<Leg>, held: ReadonlyArray<Leg>): string | undefined => {
  const excess = legs.find(
    ({ account, amount, side }) =>
      !held.some((leg) => leg.account === account && leg.side === side && leg.amount >= amount)
  )
  return excess === undefined ? undefined : `more than is pending on ${excess.account}`
}

/** How the books stand in the middle of a chain: on top of what is certain, dropped where the chain is refused. */
class Scratch {
  readonly shards = new Map<string, ShardState>()
  readonly hashes = new Map<TransferId, string>()
  readonly pending = new Map<TransferId, PendingState>()
  readonly transfers: Array<TransferDraft> = []
  readonly entries: Array<EntryDraft> = []
  readonly #books: Books

  constructor(books: Books) {
    this.#books = books
  }

  hash(id: TransferId) {
    return this.hashes.get(id) ?? this.#books.hashes.get(id)
  }

  pendingOf(id: TransferId) {
    return this.pending.get(id) ?? this.#books.pending.get(id)
  }

  shard(place: string) {
    const key = this.#books.places.get(place) ?? ""
    const found = this.shards.get(key) ?? this.#books.shards.get(key)
    if (found === undefined) throw new Error(`The shard ${place} was not read`)
    return found
  }

  keep() {
    for (const [key, shard] of this.shards) this.#books.shards.set(key, shard)
    for (const [id, hash] of this.hashes) this.#books.hashes.set(id, hash)
    for (const [id, pending] of this.pending) this.#books.pending.set(id, pending)
  }
}

const add = (
  scratch: Scratch,
  transfer: NewTransfer,
  account: AccountCode,
  change: Sums,
  isBound: boolean
): PostRefused | undefined => {
  const shard = scratch.shard(placeOf(transfer.type, account))
  if (shard.isClosed && isBound) return new AccountClosed({ account })
  if (shard.isFrozen && isBound) return new AccountFrozen({ account })
  const after = plus(shard, change)
  if (!Object.values(after).every(Number.isSafeInteger)) return new BalanceTooLarge({ account })
  // what lets go of a hold, or pays in, is never an overdraft
  if (isOverdrawn(shard, after)) return new AccountOverdrawn({ account })
  const { accountId, shard: number, version } = shard
  scratch.shards.set(keyOf(shard), { ...shard, ...after, version: version + 1 })
  scratch.entries.push({ transferId: transfer.id, accountId, shard: number, version: version + 1, ...change, after })
  return undefined
}

const openPending = (
  scratch: Scratch,
  pendingId: TransferId,
  type: "post" | "void" | "expire",
  at: Date
): Result.Result<ReadonlyArray<Leg>, PendingTransferNotFound | PendingTransferOver> => {
  const held = scratch.pendingOf(pendingId)
  if (held === undefined) return Result.fail(new PendingTransferNotFound({ transferId: pendingId }))
  const isLate = type === "post" && held.expiresAt !== null && held.expiresAt <= at
  const outcome = held.outcome ?? (isLate ? "expired" : null)
  if (outcome !== null) return Result.fail(new PendingTransferOver({ transferId: pendingId, outcome }))
  scratch.pending.set(pendingId, { ...held, outcome: endingOf[type] })
  return Result.succeed(held.legs)
}

/** What a transfer changes of each account it touches, or why it may not. */
const changesOf = (
  scratch: Scratch,
  transfer: NewTransfer,
  at: Date
): Result.Result<ReadonlyArray<readonly [AccountCode, Sums]>, PostRefused> => {
  const malformed = (reason: string) => Result.fail(new TransferMalformed({ transferId: transfer.id, reason }))
  if (transfer.type === "single" || transfer.type === "pending") {
    const fault = faultOf(transfer.legs)
    if (fault !== undefined) return malformed(fault)
    const isPending = transfer.type === "pending"
    if (isPending) {
      scratch.pending.set(transfer.id, { legs: transfer.legs, expiresAt: transfer.expiresAt, outcome: null })
    }
    return Result.succeed(
      transfer.legs.map(({ account, amount, side }) => [
        account,
        isPending ? bySide(side, amount, 0) : bySide(side, 0, amount)
      ])
    )
  }
  const held = openPending(scratch, transfer.pendingId, transfer.type, at)
  if (Result.isFailure(held)) return Result.fail(held.failure)
  const posted = transfer.type === "post" ? (transfer.legs ?? held.success) : []
  const fault = posted.length === 0 ? undefined : (faultOf(posted) ?? excessOf(posted, held.success))
  if (fault !== undefined) return malformed(fault)
  return Result.succeed(
    held.success.map(({ account, amount, side }) => [
      account,
      bySide(side, -amount, posted.find((leg) => leg.account === account)?.amount ?? 0)
    ])
  )
}

const draftOf = (transfer: NewTransfer, linkedTo: TransferId | null, inputHash: string): TransferDraft => ({
  id: transfer.id,
  type: transfer.type,
  pendingId: "pendingId" in transfer ? transfer.pendingId : null,
  purpose: transfer.purpose,
  subject: transfer.subject,
  linkedTo,
  expiresAt: transfer.type === "pending" ? transfer.expiresAt : null,
  inputHash,
  actor: transfer.actor,
  reason: transfer.reason,
  traceId: transfer.traceId
})

/** `isNew` is false where all of it was posted before. */
export interface Decided {
  readonly isNew: boolean
  readonly transfers: ReadonlyArray<TransferDraft>
  readonly entries: ReadonlyArray<EntryDraft>
}

/**
 * Decides a chain on top of the books, which it changes only where the chain is not refused. A transfer that exists with the
 * same content is passed over, so that a chain that was posted before changes nothing.
 */
export const decide = (books: Books, { isFact, transfers }: Chain, at: Date): Result.Result<Decided, PostRefused> => {
  const scratch = new Scratch(books)
  const linkedTo = transfers.length > 1 ? (transfers[0]?.id ?? null) : null
  for (const transfer of transfers) {
    const hash = hashOf(transfer, linkedTo)
    const known = scratch.hash(transfer.id)
    if (known !== undefined && known !== hash) return Result.fail(new TransferIdReused({ transferId: transfer.id }))
    if (known !== undefined) continue
    const changes = changesOf(scratch, transfer, at)
    if (Result.isFailure(changes)) return Result.fail(changes.failure)
    const isBound = !isFact && (transfer.type === "single" || transfer.type === "pending")
    for (const [account, change] of changes.success) {
      const refusal = add(scratch, transfer, account, change, isBound)
      if (refusal !== undefined) return Result.fail(refusal)
    }
    scratch.hashes.set(transfer.id, hash)
    scratch.transfers.push(draftOf(transfer, linkedTo, hash))
  }
  scratch.keep()
  return Result.succeed({
    isNew: scratch.transfers.length > 0,
    transfers: scratch.transfers,
    entries: scratch.entries
  })
}
