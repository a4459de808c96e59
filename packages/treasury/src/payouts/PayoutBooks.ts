import { Journal } from "@mall/domain/ledger/Journal"
import type { PostRefused } from "@mall/domain/ledger/LedgerError"
import { payout, payoutReturn } from "@mall/domain/ledger/payoutPostings"
import { TransferId } from "@mall/domain/ledger/Transfer"
import type { NewTransfer } from "@mall/domain/ledger/Transfer"
import { Transfers } from "@mall/domain/ledger/Transfers"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Act } from "./Act.ts"
import { moneyOf } from "./PayoutRepo.ts"
import type { PayoutRow } from "./PayoutRepo.ts"

/** What the books say of pay-outs. Each joins the ambient transaction, and is the last in it that waits for a lock. */
export class PayoutBooks extends Context.Service<
  PayoutBooks,
  {
    /** Holds the money, so that nothing else can be done with it. */
    hold(row: PayoutRow, act: Act): Effect.Effect<void, PostRefused | SqlError>
    /** The bank has paid it. */
    settle(row: PayoutRow, act: Act): Effect.Effect<void, SqlError>
    /** It will not be paid. */
    release(row: PayoutRow, act: Act): Effect.Effect<void, SqlError>
    /** It was paid, and came back. */
    takeBack(row: PayoutRow, act: Act): Effect.Effect<void, SqlError>
  }
>()("@mall/treasury/payouts/PayoutBooks") {
  static readonly layerNoDeps = Layer.effect(
    PayoutBooks,
    Effect.gen(function* () {
      const journal = yield* Journal
      const transfers = yield* Transfers
      const said = ({ id }: PayoutRow, { actor, reason, traceId }: Act) => ({ subject: id, actor, reason, traceId })
      /** What was held is there, whatever else happens on the account. */
      const certainly = (transfer: NewTransfer): Effect.Effect<void, SqlError> =>
        Effect.catchTags(transfers.post([transfer]), {
          ...{ AccountClosed: Effect.die, AccountFrozen: Effect.die, AccountOverdrawn: Effect.die },
          ...{ BalanceTooLarge: Effect.die },
          ...{ PendingTransferNotFound: Effect.die, PendingTransferOver: Effect.die },
          ...{ TransferIdReused: Effect.die, TransferMalformed: Effect.die }
        })
      const pendingOf = ({ id }: PayoutRow) => TransferId.make(id)

      return PayoutBooks.of({
        hold: (row, act) =>
          transfers.post([
            {
              ...said(row, act),
              ...{ type: "pending", id: pendingOf(row), purpose: "payout", expiresAt: null },
              legs: payout(row, moneyOf(row))
            }
          ]),
        settle: (row, act) =>
          certainly({
            ...said(row, act),
            ...{ type: "post", id: row.endTransferId, purpose: "payout", pendingId: pendingOf(row), legs: null }
          }),
        release: (row, act) =>
          certainly({
            ...said(row, act),
            ...{ type: "void", id: row.endTransferId, purpose: "payout", pendingId: pendingOf(row) }
          }),
        // it has happened: neither a freeze nor a closing refuses it
        takeBack: (row, act) =>
          journal.record([
            {
              ...said(row, act),
              ...{ id: row.returnTransferId, purpose: "payout_return", legs: payoutReturn(row, moneyOf(row)) }
            }
          ])
      })
    })
  )
}
