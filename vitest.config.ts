import { defineConfig } from "vitest/config"
import { BaseSequencer } from "vitest/node"
import type { TestSpecification } from "vitest/node"

/** Files that take half a minute and more: begun last, one of them would run on beside an idle core. */
const long = /conformance|crash|startup|badInput|twoServers/i

class LongFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>) {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => Number(long.test(b.moduleId)) - Number(long.test(a.moduleId)))
  }
}

export default defineConfig({
  test: {
    globalSetup: ["packages/testing/src/globalSetup.ts"],
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts", "apps/*/src/**/*.ts"],
      reporter: ["text-summary"],
      thresholds: { lines: 80 }
    },
    projects: [
      // most files share what they have imported, which is a fifth of their time; those that start the server do not
      {
        extends: true,
        test: { name: "shared", include: ["{packages/*,apps/cli,apps/sandbox}/test/**/*.test.ts"], isolate: false }
      },
      { extends: true, test: { name: "alone", include: ["apps/server/test/**/*.test.ts", "scripts/test/*.test.ts"] } }
    ],
    // else a file of keys would be made beside the sources
    env: { PERSONAL_DATA_KEYS: JSON.stringify({ test: Buffer.alloc(32).toString("base64") }) },
    testTimeout: 60_000,
    hookTimeout: 120_000
  }
})
