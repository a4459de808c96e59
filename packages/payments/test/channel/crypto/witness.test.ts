import { assert, layer } from "@effect/vitest"
import { TestDatabase } from "@mall/testing/TestDatabase"
import type { Falsify, Question } from "@mall/testing/RpcTap"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Option, Schema } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { SqlClient } from "effect/sql"
import { numberToHex, pad } from "viem"
import type { Hex } from "viem"
import type { Channel, ChannelAttempt } from "../../../src/channel/Channel.ts"
import { ChannelLog } from "../../../src/log/ChannelLog.ts"
import { anAttempt, binary, testChain } from "./TestChain.ts"

const Services = ChannelLog.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(TestDatabase, CircuitBreaker.layerStoreMemory(), NodeServices.layer))
)
type Chain = Effect.Success<ReturnType<typeof testChain>>

const Filter = Schema.Tuple([
  Schema.Struct({
    fromBlock: Schema.String,
    toBlock: Schema.String,
    topics: Schema.Array(Schema.NullOr(Schema.Union([Schema.String, Schema.Array(Schema.String)])))
  })
])
const decodeFilter = Schema.decodeUnknownOption(Filter)
const Log = Schema.StructWithRest(Schema.Struct({ data: Schema.String }), [Schema.Record(Schema.String, Schema.Json)])
const decodeLogs = Schema.decodeUnknownSync(Schema.Array(Log))
const Block = Schema.StructWithRest(Schema.Struct({ number: Schema.String, hash: Schema.String }), [
  Schema.Record(Schema.String, Schema.Json)
])
const decodeBlock = Schema.decodeUnknownOption(Block)
const someHash = `0x${"ab".repeat(32)}`

/** Whether the question is about logs of this address in this block. */
const isAbout = ({ method, params }: Question, address: string, block: bigint) =>
  method === "eth_getLogs" &&
  Option.exists(
    decodeFilter(params),
    ([{ fromBlock, toBlock, topics }]) =>
      BigInt(fromBlock) <= block &&
      block <= BigInt(toBlock) &&
      JSON.stringify(topics).toLowerCase().includes(address.slice(2))
  )

/** Tells of a transfer that nobody made, in the newest block. */
const inventing = Effect.fnUntraced(function* ({ buyer, chain, settings }: Chain, address: string, amount: number) {
  const { hash, number } = yield* Effect.promise(() => chain.getBlock())
  const invented = {
    address: settings.token,
    topics: [
      "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
      pad(buyer as Hex),
      pad(address as Hex)
    ],
    data: numberToHex(amount, { size: 32 }),
    blockHash: hash,
    blockNumber: numberToHex(number),
    transactionHash: someHash,
    transactionIndex: "0x0",
    logIndex: "0x0",
    removed: false
  }
  const falsify: Falsify = (question, result) =>
    isAbout(question, address, number) ? [...decodeLogs(result), invented] : result
  return falsify
})

const tellingOf =
  (amount: number): Falsify =>
  ({ method }, result) =>
    method === "eth_getLogs"
      ? decodeLogs(result).map((log) => ({ ...log, data: numberToHex(amount, { size: 32 }) }))
      : result

/** As high as the chain was so many blocks ago. */
const behindBy =
  (blocks: number): Falsify =>
  ({ method }, result) =>
    method === "eth_blockNumber" ? numberToHex(Number(result) - blocks) : result

const away: Falsify = () => {
  throw new Error("nobody answers")
}

const look = ({ watch }: Channel) => Effect.flatMap(Effect.fromNullishOr(watch), ({ look }) => look(10))
const codeOf = <A, E extends { readonly reason: { readonly code: string } }, R>(asked: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(asked), ({ reason }) => reason.code)
/** What became of a try, by the last look: of whom, and of how much. */
const told = ({ notices }: Effect.Success<ReturnType<typeof look>>) =>
  notices.flatMap(({ notice }) =>
    notice._tag === "PaymentNotice" && (notice.payment._tag === "Paid" || notice.payment._tag === "Partial")
      ? [{ of: notice.attemptId, as: notice.payment._tag, amount: Number(notice.payment.amount) }]
      : []
  )
const paid = ({ id }: ChannelAttempt) => [{ of: id, as: "Paid", amount: 5_000_000 }]

/** Of how many transfers to the address our books know. */
const kept = (address: string) =>
  SqlClient.SqlClient.use(
    (sql) => sql`SELECT FROM payments.crypto_transfers WHERE recipient = ${address} AND vanished_at IS NULL`
  ).pipe(Effect.map(({ length }) => length))

