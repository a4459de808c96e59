import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, FileSystem, Schema } from "effect"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import solc from "solc"

const require = createRequire(import.meta.url)

/** The contracts: the folder of each one's source, and the module that its code is written to. */
const targets = {
  SandboxUsdc: { folder: "../contracts", module: "../src/crypto/sandboxUsdc.ts" },
  DepositForwarders: {
    folder: "../../../packages/domain/contracts",
    module: "../../../packages/domain/src/payments/depositForwardersCode.ts"
  }
} as const
type Contract = keyof typeof targets

const toJson = Schema.encodeSync(Schema.fromJsonString(Schema.Unknown))
const Code = Schema.Struct({ object: Schema.String.check(Schema.isPattern(/^[0-9a-f]+$/)) })
const Places = Schema.Array(Schema.Struct({ start: Schema.Int, length: Schema.Int }))
const Compiled = Schema.Struct({
  evm: Schema.Struct({
    bytecode: Code,
    deployedBytecode: Schema.Struct({
      ...Code.fields,
      immutableReferences: Schema.optionalKey(Schema.Record(Schema.String, Places))
    })
  })
})
const Output = Schema.fromJsonString(
  Schema.Struct({ contracts: Schema.Struct({ "source.sol": Schema.Record(Schema.String, Compiled) }) })
)

/**
 * A contract's creation bytecode, what it leaves on the chain, and the offsets in that, in bytes, of its immutable values, of 32 bytes
 * each: compiled from its source, the same each time.
 */
export const compile = (contract: Contract) =>
  Effect.suspend(() =>
    Schema.decodeEffect(Output)(
      solc.compile(
        toJson({
          language: "Solidity",
          sources: {
            "source.sol": {
              content: readFileSync(new URL(`${targets[contract].folder}/${contract}.sol`, import.meta.url), "utf8")
            }
          },
          settings: {
            evmVersion: "paris",
            metadata: { bytecodeHash: "none" },
            optimizer: { enabled: true, runs: 200 },
            outputSelection: { "*": { [contract]: ["evm.bytecode.object", "evm.deployedBytecode"] } }
          }
        }),
        { import: (path: string) => ({ contents: readFileSync(require.resolve(path), "utf8") }) }
      )
    )
  ).pipe(
    Effect.flatMap(({ contracts }) => Effect.fromNullishOr(contracts["source.sol"][contract])),
    Effect.map(({ evm: { bytecode, deployedBytecode } }) => ({
      bytecode: `0x${bytecode.object}`,
      runtime: `0x${deployedBytecode.object}`,
      immutables: Object.values(deployedBytecode.immutableReferences ?? {}).flatMap((places) =>
        places.map(({ start }) => start)
      )
    }))
  )

const write = Effect.fnUntraced(function* (contract: Contract) {
  const fs = yield* FileSystem.FileSystem
  const { bytecode, immutables, runtime } = yield* compile(contract)
  const constants =
    immutables.length === 0
      ? { bytecode: `"${bytecode}"` }
      : { bytecode: `"${bytecode}"`, runtime: `"${runtime}"`, immutables: `[${immutables.join(", ")}]` }
  yield* fs.writeFileString(
    new URL(targets[contract].module, import.meta.url).pathname,
    `/** Written by \`apps/sandbox/scripts/compileContracts.ts\` from \`contracts/${contract}.sol\`. */\n${Object.entries(
      constants
    )
      .map(([name, value]) => `export const ${name} = ${value}\n`)
      .join("")}`
  )
})

if (import.meta.main) {
  Effect.all([write("SandboxUsdc"), write("DepositForwarders")]).pipe(
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain
  )
}
