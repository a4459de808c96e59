import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, FileSystem, Schema } from "effect"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import solc from "solc"

const require = createRequire(import.meta.url)
const source = new URL("../contracts/SandboxUsdc.sol", import.meta.url)
const target = new URL("../src/crypto/sandboxUsdc.ts", import.meta.url)

const toJson = Schema.encodeSync(Schema.fromJsonString(Schema.Unknown))
const Output = Schema.fromJsonString(
  Schema.Struct({
    contracts: Schema.Struct({
      "SandboxUsdc.sol": Schema.Struct({
        SandboxUsdc: Schema.Struct({
          evm: Schema.Struct({
            bytecode: Schema.Struct({ object: Schema.String.check(Schema.isPattern(/^[0-9a-f]+$/)) })
          })
        })
      })
    })
  })
)

/** The token's creation bytecode, compiled from its source: the same each time. */
export const compileToken = Effect.suspend(() =>
  Schema.decodeEffect(Output)(
    solc.compile(
      toJson({
        language: "Solidity",
        sources: { "SandboxUsdc.sol": { content: readFileSync(source, "utf8") } },
        settings: {
          evmVersion: "paris",
          metadata: { bytecodeHash: "none" },
          optimizer: { enabled: true, runs: 200 },
          outputSelection: { "*": { SandboxUsdc: ["evm.bytecode.object"] } }
        }
      }),
      { import: (path: string) => ({ contents: readFileSync(require.resolve(path), "utf8") }) }
    )
  )
).pipe(Effect.map(({ contracts }) => `0x${contracts["SandboxUsdc.sol"].SandboxUsdc.evm.bytecode.object}`))

const write = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const bytecode = yield* compileToken
  yield* fs.writeFileString(
    target.pathname,
    `/** Written by \`scripts/compileToken.ts\` from \`contracts/SandboxUsdc.sol\`. */\nexport const bytecode =\n  "${bytecode}"\n`
  )
})

if (import.meta.main) NodeRuntime.runMain(Effect.provide(write, NodeServices.layer))
