import type { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import type { Money } from "@mall/domain/kernel/Money"
import { Option, Schema } from "effect"

/** What merchants may charge at Stripe, of the currencies that we know. */
export const stripeCurrencies: ReadonlySet<Currency> = new Set<Currency>([
  ...([
    "AED",
    "ARS",
    "AUD",
    "BDT",
    "BHD",
    "BRL",
    "CAD",
    "CHF",
    "CLP",
    "CNY",
    "COP",
    "CZK",
    "DKK",
    "EGP",
    "EUR"
  ] as const),
  ...([
    "GBP",
    "HKD",
    "HUF",
    "IDR",
    "ILS",
    "INR",
    "ISK",
    "JOD",
    "JPY",
    "KES",
    "KRW",
    "KWD",
    "MAD",
    "MOP",
    "MXN"
  ] as const),
  ...([
    "MYR",
    "NGN",
    "NOK",
    "NZD",
    "OMR",
    "PEN",
    "PHP",
    "PKR",
    "PLN",
    "QAR",
    "RON",
    "SAR",
    "SEK",
    "SGD",
    "THB"
  ] as const),
  ...(["TND", "TRY", "TWD", "UAH", "USD", "VND", "ZAR"] as const)
])

/** Written with two decimals, which are zero, though ISO 4217 gives the currency none. */
const twoDecimals: ReadonlySet<Currency> = new Set<Currency>(["ISK"])
/** Written with three decimals, of which the last is zero. */
const tens: ReadonlySet<Currency> = new Set<Currency>(["BHD", "JOD", "KWD", "OMR", "TND"])

const decode = Schema.decodeUnknownOption(MinorUnits)

/** Our minor units as Stripe counts them; none where Stripe cannot express the amount. */
export const toStripeAmount = ({ amount, currency }: Money): Option.Option<number> =>
  twoDecimals.has(currency)
    ? Option.some(amount * 100)
    : tens.has(currency) && amount % 10 !== 0
      ? Option.none()
      : Option.some(amount)

export const fromStripeAmount = (amount: number, currency: Currency): Option.Option<MinorUnits> =>
  decode(twoDecimals.has(currency) ? amount / 100 : amount)
