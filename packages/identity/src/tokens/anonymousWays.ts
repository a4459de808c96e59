import type { Declaration } from "@mall/domain/identity/declarations"
import { Result } from "effect"

/** Which of the ways in that are declared public serve who is not signed in. */
export interface AnonymousWays {
  readonly open: ReadonlyArray<string>
  readonly closed: ReadonlyArray<string>
}

const methods: ReadonlySet<string> = new Set(["GET", "POST", "PUT", "PATCH", "DELETE", "RPC", "*"])

/** Longer than any path here; with it the time of a comparison is bounded. */
const longestPattern = 200

/**
 * `*` is any part of one segment, `**` any run of characters; all else is itself. The row says how far each beginning of the
 * pattern reaches, so that the steps are the length of the text times that of the pattern, whatever the pattern.
 */
const fits = (tokens: ReadonlyArray<string>, text: string) => {
  let row = [true, ...tokens.map(() => false)]
  const passStars = (at: ReadonlyArray<boolean>) => {
    const passed = [...at]
    for (const [index, token] of tokens.entries()) {
      if (passed[index] === true && token.startsWith("*")) passed[index + 1] = true
    }
    return passed
  }
  row = passStars(row)
  for (const character of text) {
    const next = tokens.map((token, index) => {
      if (token === "**" || (token === "*" && character !== "/")) return row[index + 1] === true
      return row[index] === true && token === character
    })
    row = passStars([false, ...next])
  }
  return row[tokens.length] === true
}

/** The method and the path or name of a way, as a pattern names them. */
const partsOf = (way: string) => {
  const space = way.indexOf(" ")
  return { method: way.slice(0, space).toUpperCase(), path: way.slice(space + 1) }
}

const matching = (
  entry: string,
  declarations: ReadonlyArray<Declaration>
): Result.Result<Array<Declaration>, string> => {
  const parts = /^(\S+) +(\S+)$/.exec(entry)
  const [, method = "", path = ""] = parts ?? []
  if (parts === null || !methods.has(method) || path.length > longestPattern) {
    return Result.fail(`"${entry.slice(0, longestPattern)}" is not of the form METHOD /pattern or RPC name`)
  }
  const tokens = path.match(/\*\*|[^]/gu) ?? []
  return Result.succeed(
    declarations.filter(({ way }) => {
      const parts = partsOf(way)
      return (method === "*" ? parts.method !== "RPC" : method === parts.method) && fits(tokens, parts.path)
    })
  )
}

/**
 * Goes by the list `entries`; everything public is open where there is none. An entry that is no pattern, that nothing fits, or
 * that fits a way in which is not declared public is a mistake, told in a sentence: the list only ever closes.
 */
export const anonymousWays = (
  declarations: ReadonlyArray<Declaration>,
  entries: ReadonlyArray<string> | undefined
): Result.Result<AnonymousWays, string> => {
  const ways = declarations.filter(({ permission }) => permission === "public").map(({ way }) => way)
  if (entries === undefined) return Result.succeed({ open: ways, closed: [] })
  const open = new Set<string>()
  for (const entry of entries) {
    const found = matching(entry, declarations)
    if (Result.isFailure(found)) return Result.fail(found.failure)
    const guarded = found.success.find(({ permission }) => permission !== "public")
    if (guarded !== undefined) return Result.fail(`"${entry}" would open ${guarded.way}, which is not declared public`)
    if (found.success.length === 0) return Result.fail(`nothing fits "${entry}"`)
    for (const { way } of found.success) open.add(way)
  }
  return Result.succeed({ open: [...open], closed: ways.filter((way) => !open.has(way)) })
}
