import { minorUnitDigits } from "@mall/domain/kernel/Currency"
import type { Currency } from "@mall/domain/kernel/Currency"
import { Money } from "@mall/domain/kernel/Money"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { Channels } from "../../../src/channel/Channels.ts"
import { Bench } from "../Bench.ts"
import type { Case } from "../Case.ts"
import { anOffer, pay, refund, settle } from "../steps.ts"
import { readBooks } from "../truth.ts"

/** The currencies of the channel that have so many decimals. */
export const withDigits = Effect.fnUntraced(function* (digits: number) {
  const { profile } = yield* Bench
  const channel = yield* Effect.flatMap(Channels, (channels) => Effect.fromOption(channels.find(profile.id)))
  return [...channel.currencies].filter((currency) => minorUnitDigits[currency] === digits)
})

const paidIn = Effect.fnUntraced(function* (currency: Currency) {
  const { lastCreation, profile } = yield* Bench
  const amount = 12_340
  const offer = yield* anOffer({ amount, currency })
  assert.include(yield* lastCreation, profile.amountOnWire(Money.of(amount, currency)))
  yield* pay(offer.attemptId)
  yield* settle(offer.id)
  yield* refund(offer, 2_340)
  yield* settle(offer.id)
  const { captured, refunded } = (yield* readBooks(offer.id)).record.intent
  assert.deepStrictEqual([captured, refunded], [amount, 2_340])
  return offer.id
})

/** At most three of them: a channel may take dozens. */
const decimals = (digits: number): Case =>
  Effect.gen(function* () {
    const found = yield* withDigits(digits)
    assert.isAbove(found.length, 0, `the channel takes a currency of ${digits} decimals`)
    return { payments: yield* Effect.forEach(found.slice(0, 3), paidIn) }
  })

/** Currencies whose minor unit is not a hundredth. */
export const currencies = {
  "zero-decimal currency": decimals(0),
  "three-decimal currency": decimals(3)
} satisfies Readonly<Record<string, Case>>
