import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { Bench } from "../Bench.ts"
import type { Case } from "../Case.ts"
import { NoticeTap } from "../NoticeTap.ts"
import { lastNotice, resend } from "../sandboxNotices.ts"
import { aPayment, aSecretlyPaidPayment, awaitPaid, confirm, pay } from "../steps.ts"
import { readBooks } from "../truth.ts"

/** A notice that is sealed while the clocks disagree is refused, and the same one is taken once they agree. */
const notice = (whose: "ours" | "theirs"): Case =>
  Effect.gen(function* () {
    const { [whose]: wrong } = yield* Bench
    const tap = yield* NoticeTap
    const { id } = yield* aSecretlyPaidPayment
    yield* tap.taken
    const sent = yield* lastNotice
    yield* tap.release
    for (const by of ["1 hour", "-1 hours"] as const) {
      yield* wrong.shift(by)
      yield* resend(sent)
    }
    yield* wrong.shift(0)
    assert.strictEqual(yield* tap.refusals, 2)
    assert.strictEqual((yield* readBooks(id)).record.intent.captured, 0)
    yield* resend(sent)
    yield* awaitPaid(id, "the notice")
    return { payments: [id] }
  })

/** While the channel's clock is wrong its answers may be refused, but are never misread. */
const answersOfTheirs: Case = Effect.gen(function* () {
  const { theirs } = yield* Bench
  const gateway = yield* PaymentGateway
  const { id } = yield* aSecretlyPaidPayment
  for (const by of ["1 hour", "-1 hours"] as const) {
    yield* theirs.shift(by)
    yield* Effect.exit(gateway.settle(id))
    assert.include([0, 5000], (yield* readBooks(id)).record.intent.captured)
  }
  yield* theirs.shift(0)
  return { payments: [id] }
})

const ourPayment: Case = Effect.gen(function* () {
  const { ours } = yield* Bench
  const tap = yield* NoticeTap
  yield* tap.withhold
  const payee = yield* aPayment()
  yield* ours.shift("-1 hours")
  const { attempt } = yield* confirm(payee)
  yield* pay(attempt.id)
  yield* ours.shift(0)
  return { payments: [payee.id] }
})

/** Clocks that are an hour wrong. */
export const clocks = {
  "notice by a wrong clock of theirs": notice("theirs"),
  "notice by a wrong clock of ours": notice("ours"),
  "answers by a wrong clock of theirs": answersOfTheirs,
  "a payment by a slow clock of ours": ourPayment
} satisfies Readonly<Record<string, Case>>
