import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { compileToken } from "../scripts/compileToken.ts"
import { bytecode } from "../src/crypto/sandboxUsdc.ts"

it.effect("the token's bytecode is what its source compiles to", () =>
  Effect.map(compileToken, (compiled) => assert.strictEqual(bytecode, compiled))
)
