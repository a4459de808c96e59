import { Schema } from "effect"
import { Currency } from "./Currency.ts"
import { Problem } from "./Problem.ts"

/**
 * A whole number of minor units (cents, yen, fils, satoshi), exact up to ±(2^53 − 1): a JSON number on the wire, a
 * PostgreSQL `bigint` in the table. Anything larger or fractional is refused at the edge.
 */
export const MinorUnits = Schema.Int.check(
  Schema.isBetween({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })
).pipe(Schema.brand("MinorUnits"), Schema.annotate({ identifier: "MinorUnits" }))
export type MinorUnits = typeof MinorUnits.Type

/** Amounts of two currencies were combined. Always a mistake of the caller: there is no implicit exchange. */
export class CurrencyMismatch extends Problem<CurrencyMismatch>()("CurrencyMismatch", {
  status: 422,
  title: "The amounts are of different currencies",
  fields: { expected: Currency, actual: Currency },
  detail: ({ expected, actual }) => `Expected ${expected}, got ${actual}`
}) {}

/** A sum or a product passed 2^53 − 1 minor units: it is refused, never rounded. */
export class AmountOverflow extends Schema.TaggedError<AmountOverflow>()("AmountOverflow", {}) {
  override get message() {
    return "The amount is beyond what can be represented exactly"
  }
}

/** An amount of one currency, in minor units. Arithmetic between currencies throws `CurrencyMismatch`. */
export class Money extends Schema.Class<Money>("Money")({
  amount: MinorUnits,
  currency: Currency
}) {
  static zero(currency: Currency) {
    return new Money({ amount: MinorUnits.make(0), currency })
  }

  static of(amount: number, currency: Currency) {
    if (!Number.isSafeInteger(amount)) throw new AmountOverflow()
    return new Money({ amount: MinorUnits.make(amount), currency })
  }

  /** The sum of all, which are of one currency. */
  static sum(currency: Currency, all: Iterable<Money>) {
    let total = Money.zero(currency)
    for (const money of all) total = total.plus(money)
    return total
  }

  plus(that: Money) {
    return Money.of(this.amount + this.assertSame(that).amount, this.currency)
  }

  minus(that: Money) {
    return Money.of(this.amount - this.assertSame(that).amount, this.currency)
  }

  /** `count` whole pieces of this price. */
  times(count: number) {
    return Money.of(this.amount * count, this.currency)
  }

  negated() {
    return Money.of(this.amount === 0 ? 0 : -this.amount, this.currency)
  }

  equals(that: Money) {
    return this.currency === that.currency && this.amount === that.amount
  }

  isAbove(that: Money) {
    return this.amount > this.assertSame(that).amount
  }

  private assertSame(that: Money) {
    if (that.currency !== this.currency) {
      throw new CurrencyMismatch({ expected: this.currency, actual: that.currency })
    }
    return that
  }
}

/** A price or a payment: more than nothing. */
export const PositiveMoney = Money.check(
  Schema.makeFilter((money: Money) => money.amount > 0 || "the amount must be above zero")
)
