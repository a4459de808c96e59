import { Schema } from "effect"

/**
 * Decimal digits of each currency's minor unit: ISO 4217 for the fiat ones (not `Intl`, which differs from ISO for 29 of
 * them), the token's own scale for the crypto ones.
 */
export const minorUnitDigits = {
  AED: 2,
  ARS: 2,
  AUD: 2,
  BDT: 2,
  BHD: 3,
  BRL: 2,
  CAD: 2,
  CHF: 2,
  CLP: 0,
  CNY: 2,
  COP: 2,
  CZK: 2,
  DKK: 2,
  EGP: 2,
  EUR: 2,
  GBP: 2,
  HKD: 2,
  HUF: 2,
  IDR: 2,
  ILS: 2,
  INR: 2,
  ISK: 0,
  JOD: 3,
  JPY: 0,
  KES: 2,
  KRW: 0,
  KWD: 3,
  MAD: 2,
  MOP: 2,
  MXN: 2,
  MYR: 2,
  NGN: 2,
  NOK: 2,
  NZD: 2,
  OMR: 3,
  PEN: 2,
  PHP: 2,
  PKR: 2,
  PLN: 2,
  QAR: 2,
  RON: 2,
  SAR: 2,
  SEK: 2,
  SGD: 2,
  THB: 2,
  TND: 3,
  TRY: 2,
  TWD: 2,
  UAH: 2,
  USD: 2,
  VND: 0,
  ZAR: 2,
  BTC: 8,
  USDC: 6,
  USDT: 6
} as const

export type Currency = keyof typeof minorUnitDigits

export const currencies = Object.keys(minorUnitDigits) as ReadonlyArray<string> as readonly [
  Currency,
  ...Array<Currency>
]

/** A currency's code: ISO 4217, or a token's symbol. */
export const Currency = Schema.Literals(currencies).annotate({ identifier: "Currency" })

/**
 * The inverse of `formatMajor`: `19.99` and `19.9` of CNY as `1999` and `1990` minor units. Undefined for what is not a plain
 * amount with at most the currency's decimals, or beyond safe integers.
 */
export const parseMajor = (text: string, currency: Currency): number | undefined => {
  const match = /^(-?)(\d{1,16})(?:\.(\d+))?$/.exec(text)
  const [, sign = "", whole = "", fraction = ""] = match ?? []
  const digits = minorUnitDigits[currency]
  if (match === null || fraction.length > digits) return undefined
  const amount = Number(`${sign}${whole}${fraction.padEnd(digits, "0")}`)
  return Number.isSafeInteger(amount) ? amount : undefined
}

/** `1999` minor units of CNY as `19.99`; exact, with no grouping, for people and for channels that want major units. */
export const formatMajor = (amount: number, currency: Currency) => {
  const digits = minorUnitDigits[currency]
  const sign = amount < 0 ? "-" : ""
  const padded = String(Math.abs(amount)).padStart(digits + 1, "0")
  return digits === 0 ? `${sign}${padded}` : `${sign}${padded.slice(0, -digits)}.${padded.slice(-digits)}`
}
