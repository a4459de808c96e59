import type { AccountCode, AccountId, Side } from "@mall/domain/ledger/Account"
import type { Leg, NewTransfer, Purpose, TransferId, TransferType } from "@mall/domain/ledger/Transfer"

/** The four sums of an account, in minor units. */
export interface Sums {
  readonly debitsPending: number
  readonly debitsPosted: number
  readonly creditsPending: number
  readonly creditsPosted: number
}

/** A shard of an account as it was read under its lock. */
export interface ShardState extends Sums {
  readonly accountId: AccountId
  readonly account: AccountCode
  readonly shard: number
  readonly normalSide: Side
  readonly isGuarded: boolean
  readonly isClosed: boolean
  readonly isFrozen: boolean
  readonly version: number
}

/** Transfers that are posted together or not at all, in this order; `isFact` ones have happened and ignore a closing and a freeze. */
export interface Chain {
  readonly transfers: ReadonlyArray<NewTransfer>
  readonly isFact: boolean
}

export type Ending = "posted" | "voided" | "expired"

export const endingOf: Readonly<Record<"post" | "void" | "expire", Ending>> = {
  post: "posted",
  void: "voided",
  expire: "expired"
}

/** A pending transfer that exists. */
export interface PendingState {
  readonly legs: ReadonlyArray<Leg>
  readonly expiresAt: Date | null
  readonly outcome: Ending | null
}

/** The row of a transfer. */
export interface TransferDraft {
  readonly id: TransferId
  readonly type: TransferType
  readonly pendingId: TransferId | null
  readonly purpose: Purpose
  readonly subject: string | null
  readonly linkedTo: TransferId | null
  readonly expiresAt: Date | null
  readonly inputHash: string
  readonly actor: string
  readonly reason: string
  readonly traceId: string | null
}

/** The row of an entry: what is added, and the shard after it. */
export interface EntryDraft extends Sums {
  readonly transferId: TransferId
  readonly accountId: AccountId
  readonly shard: number
  readonly version: number
  readonly after: Sums
}
