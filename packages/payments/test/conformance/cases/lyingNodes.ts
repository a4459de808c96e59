import { assert } from "@effect/vitest"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { Effect } from "effect"
import { Bench } from "../Bench.ts"
import type { Case } from "../Case.ts"
import { handNear } from "../chainHand.ts"
import { anOffer, awaitPaid, look } from "../steps.ts"
import type { Offer } from "../steps.ts"
import { readBooks } from "../truth.ts"

/** More than a transfer has to be deep. */
const deep = 12

/** The try is open, and so much of it came. */
const assertOpen = Effect.fnUntraced(function* ({ attemptId, id }: Offer, received: number) {
  const { attempts, intent } = (yield* readBooks(id)).record
  const attempt = attempts.find((one) => one.id === attemptId)
  assert.deepStrictEqual([intent.captured, attempt?.received, attempt?.status], [0, received, "processing"])
})

/**
 * Of `sent`, our node tells `what`, and the witness the truth: no more than `believed` came, however we learn of it, until both tell
 * the same.
 */
const lies = (what: "amount" | "invention" | "omission", sent: number, believed: number): Case =>
  Effect.gen(function* () {
    const { fault } = yield* Bench
    const gateway = yield* PaymentGateway
    const offer = yield* anOffer()
    const hand = yield* handNear(offer)
    yield* hand.send(sent)
    yield* hand.mine(deep)
    yield* fault("query", { kind: "tamper", what })
    yield* look
    yield* assertOpen(offer, believed)
    yield* fault("query", { kind: "tamper", what })
    assert.strictEqual((yield* Effect.flip(gateway.settle(offer.id)))._tag, "PaymentUndecided")
    yield* assertOpen(offer, believed)
    // nobody asks about the try any more: the look has not gone on behind what it did not believe
    if (sent < 5000) yield* hand.send(5000 - sent)
    yield* hand.mine(deep)
    yield* awaitPaid(offer.id, "the payment")
    return { payments: [offer.id], events: { chain_nodes_differ: "any number" } }
  })

/** What only a second node can know. */
export const lyingNodes: Readonly<Record<string, Case>> = {
  "a node that tells of another amount than its witness": lies("amount", 2500, 0),
  "a node that invents a transfer of which its witness does not tell": lies("invention", 2500, 2500),
  "a node that hides a transfer of which its witness tells": lies("omission", 5000, 0)
}
