import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    globalSetup: ["packages/testing/src/globalSetup.ts"],
    maxWorkers: 2,
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts", "apps/*/src/**/*.ts"],
      reporter: ["text-summary"],
      thresholds: { lines: 80 }
    },
    projects: [
      // files of packages share what they have imported, which is a fifth of their time; programs have processes of their own
      { extends: true, test: { name: "packages", include: ["packages/*/test/**/*.test.ts"], isolate: false } },
      { extends: true, test: { name: "programs", include: ["apps/*/test/**/*.test.ts", "scripts/test/*.test.ts"] } }
    ],
    // else a file of keys would be made beside the sources
    env: { PERSONAL_DATA_KEYS: JSON.stringify({ test: Buffer.alloc(32).toString("base64") }) },
    testTimeout: 60_000,
    hookTimeout: 120_000
  }
})
