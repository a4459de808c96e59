import { Currency, formatMajor, parseMajor } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import type { Money } from "@mall/domain/kernel/Money"
import { Option, Schema } from "effect"

export const paypalCurrencies: ReadonlySet<Currency> = new Set<Currency>([
  ...(["AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN"] as const),
  ...(["MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD"] as const)
])

/** PayPal takes no decimals of these, though ISO 4217 has two. */
const whole: ReadonlySet<Currency> = new Set<Currency>(["HUF", "TWD"])

/** As PayPal writes amounts. */
export const PaypalMoney = Schema.Struct({ currency_code: Schema.String, value: Schema.String })

const decodeCurrency = Schema.decodeUnknownOption(Currency)
const decodeMinorUnits = Schema.decodeUnknownOption(MinorUnits)

/** None where PayPal cannot express the amount. */
export const toPaypalMoney = ({ amount, currency }: Money): Option.Option<typeof PaypalMoney.Type> =>
  whole.has(currency)
    ? amount % 100 === 0
      ? Option.some({ currency_code: currency, value: String(amount / 100) })
      : Option.none()
    : Option.some({ currency_code: currency, value: formatMajor(amount, currency) })

export const fromPaypalMoney = ({ currency_code, value }: typeof PaypalMoney.Type) =>
  Option.gen(function* () {
    const currency = yield* decodeCurrency(currency_code)
    return { amount: yield* decodeMinorUnits(parseMajor(value, currency)), currency }
  })
