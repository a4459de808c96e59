import { assert, layer } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { creationCodeOf, deploymentProxy, deploymentSalt, runtimeCodeOf } from "@mall/domain/payments/depositForwarders"
import { Deployment } from "@mall/payments/channel/crypto/CryptoDeployment"
import { anvilBinary, startAnvil } from "@mall/sandbox/crypto/Anvil"
import { anvilClient } from "@mall/sandbox/crypto/anvilClient"
import { bytecode } from "@mall/sandbox/crypto/sandboxUsdc"
import { freePort } from "@mall/testing/freePort"
import { Context, Effect, Layer, Option } from "effect"
import { getAddress, getContractAddress } from "viem"
import { HDKey, privateKeyToAccount } from "viem/accounts"
import { CommandLine, decode } from "./CommandLine.ts"

const binary = anvilBinary(process.platform, process.arch)
// the chain's own first accounts, which everybody knows
const founder = privateKeyToAccount("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
const hotKey = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
const hotWallet = privateKeyToAccount(hotKey).address
const treasury = "0x7EA5000000000000000000000000000000007Ea5"

/** A chain of its own id, and commands of a shop on it. */
const shopOn = Effect.fnUntraced(function* (chainId: number, changes: Readonly<Record<string, string>> = {}) {
  const rpcUrl = yield* startAnvil(Option.getOrThrow(binary), chainId)
  const chain = anvilClient(rpcUrl, chainId, founder)
  const hash = yield* Effect.promise(() => chain.sendTransaction({ data: `0x${bytecode.slice(2)}` }))
  const { contractAddress } = yield* Effect.promise(() => chain.waitForTransactionReceipt({ hash }))
  const settings = {
    CRYPTO_RPC_URL: rpcUrl,
    CRYPTO_CHAIN_ID: String(chainId),
    CRYPTO_TOKEN: yield* Effect.fromNullishOr(contractAddress),
    CRYPTO_XPUB: HDKey.fromMasterSeed(new Uint8Array(32).fill(3)).derive("m/44'/60'/0'").publicExtendedKey,
    CRYPTO_HOT_WALLET_KEY: hotKey,
    CRYPTO_TREASURY: treasury,
    DOWNSTREAM_MAX_ATTEMPTS: "1",
    ...changes
  }
  const commands = yield* Layer.build(Layer.fresh(CommandLine.layerWith(settings)))
  const line = Context.get(commands, CommandLine)
  const deploy = (...args: ReadonlyArray<string>) => line.mall("crypto", "deploy", ...args)
  return {
    chain,
    deploy,
    deployed: Effect.flatMap(deploy("--json"), (outcome) => decode(Deployment, outcome)),
    audited: Effect.map(line.mall("audit", "show", "--action", "deposit_forwarders.deploy"), ({ out }) => out),
    /** Of how many transactions of the wallet the chain knows. */
    sent: Effect.promise(() => chain.getTransactionCount({ address: hotWallet, blockTag: "pending" })),
    codeAt: (address: string) => Effect.promise(() => chain.getCode({ address: getAddress(address) }))
  }
})

/** One sentence, and the exit code of what did not work. */
const assertRefused = (
  { code, err, out }: { readonly code: number; readonly err: string; readonly out: string },
  says: RegExp
) => {
  assert.deepStrictEqual([code, out], [1, ""])
  assert.match(err, says)
  assert.notInclude(err, "\n")
}

// the chain is packaged for some platforms only
layer(NodeServices.layer, { excludeTestServices: true, timeout: "60 seconds" })("mall crypto deploy", (it) => {
  const onChain = Option.isSome(binary) ? it.effect : it.effect.skip

  onChain("puts the contract on the chain once, and says what to configure", () =>
    Effect.gen(function* () {
      const { audited, codeAt, deploy, deployed, sent } = yield* shopOn(6_001)
      const first = yield* deployed
      assert.deepInclude(first, { outcome: "deployed", chainId: 6_001, treasury: treasury.toLowerCase() })
      assert.strictEqual(yield* codeAt(first.address), runtimeCodeOf(treasury))
      assert.strictEqual(first.setting, `CRYPTO_FORWARDERS=${first.address}`)
      assert.include(yield* audited, "olga")

      const again = yield* deploy()
      assert.strictEqual(again.code, 0)
      assert.include(again.out, "already; nothing was sent")
      assert.strictEqual(again.out.split("\n").at(-1), first.setting)
      assert.deepStrictEqual(yield* deployed, { ...first, outcome: "present", txHash: null })
      assert.strictEqual(yield* sent, 1)
    }).pipe(Effect.scoped)
  )

  onChain("has the same address for the same treasury, and another for another", () =>
    Effect.gen(function* () {
      const first = yield* (yield* shopOn(6_002)).deployed
      const same = yield* (yield* shopOn(6_003)).deployed
      const other = yield* (yield* shopOn(6_004, { CRYPTO_TREASURY: hotWallet })).deployed
      assert.strictEqual(same.address, first.address)
      assert.notStrictEqual(other.address, first.address)
    }).pipe(Effect.scoped)
  )

  onChain("makes it by the wallet itself where the chain has no proxy", () =>
    Effect.gen(function* () {
      const { chain, codeAt, deployed, sent } = yield* shopOn(6_005)
      yield* Effect.promise(() => chain.setCode({ address: deploymentProxy, bytecode: "0x" }))
      const first = yield* deployed
      assert.strictEqual(first.address, getContractAddress({ from: hotWallet, nonce: 0n }).toLowerCase())
      assert.strictEqual(yield* codeAt(first.address), runtimeCodeOf(treasury))
      assert.deepStrictEqual(yield* deployed, { ...first, outcome: "present", txHash: null })
      assert.strictEqual(yield* sent, 1)
    }).pipe(Effect.scoped)
  )

  onChain("goes on with the same transaction where it was not mined in time", () =>
    Effect.gen(function* () {
      const { chain, deploy, deployed, sent } = yield* shopOn(6_006)
      yield* Effect.promise(() => chain.setAutomine(false))
      assertRefused(
        yield* deploy("--wait", "1 second"),
        /^0x[0-9a-f]{64} is sent and not mined yet; run it again to see\.$/
      )
      assertRefused(yield* deploy("--wait", "1 second"), /not mined yet/)
      yield* Effect.promise(() => chain.mine({ blocks: 1 }))
      assert.strictEqual((yield* deployed).outcome, "present")
      assert.strictEqual(yield* sent, 1)
    }).pipe(Effect.scoped)
  )

  onChain("sends nothing to a chain that is not ready for it, and says why in a sentence", () =>
    Effect.gen(function* () {
      const { chain, deploy, sent } = yield* shopOn(6_007)
      const other = yield* shopOn(6_008, { CRYPTO_CHAIN_ID: "1" })
      assertRefused(
        yield* other.deploy(),
        /^The node at CRYPTO_RPC_URL is not of chain 1, which CRYPTO_CHAIN_ID names\.$/
      )
      const away = yield* shopOn(6_009, { CRYPTO_RPC_URL: `http://127.0.0.1:${yield* freePort}` })
      assertRefused(
        yield* away.deploy(),
        /^The node at CRYPTO_RPC_URL does not answer as it should \(ECONNREFUSED\)\.$/
      )
      const unset = yield* shopOn(6_010, { CRYPTO_TREASURY: "" })
      assertRefused(yield* unset.deploy(), /CRYPTO_TREASURY/)

      yield* Effect.promise(() => chain.setBalance({ address: hotWallet, value: 1n }))
      assertRefused(yield* deploy(), /^The hot wallet 0x\S+ has 0\.000000000000000001 coins for gas, and .*\.$/)
      yield* Effect.promise(() => chain.setBalance({ address: hotWallet, value: 10n ** 20n }))
      const address = getContractAddress({
        opcode: "CREATE2",
        from: deploymentProxy,
        salt: deploymentSalt,
        bytecode: creationCodeOf(treasury)
      })
      yield* Effect.promise(() => chain.setCode({ address, bytecode: "0x00" }))
      assertRefused(yield* deploy(), /is not the contract for the treasury .* it must not be used\.$/)
      assert.strictEqual(yield* sent, 0)
    }).pipe(Effect.scoped)
  )
})