const offer = Effect.fnUntraced(function* ({ channel }: Chain) {
  const attempt = yield* anAttempt
  const { channelReference } = yield* channel.create(attempt)
  return { address: channelReference ?? "", attempt }
})

const differ = (
  toldBy: ReadonlyArray<"node" | "witness">,
  incidents: Effect.Success<ReturnType<typeof look>>["incidents"]
) =>
  assert.deepStrictEqual(
    incidents.map(({ details, kind }) => [kind, details["toldBy"]]),
    toldBy.map((who) => ["chain_nodes_differ", who])
  )

// the chain is packaged for some platforms only
layer(Services, { excludeTestServices: true, timeout: "60 seconds" })("A node with a witness", (it) => {
  const onChain = Option.isSome(binary) ? it.effect : it.effect.skip

  onChain("is believed where the witness tells the same", () =>
    Effect.gen(function* () {
      const world = yield* testChain(501, {}, { witnessed: true })
      const { address, attempt } = yield* offer(world)
      yield* world.pay(address, 5_000_000)
      assert.strictEqual((yield* world.channel.query(attempt))._tag, "Open")
      yield* world.mine(3)
      const seen = yield* look(world.channel)
      assert.deepStrictEqual([told(seen), seen.incidents], [paid(attempt), []])
      assert.strictEqual((yield* world.channel.query(attempt))._tag, "Paid")
    })
  )

  onChain("that tells of a payment nobody made is not believed, and somebody hears of it once", () =>
    Effect.gen(function* () {
      const world = yield* testChain(502, {}, { witnessed: true })
      const { channel, mine, node } = world
      const { address, attempt } = yield* offer(world)
      yield* mine(1)
      yield* node.falsify(yield* inventing(world, address, 5_000_000))
      yield* mine(3)
      const seen = yield* look(channel)
      differ(["node"], seen.incidents)
      assert.deepStrictEqual(told(seen), [])
      assert.deepStrictEqual((yield* look(channel)).incidents, [])
      assert.strictEqual(yield* codeOf(channel.query(attempt)), "WITNESS_DIFFERS")
      assert.strictEqual(yield* codeOf(channel.close(attempt)), "WITNESS_DIFFERS")
      assert.strictEqual(yield* kept(address), 0)

      yield* node.falsify(undefined)
      assert.strictEqual((yield* channel.query(attempt))._tag, "Open")
      yield* world.pay(address, 5_000_000)
      yield* mine(3)
      assert.deepStrictEqual(told(yield* look(channel)), paid(attempt))
    })
  )

  onChain("that hides a payment keeps no other waiting, and the look comes back for it", () =>
    Effect.gen(function* () {
      const world = yield* testChain(503, {}, { witnessed: true })
      const { channel, mine, node, pay } = world
      const { address, attempt } = yield* offer(world)
      const other = yield* offer(world)
      yield* pay(address, 5_000_000)
      yield* pay(other.address, 5_000_000)
      yield* mine(3)
      yield* node.falsify((question, result) =>
        question.method === "eth_getLogs"
          ? decodeLogs(result).filter((log) => !JSON.stringify(log).includes(address.slice(2)))
          : result
      )
      const seen = yield* look(channel)
      differ(["witness"], seen.incidents)
      assert.deepStrictEqual(told(seen), paid(other.attempt))
      assert.strictEqual(yield* codeOf(channel.query(attempt)), "WITNESS_DIFFERS")
      assert.strictEqual(yield* codeOf(channel.close(attempt)), "WITNESS_DIFFERS")
      yield* mine(10)
      yield* look(channel)

      // nobody asks about the try: the look itself has not gone on behind what it did not agree about
      yield* node.falsify(undefined)
      const after = yield* look(channel)
      assert.deepInclude(told(after), paid(attempt)[0])
      assert.deepStrictEqual(after.incidents, [])
    })
  )

  onChain("that tells of another amount is not believed", () =>
    Effect.gen(function* () {
      const world = yield* testChain(504, {}, { witnessed: true })
      const { channel, mine, node, pay } = world
      const { address, attempt } = yield* offer(world)
      yield* pay(address, 1_000_000)
      yield* mine(3)
      yield* node.falsify(tellingOf(5_000_000))
      differ(["node", "witness"], (yield* look(channel)).incidents)
      assert.strictEqual(yield* codeOf(channel.query(attempt)), "WITNESS_DIFFERS")
      assert.strictEqual(yield* kept(address), 0)
      yield* node.falsify(undefined)
      assert.deepStrictEqual(told(yield* look(channel)), [{ of: attempt.id, as: "Partial", amount: 1_000_000 }])
    })
  )

  onChain("is not believed where the witness has it in another block, transaction or place", () =>
    Effect.gen(function* () {
      const world = yield* testChain(508, {}, { witnessed: true })
      const { address, attempt } = yield* offer(world)
      yield* world.pay(address, 5_000_000)
      yield* world.mine(3)
      for (const other of [{ blockHash: someHash }, { transactionHash: someHash }, { logIndex: "0x7" }]) {
        yield* world.witness.falsify(({ method }, result) =>
          method === "eth_getLogs" ? decodeLogs(result).map((log) => ({ ...log, ...other })) : result
        )
        differ(["witness"], (yield* look(world.channel)).incidents.slice(-1))
        assert.strictEqual(yield* codeOf(world.channel.query(attempt)), "WITNESS_DIFFERS")
      }
      assert.strictEqual(yield* kept(address), 0)
    })
  )

  onChain("waits for one that is behind or away, and closes nothing meanwhile", () =>
    Effect.gen(function* () {
      const world = yield* testChain(505, {}, { witnessed: true })
      const { channel, mine, pay, witness } = world
      const { address, attempt } = yield* offer(world)
      const unpaid = yield* offer(world)
      yield* pay(address, 5_000_000)
      yield* mine(3)
      for (const lie of [behindBy(3), away]) {
        yield* witness.falsify(lie)
        const seen = yield* look(channel)
        assert.deepStrictEqual([told(seen), seen.incidents], [[], []])
        assert.strictEqual((yield* channel.query(attempt))._tag, "Open")
        assert.strictEqual(yield* channel.close(attempt), "paid")
      }
      assert.strictEqual(yield* codeOf(channel.close(unpaid.attempt)), "WITNESS_AWAY")
      yield* witness.falsify(undefined)
      assert.deepStrictEqual(told(yield* look(channel)), paid(attempt))
      assert.strictEqual(yield* channel.close(unpaid.attempt), "closed")
    })
  )

  onChain("is believed alone about what is worth less than a witness", () =>
    Effect.gen(function* () {
      const world = yield* testChain(506, { witnessFrom: 6_000_000 }, { witnessed: true })
      const { channel, mine, node, pay, witness } = world
      const small = yield* offer(world)
      const large = yield* offer(world)
      yield* pay(large.address, 4_000_000)
      yield* mine(3)
      yield* look(channel)
      yield* witness.falsify(away)
      yield* pay(small.address, 5_000_000)
      yield* mine(3)
      const first = told(yield* look(channel)).find(({ as }) => as === "Paid")
      assert.deepStrictEqual(first, paid(small.attempt)[0])
      // with what came in blocks that were read long ago it is more than is believed
      yield* pay(large.address, 3_000_000)
      yield* mine(3)
      yield* look(channel)
      assert.strictEqual((yield* channel.query(large.attempt))._tag, "Partial")
      assert.strictEqual(yield* kept(large.address), 1)

      // and nobody makes a small payment a large one
      const third = yield* offer(world)
      yield* witness.falsify(undefined)
      yield* pay(third.address, 1_000_000)
      yield* mine(3)
      yield* node.falsify(tellingOf(9_000_000))
      assert.strictEqual(yield* codeOf(channel.query(third.attempt)), "WITNESS_DIFFERS")
      assert.strictEqual(yield* kept(third.address), 0)
    })
  )

  onChain("makes nothing vanish by its word that the chain was reorganised", () =>
    Effect.gen(function* () {
      const world = yield* testChain(507, {}, { witnessed: true })
      const { channel, mine, node, pay } = world
      const { address } = yield* offer(world)
      yield* pay(address, 5_000_000)
      yield* mine(3)
      yield* look(channel)
      assert.strictEqual(yield* kept(address), 1)
      yield* node.falsify((question, result) => {
        if (question.method === "eth_getLogs") return []
        const block = question.method === "eth_getBlockByNumber" ? decodeBlock(result) : Option.none()
        return Option.isSome(block) ? { ...block.value, hash: someHash } : result
      })
      differ(["node"], (yield* look(channel)).incidents)
      assert.strictEqual(yield* kept(address), 1)
      yield* node.falsify(undefined)
      assert.deepStrictEqual((yield* look(channel)).incidents, [])
    })
  )
})
