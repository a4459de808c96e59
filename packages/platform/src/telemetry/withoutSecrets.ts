import { isCardNumber, maskCardNumbers } from "./cardNumbers.ts"
import type { Schema } from "effect"

/** Names of what opens a door, and of who somebody is, in the words of the channels and in ours. */
const withheld =
  /passw|secret|token|authorization|cookie|api-?key|private|(^|_)key$|certificate|(^|_)sign(ature)?$|paysign|cvc|cvv|\bpan\b|card_?(no|num)|card\]\[|account_?no|e-?mail|phone|mobile|open_?id|logon|user_?id|full_?name|given_?name|surname|shipping|billing|birth|national/i

/** Keys and passwords that stand in a text of another name. */
const inText = /-----BEGIN[\s\S]*?(?:-----END[^-]*-----|$)|\bbearer\s+[\w.~+/=-]+|(?<=:\/\/)[^/@\s]+(?=@)/gi

const longestText = 2_000
const mostItems = 100
const deepest = 8
/** Values of one body; beyond that it says no more. */
const mostValues = 1_000

const omitted = "<omitted>"

/** As it may be kept: no card number, no key, nothing that PostgreSQL refuses in JSON. */
const cleanText = (text: string) => {
  const short = text.length > longestText ? `${text.slice(0, longestText)}… (${text.length} characters)` : text
  return maskCardNumbers(short.replace(inText, "<redacted>").replaceAll("\0", "").toWellFormed())
}

const isPlain = (value: object): value is Readonly<Record<string, unknown>> => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * What was sent or received as JSON that may be kept: secrets, personal data and card numbers are left out, whatever the
 * depth, and what is too long or too deep is cut. Numbers keep their value, but for card numbers. `mask` may say of a field
 * by its name what is kept of it instead.
 */
export const withoutSecrets = (
  body: unknown,
  mask: (name: string, value: unknown) => string | undefined = () => undefined
): Schema.Json => {
  let values = 0
  const clean = (value: unknown, depth: number): Schema.Json => {
    values += 1
    if (values > mostValues || depth > deepest) return omitted
    switch (typeof value) {
      case "string":
        return cleanText(value)
      case "boolean":
        return value
      case "number":
        if (!Number.isFinite(value)) return String(value)
        return isCardNumber(String(value)) ? maskCardNumbers(String(value)) : value
      case "bigint":
        return cleanText(String(value))
      case "object":
        if (value === null) return null
        if (Array.isArray(value)) return value.slice(0, mostItems).map((item) => clean(item, depth + 1))
        if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
        return isPlain(value) ? cleanRecord(value, depth) : omitted
      default:
        return null
    }
  }
  const cleanRecord = (record: Readonly<Record<string, unknown>>, depth: number): Schema.Json =>
    Object.fromEntries(
      Object.entries(record)
        .filter(([, value]) => value !== undefined && typeof value !== "function")
        .slice(0, mostItems)
        .map(([name, value]) => [
          cleanText(name),
          mask(name, value) ?? (withheld.test(name) ? "<redacted>" : clean(value, depth + 1))
        ])
    )
  return clean(body, 0)
}
