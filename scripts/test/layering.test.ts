import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import process from "node:process"

const repository = path.dirname(path.dirname(import.meta.dirname))

/** Which of `imports` lint refuses in `file`, by the configuration of the repository. */
const refused = (file: string, imports: ReadonlyArray<string>) => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "mall-lint-"))
  fs.copyFileSync(path.join(repository, ".oxlintrc.json"), path.join(root, ".oxlintrc.json"))
  fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
  fs.writeFileSync(path.join(root, file), imports.map((name) => `import "${name}"\n`).join(""))
  const { stdout } = spawnSync(
    process.execPath,
    [path.join(repository, "node_modules/oxlint/bin/oxlint"), "--format", "unix", "--allow", "all"],
    { cwd: root, encoding: "utf8" }
  )
  fs.rmSync(root, { recursive: true })
  const lines = new Set([...stdout.matchAll(/:(\d+):1: '.*no-restricted-imports/g)].map(([, line]) => Number(line)))
  return imports.filter((_, index) => lines.has(index + 1))
}

describe("layering", () => {
  it("keeps a context from other contexts, test support and relative ways into another package", () => {
    for (const context of ["identity", "trade", "settings"]) {
      assert.deepStrictEqual(
        refused(`packages/${context}/src/channel/A.ts`, [
          "effect/http",
          "node:fs",
          "./B.ts",
          "../B.ts",
          "@mall/domain/kernel/Money",
          "@mall/platform/Sql",
          "@mall/payments/lifecycle/Payments",
          "@mall/testing/TestDatabase",
          "../../../payments/src/Payments.ts"
        ]),
        ["@mall/payments/lifecycle/Payments", "@mall/testing/TestDatabase", "../../../payments/src/Payments.ts"]
      )
    }
  })

  it("lets a context's tests use the test support, and no other context", () => {
    assert.deepStrictEqual(
      refused("packages/trade/test/A.test.ts", [
        "../src/A.ts",
        "@mall/testing/TestDatabase",
        "@mall/domain/kernel/Money",
        "@mall/payments/lifecycle/Payments"
      ]),
      ["@mall/payments/lifecycle/Payments"]
    )
  })

  it("keeps the domain and the client loadable by a browser", () => {
    const imports = [
      "effect",
      "effect/http-api",
      "./B.ts",
      "../kernel/B.ts",
      "node:fs",
      "fs",
      "jose",
      "@mall/platform/Sql"
    ]
    const outside = ["node:fs", "fs", "jose", "@mall/platform/Sql"]
    assert.deepStrictEqual(refused("packages/domain/src/trade/A.ts", imports), outside)
    assert.deepStrictEqual(refused("packages/client/src/A.ts", [...imports, "@mall/domain/MallApi"]), outside)
  })

  it("keeps the platform from every context", () => {
    assert.deepStrictEqual(
      refused("packages/platform/src/A.ts", ["@mall/domain/kernel/Money", "ioredis", "@mall/trade/Orders"]),
      ["@mall/trade/Orders"]
    )
  })

  it("lets an app compose everything but the test support", () => {
    const imports = ["@mall/trade/Orders", "@mall/platform/Sql", "@mall/testing/TestDatabase"]
    assert.deepStrictEqual(refused("apps/server/src/main.ts", imports), ["@mall/testing/TestDatabase"])
    assert.deepStrictEqual(refused("apps/server/test/A.test.ts", imports), [])
  })
})
