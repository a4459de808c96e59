import { Journal } from "@mall/domain/ledger/Journal"
import type { Posting } from "@mall/domain/ledger/Journal"
import { Context, Effect, Layer } from "effect"

const holds = new Set(["capture", "surplus_capture", "refund", "surplus_refund"])

/** The books as a list, for tests of payments; like the ledger it takes an id once, and only what adds up. */
export class JournalMemory extends Context.Service<
  JournalMemory,
  {
    /** In the order in which they came, also those of transactions that were run again. */
    readonly postings: ReadonlyArray<Posting>
  }
>()("@mall/payments/test/JournalMemory") {
  static readonly layer = Layer.effectContext(
    Effect.sync(() => {
      const byId = new Map<string, Posting>()
      const record = (posting: Posting) => {
        const sum = posting.legs.reduce((total, { amount, side }) => total + (side === "debit" ? amount : -amount), 0)
        const known = byId.get(posting.id)
        if (sum !== 0) throw new Error(`The legs of ${posting.id} differ by ${sum}`)
        if (known !== undefined && JSON.stringify(known.legs) !== JSON.stringify(posting.legs)) {
          throw new Error(`The id ${posting.id} was used for another posting`)
        }
        byId.set(posting.id, known ?? posting)
      }
      const heldBy = (subject: string) =>
        [...byId.values()]
          .filter((posting) => posting.subject === subject && holds.has(posting.purpose))
          .flatMap(({ legs }) => legs)
          .filter(({ account }) => account.includes(":clearing:"))
          .reduce((total, { amount, side }) => total + (side === "debit" ? amount : -amount), 0)
      const journal = Journal.of({
        record: (postings) => Effect.sync(() => postings.forEach(record)),
        held: (subjects) => Effect.sync(() => new Map(subjects.map((subject) => [subject, heldBy(subject)])))
      })
      const memory = JournalMemory.of({
        get postings() {
          return [...byId.values()]
        }
      })
      return Context.make(Journal, journal).pipe(Context.add(JournalMemory, memory))
    })
  )
}
