import { afterAll, assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import process from "node:process"

const repository = path.dirname(path.dirname(import.meta.dirname))

const folders: Array<string> = []
afterAll(() => {
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true })
})

/** Runs `npm test` on a project of its own, made of `files`. Answers with the exit code and the lines it printed. */
const run = (files: Record<string, string>, config = {}) => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "mall-runner-"))
  folders.push(root)
  fs.symlinkSync(path.join(repository, "node_modules"), path.join(root, "node_modules"))
  fs.writeFileSync(path.join(root, "vitest.config.mjs"), `export default { test: ${JSON.stringify(config)} }`)
  for (const [name, source] of Object.entries(files)) fs.writeFileSync(path.join(root, name), source)
  // without what vitest tells its own workers
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST$|NODE_ENV)/.test(name)))
  const { status, stdout } = spawnSync(
    process.execPath,
    [path.join(repository, "scripts/test.ts"), "--root", root, "--config", path.join(root, "vitest.config.mjs")],
    { encoding: "utf8", env: { ...env, NO_COLOR: "1" } }
  )
  const lines = stdout.trimEnd().split("\n")
  return { status, lines, last: lines.at(-1) }
}

const test = (body: string) => `import { describe, test } from "vitest"\n${body}`

describe("npm test", () => {
  it("ends with the totals and names each skipped test with its reason", () => {
    const { status, lines, last } = run({
      "a.test.mjs": test(`
        test("works", () => {})
        test("waits", (context) => context.skip("there is no redis-server on PATH"))
        describe("group", () => { test.skip("rests", () => {}) })
      `)
    })
    assert.strictEqual(last, "1 passed, 0 failed, 2 skipped")
    assert.strictEqual(status, 0)
    assert.include(lines, "  a.test.mjs > waits: there is no redis-server on PATH")
    assert.include(lines, "  a.test.mjs > group > rests")
  })

  it("fails where a test fails", () => {
    const { status, last } = run({
      "a.test.mjs": test(`test("works", () => {}); test("breaks", () => { throw new Error("broken") })`)
    })
    assert.strictEqual(last, "1 passed, 1 failed, 0 skipped")
    assert.strictEqual(status, 1)
  })

  it("counts a file that does not load, and one whose hook fails, as a failure", () => {
    const { status, last } = run({
      "a.test.mjs": test(`test("works", () => {})`),
      "b.test.mjs": `import "./missing.mjs"`,
      "c.test.mjs": `import { beforeAll, test } from "vitest"; beforeAll(() => { throw new Error("no") }); test("t", () => {})`
    })
    assert.strictEqual(last, "1 passed, 2 failed, 1 skipped")
    assert.strictEqual(status, 1)
  })

  it("counts an error that belongs to no test as a failure", () => {
    const { status, last } = run({
      "a.test.mjs": test(`test("works", () => { Promise.reject(new Error("nobody waits for this")) })`)
    })
    assert.strictEqual(last, "1 passed, 1 failed, 0 skipped")
    assert.strictEqual(status, 1)
  })

  it("counts a setup that fails as a failure", () => {
    const { status, last } = run(
      {
        "a.test.mjs": test(`test("works", () => {})`),
        "setup.mjs": `export default () => { throw new Error("there is no database") }`
      },
      { globalSetup: ["./setup.mjs"] }
    )
    assert.strictEqual(last, "0 passed, 1 failed, 0 skipped")
    assert.strictEqual(status, 1)
  })

  it("does not take a run without any test for a success", () => {
    const { status, last } = run({})
    assert.strictEqual(last, "0 passed, 1 failed, 0 skipped")
    assert.strictEqual(status, 1)
  })

  it("fails where too few lines are covered, after the totals of the tests", () => {
    const { status, last } = run(
      {
        "a.mjs": `export const used = () => 1\nexport const unused = () => {\n  return 2\n}\n`,
        "a.test.mjs": test(`import { used } from "./a.mjs"; test("works", () => { used() })`)
      },
      { coverage: { enabled: true, provider: "v8", include: ["a.mjs"], reporter: [], thresholds: { lines: 100 } } }
    )
    assert.strictEqual(last, "1 passed, 0 failed, 0 skipped")
    assert.strictEqual(status, 1)
  })
})
