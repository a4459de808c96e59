/** Characters of an IBAN by country, as the registry of ISO 13616 has them. */
const ibanLengths: Readonly<Record<string, number>> = {
  ...{ AD: 24, AE: 23, AT: 20, BE: 16, BG: 22, BH: 22, BR: 29, CH: 21, CY: 28, CZ: 24, DE: 22, DK: 18, EE: 20, EG: 29 },
  ...{ ES: 24, FI: 18, FR: 27, GB: 22, GR: 27, HR: 21, HU: 28, IE: 22, IL: 23, IS: 26, IT: 27, JO: 30, KW: 30, KZ: 20 },
  ...{ LI: 21, LT: 20, LU: 20, LV: 21, MC: 27, MT: 31, NL: 18, NO: 15, PK: 24, PL: 28, PT: 25, QA: 29, RO: 24, RS: 22 },
  ...{ SA: 24, SE: 24, SI: 19, SK: 24, SM: 27, TN: 24, TR: 26, UA: 29 }
}

const digitsOf = (text: string) => Array.from(text, (character) => parseInt(character, 36)).join("")

/** Whether it is an IBAN of the country: its length and its two check digits (ISO 7064, modulo 97). */
export const isIban = (text: string, country: string) =>
  /^[A-Z]{2}\d{2}[A-Z0-9]+$/.test(text) &&
  text.startsWith(country) &&
  text.length === ibanLengths[country] &&
  BigInt(digitsOf(`${text.slice(4)}${text.slice(0, 4)}`)) % 97n === 1n

/** The check digit of card numbers (ISO/IEC 7812). */
export const hasLuhnDigit = (digits: string) => {
  let sum = 0
  for (const [index, digit] of Array.from(digits).toReversed().entries()) {
    const value = Number(digit) * (index % 2 === 1 ? 2 : 1)
    sum += value > 9 ? value - 9 : value
  }
  return sum % 10 === 0
}

/** A Chinese bank card: 16 to 19 digits that end with their check digit. */
const isChineseCard = (text: string) => /^\d{16,19}$/.test(text) && hasLuhnDigit(text)

/** The number of the branch in the clearing system of China (CNAPS). */
const isCnaps = (text: string) => /^\d{12}$/.test(text)

const isBic = (text: string) => /^[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$/.test(text)

/** Numbers as people write them, in groups. */
export const withoutSpaces = (text: string) => text.replaceAll(/[\s-]/g, "").toUpperCase()

/** A bank account as it was given. */
export interface BankAccount {
  readonly country: string
  readonly number: string
  readonly bankCode: string | null
  readonly bic: string | null
}

/** The names of the fields that are missing or cannot be right: none of a good account. */
export const faultsOf = ({ bankCode, bic, country, number }: BankAccount): ReadonlyArray<string> => {
  const isChinese = country === "CN"
  const plain = withoutSpaces(number)
  return [
    ...(isChinese || ibanLengths[country] !== undefined ? [] : ["country"]),
    ...((isChinese ? isChineseCard(plain) : isIban(plain, country)) ? [] : ["number"]),
    ...((isChinese ? isCnaps(bankCode ?? "") : bankCode === null) ? [] : ["bankCode"]),
    ...(bic === null || isBic(bic) ? [] : ["bic"])
  ]
}
