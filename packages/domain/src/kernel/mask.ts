/**
 * Masks of personal data, for those who need to recognise a value and not to know it. Each shows at most what it says,
 * never the whole of a value, and keeps no length: what is hidden is always `***`.
 */

const hidden = "***"

/** By what a reader takes for one character, so that no half of an emoji or of a combined letter is left. */
const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" })
const charactersOf = (text: string) => Array.from(segmenter.segment(text), ({ segment }) => segment)

/** The first `first` and the last `last` characters, and those only where at least as many again stay hidden. */
const ends = (text: string, first: number, last: number) => {
  const characters = charactersOf(text.trim())
  const isLong = characters.length >= 2 * (first + last)
  return isLong
    ? `${characters.slice(0, first).join("")}${hidden}${characters.slice(characters.length - last).join("")}`
    : hidden
}

/** The first character of the mailbox, and the domain: `a***@example.com`. */
export const maskEmail = (email: string) => {
  const at = email.lastIndexOf("@")
  return at < 1 ? hidden : `${ends(email.slice(0, at), 1, 0)}${email.slice(at)}`
}

const emails = /[^\s@<>(),;:"]{1,64}@[^\s@<>(),;:"]+\.[a-z]{2,}/gi
const phones = /\+\d[\d -]{6,18}\d/g

/** Text that people wrote, with the email addresses in it masked, and the telephone numbers that begin with a plus. */
export const maskInText = (text: string) => text.replaceAll(emails, maskEmail).replaceAll(phones, maskPhone)

/** The last four digits of a number of eight or more: `***8000`. */
export const maskPhone = (phone: string) => {
  const digits = phone.replaceAll(/\D/g, "")
  return digits.length < 8 ? hidden : `${hidden}${digits.slice(-4)}`
}

/** The first character of a name of two or more: `张***`, `V***`. */
export const maskName = (name: string) => ends(name, 1, 0)

/** The last four characters of an account, a card or a wallet of eight or more: `***1111`. */
export const maskAccount = (account: string) => ends(account, 0, 4)

/** Nothing of a street or of anything else that tells where somebody is. */
export const maskText = (text: string) => (text.trim() === "" ? "" : hidden)
