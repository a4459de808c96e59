import type { TestCase, TestModule, TestSuite } from "vitest/node"

/** What a run of the tests amounts to. A file, a suite's hook or a setup that fails counts as one failed test. */
export interface Totals {
  readonly passed: number
  readonly failed: number
  readonly skipped: ReadonlyArray<TestCase>
}

const hasErrors = (part: TestModule | TestSuite) => part.errors().length > 0

/**
 * Counts a run that is over. `strayErrors` are those that belong to no test; a run with no test at all has failed, since
 * its setup did or its filter matches nothing.
 */
export const count = (modules: ReadonlyArray<TestModule>, strayErrors: number): Totals => {
  const tests = modules.flatMap((module) => [...module.children.allTests()])
  const containers = modules.flatMap((module) => [module, ...module.children.allSuites()])
  const states = Map.groupBy(tests, (test) => test.result().state)
  const of = (state: "passed" | "failed" | "skipped" | "pending") => states.get(state) ?? []
  const failed = of("failed").length + of("pending").length + containers.filter(hasErrors).length + strayErrors
  return {
    passed: of("passed").length,
    failed: tests.length === 0 ? Math.max(failed, 1) : failed,
    skipped: of("skipped")
  }
}

/** `packages/a/test/A.test.ts > A > does this: needs that`, the reason being what the test gave to `skip`. */
export const describeSkipped = (test: TestCase) => {
  const result = test.result()
  const reason = result.state === "skipped" ? result.note : undefined
  return `${test.module.relativeModuleId} > ${test.fullName}${reason === undefined ? "" : `: ${reason}`}`
}

/** The last line of `npm test`, which other programs read. */
export const summary = ({ passed, failed, skipped }: Totals) =>
  `${passed} passed, ${failed} failed, ${skipped.length} skipped`
