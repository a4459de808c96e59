/** Who is registered: a person by the number of their identity card, a company by its entry in the register. */
export type MerchantKind = "individual" | "company"

const creditCodeAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
const identityWeights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]

/** The check character of a unified social credit code: GB 32100-2015, weights 3^i modulo 31. */
const isCreditCode = (code: string) => {
  if (!/^[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}$/.test(code)) return false
  let weight = 1
  let sum = 0
  for (const character of code.slice(0, 17)) {
    sum += creditCodeAlphabet.indexOf(character) * weight
    weight = (weight * 3) % 31
  }
  return creditCodeAlphabet[(31 - (sum % 31)) % 31] === code.at(-1)
}

/** The check character of a resident identity number: GB 11643-1999, which is ISO 7064 MOD 11-2. */
const isIdentityNumber = (number: string) => {
  if (!/^\d{17}[\dX]$/.test(number)) return false
  const sum = identityWeights.reduce((total, weight, index) => total + weight * Number(number[index]), 0)
  return "10X98765432"[sum % 11] === number.at(-1)
}

/** Elsewhere registers differ too much: what all of their numbers look like. */
const isSomeNumber = (number: string) => /^[A-Z0-9][A-Z0-9 ./-]{2,38}[A-Z0-9]$/.test(number)

/** What is wrong with the number in the register of that country; undefined where nothing is. */
export const registrationNumberFault = (country: string, kind: MerchantKind, number: string): string | undefined => {
  if (country !== "CN") return isSomeNumber(number) ? undefined : "must be 4 to 40 capital letters, digits and - . /"
  if (kind === "company") return isCreditCode(number) ? undefined : "must be a valid unified social credit code"
  return isIdentityNumber(number) ? undefined : "must be a valid resident identity number"
}
