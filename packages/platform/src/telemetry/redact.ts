import { isCardNumber, maskCardNumbers } from "./cardNumbers.ts"

const secret = /passw|secret|token|ticket|authorization|cookie|api-?key|private|^code$|^totp$|address|phone|email/i

/** Keeps what must not be logged or exported out of the value of `key`: what secrets are called, and card numbers. */
export const redact = (key: string, value: unknown): unknown => {
  if (key !== "" && secret.test(key)) return "<redacted>"
  if (typeof value === "string") return maskCardNumbers(value)
  if (typeof value === "bigint") return maskCardNumbers(value.toString())
  if (typeof value === "number" && isCardNumber(String(value))) return maskCardNumbers(String(value))
  if (value instanceof Error) return maskCardNumbers(value.message)
  return value
}
