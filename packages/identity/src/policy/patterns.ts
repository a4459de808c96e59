import type { PolicyRule } from "@mall/domain/identity/Policy"
import { Result } from "effect"
import { RE2JS } from "re2js"

/** Whether a whole text fits. The time it takes grows with the text and never with what the pattern makes of it. */
export type Matcher = (text: string) => boolean

/** Instructions of a compiled pattern. What names permissions needs a few dozen; the product with the text bounds the time. */
const maxProgramSize = 250

const compileRegex = (pattern: string): Result.Result<Matcher, string> =>
  Result.try({
    try: () => RE2JS.compile(pattern),
    catch: () => "is no regular expression of RE2"
  }).pipe(
    Result.flatMap((regex) =>
      regex.programSize() > maxProgramSize
        ? Result.fail("is too large: write it without high repetition counts")
        : Result.succeed((text: string) => regex.matches(text))
    )
  )

/**
 * `*` is any run of characters, `?` is one; all else is itself. A star that took too little takes one more: only the last
 * star is ever tried again, so that the steps are the length of the text times that of the glob at most.
 */
const fitsGlob = (glob: string, text: string) => {
  let at = 0
  let inGlob = 0
  let star = -1
  let taken = 0
  while (at < text.length) {
    const wanted = glob[inGlob]
    if (wanted === "*") {
      star = inGlob
      taken = at
      inGlob += 1
    } else if (wanted !== undefined && (wanted === "?" || wanted === text[at])) {
      at += 1
      inGlob += 1
    } else if (star >= 0) {
      taken += 1
      at = taken
      inGlob = star + 1
    } else return false
  }
  while (glob[inGlob] === "*") inGlob += 1
  return inGlob === glob.length
}

/** The matcher of a pattern, or why there is none; what the pattern says is not repeated. */
export const matcherOf = (kind: PolicyRule["kind"], pattern: string): Result.Result<Matcher, string> =>
  kind === "regex" ? compileRegex(pattern) : Result.succeed((text) => fitsGlob(pattern, text))
