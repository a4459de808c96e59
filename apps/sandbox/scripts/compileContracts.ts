import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, FileSystem, Schema } from "effect"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import solc from "solc"

const require = createRequire(import.meta.url)

/** The contracts, and the module that each is written to. */
const targets = { SandboxUsdc: "sandboxUsdc", DepositForwarders: "depositForwarders" } as const
type Contract = keyof typeof targets

const toJson = Schema.encodeSync(Schema.fromJsonString(Schema.Unknown))
const Compiled = Schema.Struct({
  evm: Schema.Struct({
    bytecode: Schema.Struct({ object: Schema.String.check(Schema.isPattern(/^[0-9a-f]+$/)) })
  })
})
const Output = Schema.fromJsonString(
  Schema.Struct({ contracts: Schema.Struct({ "source.sol": Schema.Record(Schema.String, Compiled) }) })
)

/** A contract's creation bytecode, compiled from its source: the same each time. */
export const compile = (contract: Contract) =>
  Effect.suspend(() =>
    Schema.decodeEffect(Output)(
      solc.compile(
        toJson({
          language: "Solidity",
          sources: {
            "source.sol": { content: readFileSync(new URL(`../contracts/${contract}.sol`, import.meta.url), "utf8") }
          },
          settings: {
            evmVersion: "paris",
            metadata: { bytecodeHash: "none" },
            optimizer: { enabled: true, runs: 200 },
            outputSelection: { "*": { [contract]: ["evm.bytecode.object"] } }
          }
        }),
        { import: (path: string) => ({ contents: readFileSync(require.resolve(path), "utf8") }) }
      )
    )
  ).pipe(
    Effect.flatMap(({ contracts }) => Effect.fromNullishOr(contracts["source.sol"][contract])),
    Effect.map(({ evm }) => `0x${evm.bytecode.object}`)
  )

const write = Effect.fnUntraced(function* (contract: Contract) {
  const fs = yield* FileSystem.FileSystem
  const bytecode = yield* compile(contract)
  yield* fs.writeFileString(
    new URL(`../src/crypto/${targets[contract]}.ts`, import.meta.url).pathname,
    `/** Written by \`scripts/compileContracts.ts\` from \`contracts/${contract}.sol\`. */\nexport const bytecode =\n  "${bytecode}"\n`
  )
})

if (import.meta.main) {
  Effect.all([write("SandboxUsdc"), write("DepositForwarders")]).pipe(
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain
  )
}
