import * as fs from "node:fs"
import * as path from "node:path"
import process from "node:process"

/** A variable that some source reads: `Config.Int("PORT")` in `file`, at `line` (from 1). */
export interface Reading {
  readonly name: string
  readonly file: string
  readonly line: number
}

/** What differs between the variables that are read and those that are documented. */
export interface Differences {
  readonly undocumented: ReadonlyArray<Reading>
  readonly unread: ReadonlyArray<string>
}

/** The arguments of a call, without what stands in brackets: `Config.Literals(["A"], "NAME")` reads `NAME` only. */
const argumentsAfter = (source: string, open: number) => {
  let depth = 0
  let text = ""
  for (const character of source.slice(open)) {
    if ("([{".includes(character)) depth += 1
    if (")]}".includes(character)) depth -= 1
    if (depth === 0) return text
    if (depth === 1) text += character
  }
  return text
}

/** `Config.Int(`, and the file's own `const whole = (name: string, …) => Config.Int(name)` as `whole(`. */
const readersOf = (source: string) => {
  const helpers = source.includes("Config.") ? [...source.matchAll(/\bconst (\w+) = \(name: string/g)] : []
  return new RegExp(["\\bConfig\\.\\w+\\(", ...helpers.map(([, helper]) => `\\b${helper}\\(`)].join("|"), "g")
}

/** The variables that a source file reads, in order. A name has to be a literal there, so that it can be searched for. */
export const readingsOf = (file: string, source: string): ReadonlyArray<Reading> =>
  [...source.matchAll(readersOf(source))].flatMap((call) => {
    const open = call.index + call[0].length - 1
    const line = source.slice(0, open).split("\n").length
    return [...argumentsAfter(source, open).matchAll(/"([A-Z][A-Z0-9_]*)"/g)].map(([, name = ""]) => ({
      name,
      file,
      line
    }))
  })

/** The variables that `.env.example` names: `PORT=8080`, or the same after `#` where it is the default. */
export const documentedIn = (example: string): ReadonlyArray<string> =>
  [...example.matchAll(/^(?:# ?)?([A-Z][A-Z0-9_]*)=/gm)].map(([, name = ""]) => name)

/** The OpenTelemetry SDK reads its own variables, and a `Downstream` puts the names of its settings together. */
const isReadOtherwise = (name: string) => name.startsWith("OTEL_") || name.startsWith("DOWNSTREAM_")

export const compare = (readings: ReadonlyArray<Reading>, documented: ReadonlyArray<string>): Differences => {
  const read = new Set(readings.map(({ name }) => name))
  return {
    undocumented: readings.filter(({ name }) => !documented.includes(name)),
    unread: documented.filter((name) => !read.has(name) && !isReadOtherwise(name))
  }
}

const main = () => {
  const root = path.dirname(import.meta.dirname)
  // what only tests read is no setting of the product
  const files = fs
    .globSync("{packages,apps}/*/src/**/*.ts", { cwd: root })
    .filter((file) => !file.startsWith("packages/testing/"))
  const readings = files.flatMap((file) => readingsOf(file, fs.readFileSync(path.join(root, file), "utf8")))
  const documented = documentedIn(fs.readFileSync(path.join(root, ".env.example"), "utf8"))
  const { undocumented, unread } = compare(readings, documented)
  for (const { name, file, line } of undocumented) {
    process.stdout.write(`${file}:${line} reads ${name}, which .env.example does not name\n`)
  }
  for (const name of unread) process.stdout.write(`.env.example names ${name}, which nothing reads\n`)
  process.exitCode = undocumented.length + unread.length > 0 ? 1 : 0
}

if (import.meta.main) main()
