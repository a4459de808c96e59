import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"

const repository = path.dirname(path.dirname(import.meta.dirname))

const numbered = (prefix: string, last: number) => Array.from({ length: last }, (_, index) => `${prefix}${index + 1}`)

/** The rows of REQUIREMENTS 13, and those of 14 where the source document is not followed. */
const rows = [
  ...["replay", "CSRF", "enumeration", "token theft", "MITM", "page hijack"].map((threat) => `13.01 ${threat}`),
  ...["13.02", "13.03", "13.04", "13.05", "13.06", "13.07", "13.08", "13.09"],
  ...[...numbered("P0-", 5), ...numbered("P1-", 4), ...numbered("P2-", 8)].map((item) => `13.10 ${item}`),
  ...["14.02", "14.03", "14.04", "14.05", "14.06", "14.07"]
]

/** `docs/callbacks.md`: which test shows which row. */
const table = fs
  .readFileSync(path.join(repository, "docs/callbacks.md"), "utf8")
  .split("\n")
  .map((line) => /^\| (1[34]\.\d\d[^|]*?) +\| (.+?) +\| `([^`]+)` +\|$/.exec(line))
  .filter((match) => match !== null)
  .map(([, row = "", , file = ""]) => ({ row, file }))

/** The rows that titles in `file` name, at their end in brackets: `"refuses a replay (13.01 replay, 13.04)"`. */
const namedIn = (file: string) =>
  [...fs.readFileSync(file, "utf8").matchAll(/\(((?:1[34]\.\d\d[^(),"`\n]*(?:, )?)+)\)["`]/g)].flatMap(
    ([, list = ""]) => list.split(", ")
  )

const testFiles = ["packages", "apps"].flatMap((folder) =>
  fs
    .globSync(`${folder}/*/test/**/*.test.ts`, { cwd: repository })
    .map((file) => file.replaceAll(path.sep, "/"))
    .toSorted()
)

describe("docs/callbacks.md", () => {
  it("has each row once, in order", () => {
    assert.deepStrictEqual(
      table.map(({ row }) => row),
      rows
    )
  })

  it("names for each row a test that names the row", () => {
    const unnamed = table.filter(
      ({ file, row }) => !testFiles.includes(file) || !namedIn(path.join(repository, file)).includes(row)
    )
    assert.deepStrictEqual(unnamed, [])
  })

  it("knows every row that a test names", () => {
    const named = testFiles.flatMap((file) => namedIn(path.join(repository, file)))
    assert.isAtLeast(named.length, rows.length)
    assert.deepStrictEqual(
      named.filter((row) => !rows.includes(row)),
      []
    )
  })
})
