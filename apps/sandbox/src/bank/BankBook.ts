import { Currency } from "@mall/domain/kernel/Currency"
import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { ActionRefused, ReferenceUnknown } from "../Channel.ts"
import { Journal } from "../Journal.ts"

const Transfer = Schema.Struct({
  /** The customer's number: the same again is the same transfer. */
  id: Schema.String,
  batch: Schema.NullOr(Schema.String),
  bankReference: Schema.String,
  amount: Schema.Int,
  currency: Currency,
  name: Schema.String,
  account: Schema.String,
  status: Schema.Literals(["accepted", "executed", "rejected", "returned"]),
  reason: Schema.NullOr(Schema.String),
  at: Schema.String
})
export type Transfer = typeof Transfer.Type

/** What is booked on the customer's account: a transfer that was paid, or one that came back. */
const Booking = Schema.Struct({
  sequence: Schema.Int,
  id: Schema.String,
  status: Schema.Literals(["executed", "returned"]),
  reason: Schema.NullOr(Schema.String)
})
type Booking = typeof Booking.Type

/** How transfers go that come from now on: `hold` leaves them accepted, until somebody decides. */
export const BankMode = Schema.Literals(["execute", "hold", "reject"])
type BankMode = typeof BankMode.Type

export const BankAct = Schema.Literals(["execute", "reject", "return"])
type BankAct = typeof BankAct.Type

type NewTransfer = Pick<Transfer, "account" | "amount" | "batch" | "currency" | "id" | "name">

const acts = {
  execute: { from: "accepted", to: "executed", reason: null },
  reject: { from: "accepted", to: "rejected", reason: "AC04" },
  return: { from: "executed", to: "returned", reason: "AC01" }
} as const

/** The bank's own books: transfers, and what they did to the customer's account. */
export class BankBook extends Context.Service<
  BankBook,
  {
    /** The same number again answers with what there is. */
    submit(transfer: NewTransfer): Effect.Effect<Transfer>
    find(id: string): Option.Option<Transfer>
    /** Newest first. */
    readonly transfers: Effect.Effect<ReadonlyArray<Transfer>>
    ofBatch(batch: string): ReadonlyArray<Transfer>
    /** Whether a file of this number came. */
    hasBatch(batch: string): boolean
    bookings(after: number): ReadonlyArray<Booking & { readonly transfer: Transfer }>
    act(id: string, act: BankAct): Effect.Effect<Transfer, ReferenceUnknown | ActionRefused>
    setMode(mode: BankMode): Effect.Effect<void>
    readonly clear: Effect.Effect<void>
  }
>()("@mall/sandbox/bank/BankBook") {
  static readonly layer = Layer.effect(
    BankBook,
    Effect.gen(function* () {
      const journal = yield* Journal
      const transfers = yield* journal.open("bank/transfers", { schema: Transfer, key: ({ id }) => id })
      const bookings = yield* journal.open("bank/bookings", {
        schema: Booking,
        key: ({ sequence }) => String(sequence)
      })
      const batches = yield* journal.open("bank/batches", {
        schema: Schema.Struct({ batch: Schema.String, id: Schema.String }),
        key: ({ batch, id }) => `${batch} ${id}`
      })
      let mode: BankMode = "execute"

      const book = Effect.fnUntraced(function* (transfer: Transfer) {
        yield* transfers.set(transfer)
        const { id, reason, status } = transfer
        if (status === "executed" || status === "returned") {
          yield* bookings.set({ sequence: bookings.values().length + 1, id, status, reason })
        }
        return transfer
      })

      const act = Effect.fnUntraced(function* (id: string, what: BankAct) {
        const found = transfers.get(id)
        if (found === undefined) return yield* new ReferenceUnknown({ reference: id })
        const { from, reason, to } = acts[what]
        if (found.status !== from) return yield* new ActionRefused({ reason: `The transfer is ${found.status}` })
        return yield* book({ ...found, status: to, reason })
      })

      return BankBook.of({
        submit: Effect.fnUntraced(function* (wanted) {
          if (wanted.batch !== null) yield* batches.set({ batch: wanted.batch, id: wanted.id })
          const found = transfers.get(wanted.id)
          if (found !== undefined) return found
          const at = DateTime.formatIso(yield* DateTime.now)
          const bankReference = `SB${String(transfers.values().length + 1).padStart(10, "0")}`
          const accepted = { ...wanted, bankReference, status: "accepted" as const, reason: null, at }
          yield* transfers.set(accepted)
          if (mode === "hold") return accepted
          return yield* Effect.orDie(act(wanted.id, mode))
        }),
        find: (id) => Option.fromUndefinedOr(transfers.get(id)),
        transfers: Effect.sync(() => transfers.values().toReversed()),
        ofBatch: (batch) =>
          batches
            .values()
            .filter((entry) => entry.batch === batch)
            .flatMap(({ id }) => transfers.get(id) ?? []),
        hasBatch: (batch) => batches.values().some((entry) => entry.batch === batch),
        bookings: (after) =>
          bookings.values().flatMap((booking) => {
            const transfer = transfers.get(booking.id)
            return booking.sequence <= after || transfer === undefined ? [] : [{ ...booking, transfer }]
          }),
        act,
        setMode: (next) =>
          Effect.sync(() => {
            mode = next
          }),
        clear: Effect.gen(function* () {
          mode = "execute"
          yield* transfers.clear
          yield* bookings.clear
          yield* batches.clear
        })
      })
    })
  )
}
