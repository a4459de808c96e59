import path from "node:path"
import process from "node:process"
import { parseCLI, startVitest } from "vitest/node"
import { bundle } from "./bundle.mjs"
import { count, describeSkipped, summary } from "./totals.ts"

// `npm test` runs everything and measures coverage; `npm test -- packages/trade` and other arguments go to vitest as they are.
const args = process.argv.slice(2)
const { filter, options } = parseCLI(["vitest", "run", ...args])
// what `npm start` runs is what is tested
if (args.length === 0) process.env["TEST_SERVER_MAIN"] = await bundle(path.join(import.meta.dirname, ".."))
const vitest = await startVitest(filter, args.length === 0 ? { ...options, coverage: { enabled: true } } : options)

const totals = count(vitest.state.getTestModules(), vitest.state.getUnhandledErrors().length)
if (totals.skipped.length > 0) {
  process.stdout.write(`\nSkipped:\n${totals.skipped.map((test) => `  ${describeSkipped(test)}\n`).join("")}\n`)
}
process.stdout.write(`${summary(totals)}\n`)
process.exit(totals.failed > 0 ? 1 : process.exitCode)
