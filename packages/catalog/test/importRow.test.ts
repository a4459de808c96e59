import { Currency, formatMajor } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import { parseMajor } from "../src/importRow.ts"

const Amount = MinorUnits.check(Schema.isGreaterThanOrEqualTo(0))

it.prop(
  "reads what is shown as the same amount, in every currency",
  { amount: Amount, currency: Currency },
  (price) => {
    assert.strictEqual(parseMajor(formatMajor(price.amount, price.currency), price.currency), price.amount)
  }
)

it("refuses a fraction that the currency does not have, and more than can be represented exactly", () => {
  assert.strictEqual(parseMajor("19.9", "CNY"), 1990)
  assert.strictEqual(parseMajor("19.900", "CNY"), 1990)
  assert.isUndefined(parseMajor("19.905", "CNY"))
  assert.isUndefined(parseMajor("1.5", "JPY"))
  assert.strictEqual(parseMajor("1.5", "KWD"), 1500)
  assert.isUndefined(parseMajor("90071992547409.92", "CNY"))
})
