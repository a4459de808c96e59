/** At most what 2^53 − 1 can hold in minor units. */
const pattern = /^(-?)(\d{1,13})(?:\.(\d{1,8}))?$/

/**
 * An amount in major units, such as `12.30`, in minor units; undefined where it is none, or has a part that is smaller than the
 * minor unit: nothing is rounded.
 */
export const minorUnitsOf = (text: string, digits: number): number | undefined => {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const [, sign = "", whole = "", fraction = ""] = match
  const rest = fraction.slice(digits)
  if (/[^0]/.test(rest)) return undefined
  const amount = Number(whole + fraction.slice(0, digits).padEnd(digits, "0"))
  if (!Number.isSafeInteger(amount)) return undefined
  return sign === "-" && amount !== 0 ? -amount : amount
}
