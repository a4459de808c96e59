import { creationCodeOf, deploymentProxy, deploymentSalt } from "@mall/domain/payments/depositForwarders"
import { Deferred, Effect, FileSystem, Path, Schedule, Semaphore } from "effect"
import { concatHex, isAddress, keccak256, parseAbi, parseAbiItem, toHex } from "viem"
import type { Address, Hex } from "viem"
import { privateKeyToAccount } from "viem/accounts"
import { Journal } from "../Journal.ts"
import { SandboxUnavailable } from "../SandboxUnavailable.ts"
import { startAnvil } from "./Anvil.ts"
import { anvilClient } from "./anvilClient.ts"
import type { CryptoAccount } from "./CryptoKeys.ts"
import { bytecode } from "./sandboxUsdc.ts"

const abi = parseAbi([
  "function faucet(address to, uint256 amount)",
  "function transfer(address to, uint256 amount) returns (bool)"
])

const transferEvent = parseAbiItem("event Transfer(address indexed from, address indexed to, uint256 value)")

/** The chain's own first account, which everybody knows: it makes the token. */
const founder = privateKeyToAccount("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")

/** The payer of an address: each has their own, so that the chain shows what each paid and got back. */
const payerOf = (address: string) => privateKeyToAccount(keccak256(toHex(`payer of ${address.toLowerCase()}`)))

/** Takes more than a transfer does, so that one that cannot succeed is mined all the same. */
const sendingGas = 120_000n

/** What the shop begins with: a hundred million, and gas for as much. */
const plenty = 100_000_000_000_000n
const gas = 10n ** 21n

/** Enough for whoever waits for a usual number of confirmations. */
const blocksAfter = 12

const failed = (cause: unknown) => new SandboxUnavailable({ reason: `The chain does not answer: ${String(cause)}.` })
const attempt = <A>(call: () => Promise<A>) => Effect.tryPromise({ try: call, catch: failed })

type Client = ReturnType<typeof anvilClient<typeof founder>>

/** Until a block has it. The library's own wait looks again only when there is a new block, and behind ours there may be none. */
const mined = (client: Client, hash: Hex) =>
  Effect.retry(
    attempt(() => client.getTransactionReceipt({ hash })),
    { schedule: Schedule.spaced("50 millis"), times: 400 }
  )

/**
 * The chain with a token on it and the contract that gathers deposits, started in the background: who asks waits until it is there. Its blocks are kept over a restart.
 * After each transaction it mines enough blocks for it to be believed.
 */
export const makeChain = Effect.fnUntraced(function* (binary: string, keys: CryptoAccount) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const journal = yield* Journal
  const folder = path.join(journal.folder, "crypto")
  yield* Effect.orDie(fileSystem.makeDirectory(folder, { recursive: true, mode: 0o700 }))
  const ready = yield* Deferred.make<{ readonly url: string; readonly client: Client }, SandboxUnavailable>()
  const inTurn = (yield* Semaphore.make(1)).withPermits(1)

  const start = Effect.gen(function* () {
    const url = yield* startAnvil(binary, keys.chainId, path.join(folder, "chain.json"))
    const client = anvilClient(url, keys.chainId, founder)
    const { forwarders, token, treasury } = keys
    if (!isAddress(token) || !isAddress(forwarders)) return yield* failed("no address of a contract")
    const hotWallet = privateKeyToAccount(`0x${keys.hotWalletKey.slice(2)}`).address
    const code = yield* attempt(() => client.getCode({ address: token }))
    if (code === undefined) {
      yield* attempt(() => client.deployContract({ abi, bytecode: `0x${bytecode.slice(2)}` }))
      yield* attempt(() =>
        client.writeContract({ address: token, abi, functionName: "faucet", args: [hotWallet, plenty] })
      )
      yield* attempt(() => client.setBalance({ address: hotWallet, value: gas }))
    }
    // a chain that an older sandbox began has none
    if ((yield* attempt(() => client.getCode({ address: forwarders }))) === undefined) {
      const data = concatHex([deploymentSalt, creationCodeOf(treasury)])
      const hash = yield* attempt(() => client.sendTransaction({ to: deploymentProxy, data }))
      yield* mined(client, hash)
    }
    return { url, client }
  })
  yield* start.pipe(
    Effect.exit,
    Effect.flatMap((exit) => Deferred.done(ready, exit)),
    Effect.forkScoped
  )

  const mine = Effect.flatMap(Deferred.await(ready), ({ client }) =>
    attempt(() => client.mine({ blocks: blocksAfter }))
  )
  // a chain goes on though nobody pays: without new blocks no day on it would ever be final
  yield* mine.pipe(
    inTurn,
    Effect.catchTag("SandboxUnavailable", ({ reason }) => Effect.logWarning(reason)),
    Effect.repeat(Schedule.spaced("1 hour")),
    Effect.forkScoped
  )

  const partiesOf = Effect.fnUntraced(function* (to: string) {
    const { client } = yield* Deferred.await(ready)
    const { token } = keys
    if (!isAddress(to) || !isAddress(token)) return yield* failed("no address")
    return { client, token, to, payer: payerOf(to) }
  })

  /** The payer has so much, and sends `amount` of it. */
  const send = Effect.fnUntraced(function* (to: string, amount: number, has: number) {
    const { client, payer, to: recipient, token } = yield* partiesOf(to)
    const faucet = [payer.address, BigInt(has)] as const
    yield* attempt(() => client.setBalance({ address: payer.address, value: gas }))
    yield* attempt(() => client.writeContract({ address: token, abi, functionName: "faucet", args: faucet }))
    const args = [recipient, BigInt(amount)] as const
    const hash = yield* attempt(() =>
      client.writeContract({ account: payer, address: token, abi, functionName: "transfer", args, gas: sendingGas })
    )
    yield* mined(client, hash)
    yield* mine
  })

  const sumOf = (logs: ReadonlyArray<{ readonly args: { readonly value?: bigint | undefined } }>) =>
    Number(logs.reduce((sum, { args }) => sum + (args.value ?? 0n), 0n))
  const between = (token: Address, from: Address | undefined, to: Address) => ({
    ...{ address: token, event: transferEvent, args: from === undefined ? { to } : { from, to } },
    ...{ fromBlock: 0n, toBlock: "latest" as const }
  })

  return {
    /** The payer of the address sends it so many of the token's smallest units, and the transfer is confirmed. */
    pay: (to: string, amount: number) => inTurn(send(to, amount, amount)),
    /** Sends more than the payer has: the transaction is mined, and moves nothing. */
    failToPay: (to: string, amount: number) => inTurn(send(to, amount, 0)),
    /** What was sent to the address, and what the shop's wallet sent the payer. */
    movements: Effect.fnUntraced(function* (address: string) {
      const { client, payer, to, token } = yield* partiesOf(address)
      const wallet = privateKeyToAccount(`0x${keys.hotWalletKey.slice(2)}`).address
      const received = yield* attempt(() => client.getLogs(between(token, undefined, to)))
      const returned = yield* attempt(() => client.getLogs(between(token, wallet, payer.address)))
      return { received: sumOf(received), returned: sumOf(returned) }
    }),
    /** Passes a question in JSON on to the chain; a transaction is confirmed at once. */
    ask: Effect.fnUntraced(function* (body: string, isTransaction: boolean) {
      const { url } = yield* Deferred.await(ready)
      const text = yield* attempt(async () => {
        const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body })
        return response.text()
      })
      if (isTransaction) yield* mine
      return text
    })
  }
})
