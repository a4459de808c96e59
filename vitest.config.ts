import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    globalSetup: ["packages/testing/src/globalSetup.ts"],
    maxWorkers: 3,
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
