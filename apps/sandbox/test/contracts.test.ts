import { assert, it } from "@effect/vitest"
import * as depositForwarders from "@mall/domain/payments/depositForwardersCode"
import { Effect } from "effect"
import { compile } from "../scripts/compileContracts.ts"
import * as sandboxUsdc from "../src/crypto/sandboxUsdc.ts"

it.effect("the contracts' code is what their sources compile to", () =>
  Effect.gen(function* () {
    assert.strictEqual(sandboxUsdc.bytecode, (yield* compile("SandboxUsdc")).bytecode)
    assert.deepStrictEqual({ ...depositForwarders }, yield* compile("DepositForwarders"))
  })
)
