import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"

const repository = path.dirname(path.dirname(import.meta.dirname))

/** `docs/security.md`: a line names a threat, or goes on with the one above it, and ends with a file and words of a title in it. */
const lines = fs
  .readFileSync(path.join(repository, "docs/security.md"), "utf8")
  .split("\n")
  .map((line) => /^\| *(.*?) *\| .*\| `([^`]+)`: (.+?) *\|$/.exec(line))
  .filter((match) => match !== null)
  .map(([, threat = "", file = "", title = ""]) => ({ threat, file, title }))

const threats = [
  ...["replay", "CSRF", "enumeration", "token theft", "MITM", "page hijack"].map((threat) => `13.01 ${threat}`),
  ...Array.from({ length: 10 }, (_, index) => `API${index + 1} `)
]

describe("docs/security.md", () => {
  it("names each threat of the source document and of the OWASP list once", () => {
    for (const threat of threats) {
      assert.lengthOf(
        lines.filter((line) => line.threat.startsWith(threat)),
        1,
        threat
      )
    }
  })

  it("names tests that are there", () => {
    const missing = lines.filter(({ file, title }) => {
      const at = path.join(repository, file)
      return !fs.existsSync(at) || !fs.readFileSync(at, "utf8").includes(title)
    })
    assert.deepStrictEqual(missing, [])
    assert.isAbove(lines.length, 35)
  })
})
