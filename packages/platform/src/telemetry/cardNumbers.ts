/** The lengths and first digits that the networks give out. Times, order numbers and most ids have others. */
const issued =
  /^(?:4(?:\d{12}|\d{15}|\d{17}|\d{18})|3[04-9]\d{12,17}|2[2-7]\d{14,17}|[56]\d{12,18}|8[12]\d{14,17}|9792\d{12})$/

const longest = 19

/** The check digit of ISO/IEC 7812: every second digit from the right is doubled, and the sum ends in 0. */
const passesLuhn = (digits: string) => {
  let sum = 0
  for (let index = digits.length - 1, isDoubled = false; index >= 0; index--, isDoubled = !isDoubled) {
    const digit = digits.charCodeAt(index) - 48
    sum += isDoubled ? (digit > 4 ? 2 * digit - 9 : 2 * digit) : digit
  }
  return sum % 10 === 0
}

/** Whether digits without separators could be the number of a payment card. One in ten others looks like one. */
export const isCardNumber = (digits: string) => issued.test(digits) && passesLuhn(digits)

/** An id, which is left as it is, or digits in groups, enough of them for a card. */
const runs = /[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}|(?<!\d)\d(?:[ -]?\d){12,}/gi
const isId = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i

interface Group {
  readonly start: number
  readonly digits: string
}

/** The card number that begins with the group `first`, of whole groups. */
const cardAt = (groups: ReadonlyArray<Group>, first: number) => {
  let digits = ""
  for (let last = first; last < groups.length; last++) {
    digits += groups[last]?.digits ?? ""
    if (digits.length > longest) return undefined
    if (isCardNumber(digits)) return { last, digits }
  }
  return undefined
}

const maskRun = (run: string) => {
  if (isId.test(run)) return run
  const groups = Array.from(run.matchAll(/\d+/g), ({ 0: digits, index }): Group => ({ start: index, digits }))
  let masked = ""
  let done = 0
  for (let first = 0; first < groups.length; first++) {
    const card = cardAt(groups, first)
    if (card === undefined) continue
    const last = groups[card.last]
    masked += `${run.slice(done, groups[first]?.start)}<card *${card.digits.slice(-4)}>`
    done = (last?.start ?? 0) + (last?.digits.length ?? 0)
    first = card.last
  }
  return masked + run.slice(done)
}

/** The text with all but the last four digits of each card number left out, also of one in groups by blanks or hyphens. */
export const maskCardNumbers = (text: string) => (text.length < 13 ? text : text.replace(runs, maskRun))
