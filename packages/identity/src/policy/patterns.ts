import type { PolicyRule } from "@mall/domain/identity/Policy"
import { Result } from "effect"
import { RE2JS } from "re2js"

/** Whether a whole text fits. The time it takes grows with the text and never with what the pattern makes of it. */
export type Matcher = (text: string) => boolean

/** Instructions of a compiled pattern. What names permissions needs a few dozen; the product with the text bounds the time. */
const maxProgramSize = 250

/** Patterns that were compiled before; a document repeats few of them in many rules, and a change repeats the document. */
const capacity = 4_096

const unreadable = (pattern: string, why: string) => `The pattern ${pattern} ${why}`

const compileRegex = (pattern: string): Result.Result<Matcher, string> =>
  Result.try({
    try: () => RE2JS.compile(pattern),
    catch: () => unreadable(pattern, "is no regular expression of RE2")
  }).pipe(
    Result.flatMap((regex) =>
      regex.programSize() > maxProgramSize
        ? Result.fail(unreadable(pattern, "is too large: write it without high repetition counts"))
        : Result.succeed((text: string) => regex.matches(text))
    )
  )

/** `*` is any run of characters, `?` is one; all else is itself. */
const regexOfGlob = (glob: string) =>
  [...glob].map((each) => (each === "*" ? ".*" : each === "?" ? "." : RE2JS.quote(each))).join("")

const compileGlob = (pattern: string): Result.Result<Matcher, string> => {
  if (pattern === "*") return Result.succeed(() => true)
  return /[*?]/.test(pattern) ? compileRegex(regexOfGlob(pattern)) : Result.succeed((text) => text === pattern)
}

const compiled = new Map<string, Result.Result<Matcher, string>>()

/** The matcher of a pattern, or a sentence that says why there is none. */
export const matcherOf = (kind: PolicyRule["kind"], pattern: string): Result.Result<Matcher, string> => {
  const key = `${kind} ${pattern}`
  const before = compiled.get(key)
  if (before !== undefined) return before
  const made = kind === "glob" ? compileGlob(pattern) : compileRegex(pattern)
  if (compiled.size >= capacity) compiled.clear()
  compiled.set(key, made)
  return made
}
