import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { compile } from "../scripts/compileContracts.ts"
import * as depositForwarders from "../src/crypto/depositForwarders.ts"
import * as sandboxUsdc from "../src/crypto/sandboxUsdc.ts"

it.effect("the contracts' bytecode is what their sources compile to", () =>
  Effect.gen(function* () {
    assert.strictEqual(sandboxUsdc.bytecode, yield* compile("SandboxUsdc"))
    assert.strictEqual(depositForwarders.bytecode, yield* compile("DepositForwarders"))
  })
)
