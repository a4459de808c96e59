import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts", "scripts/test/*.test.ts"],
    globalSetup: ["packages/testing/src/globalSetup.ts"],
    maxWorkers: 2,
    // else a file of keys would be made beside the sources
    env: { PERSONAL_DATA_KEYS: JSON.stringify({ test: Buffer.alloc(32).toString("base64") }) },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts", "apps/*/src/**/*.ts"],
      reporter: ["text-summary"],
      thresholds: { lines: 80 }
    }
  }
})
