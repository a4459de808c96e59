import { timingSafeEqual } from "node:crypto"

/** Takes as long for a secret that is nearly right as for one that is not. */
export const isSameSecret = (given: string | undefined, expected: string) => {
  const [a, b] = [Buffer.from(given ?? ""), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
