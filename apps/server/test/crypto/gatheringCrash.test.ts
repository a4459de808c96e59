import { assert, describe, it } from "@effect/vitest"
import { anvilBinary } from "@mall/sandbox/crypto/Anvil"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startRpcTap } from "@mall/testing/RpcTap"
import type { Question, Stop } from "@mall/testing/RpcTap"
import { startServer } from "@mall/testing/TestServer"
import { Effect, Option } from "effect"
import { eventually, signIn } from "../shoppers.ts"
import { chainBooksOf } from "./chainBooks.ts"
import { localChain, treasury } from "./localChain.ts"
import { lookAtChain, payOnChain } from "./payOnChain.ts"

const chainId = 5_101
const amount = 5_000_000

const asked = (method: string) => (question: Question) => question.method === method

/** The moments of a gathering, by the question to the node at which a process stands still then. */
const moments = {
  /** It is planned, and nothing is signed. */
  planned: { when: "before", isIt: asked("eth_getTransactionCount") },
  /** The bytes are kept, and the node has never seen them. */
  kept: { when: "before", isIt: asked("eth_sendRawTransaction") },
  /** The node has them, and its answer does not come. */
  sent: { when: "after", isIt: asked("eth_sendRawTransaction") },
  /** A block has it. */
  mined: { when: "after", isIt: (question, result) => asked("eth_getTransactionReceipt")(question) && result !== null }
} satisfies Record<string, Stop>

/** It is as deep as it has to be, which is about to be written down. */
const final = (): Stop => {
  let isMined = false
  return {
    when: "after",
    isIt: (question, result) => {
      isMined ||= moments.mined.isIt(question, result)
      return isMined && asked("eth_blockNumber")(question)
    }
  }
}

describe("A process that gathers deposits", () => {
  // the chain is packaged for some platforms only
  const binary = anvilBinary(process.platform, process.arch)
  const onChain = Option.isSome(binary) ? it.live : it.live.skip

  onChain(
    "and is killed at each moment of it sends every deposit to the treasury once, and nothing twice",
    () =>
      Effect.gen(function* () {
        const database = yield* acquireDatabase
        const chain = yield* localChain(Option.getOrThrow(binary), chainId)
        const tap = yield* startRpcTap(chain.rpcUrl)
        const books = yield* chainBooksOf(database)
        const server = yield* startServer({
          database,
          roles: "api,worker",
          environment: {
            ...chain.environment,
            CRYPTO_RPC_URL: tap.url,
            CRYPTO_GATHER_FROM: "1000000",
            CRYPTO_CONFIRMATIONS: "3",
            // nothing is to be sent anew because we are slow, and a process stands still until it is killed
            CRYPTO_REPRICE_AFTER: "1 hour",
            CRYPTO_TIMEOUT: "2 minutes",
            SWEEP_FIRST_WITHIN: "1 second",
            ACCESS_LOG: "false"
          }
        })
        const merchant = yield* signIn(server.url, "merchant@demo.mall")
        const operator = yield* signIn(server.url, "admin@demo.mall")
        const gather = operator.admin["admin.sweeps.run"]({ name: "payment_gathering" })

        // each process gathers once soon after its start: what is paid after that waits for us
        yield* eventually(
          operator.admin["admin.sweeps.list"](),
          (all) => all.some(({ lastRun, name }) => name === "payment_gathering" && lastRun !== null),
          "the first run of the sweep"
        )

        /** Kills the server where it stands, looks, and starts it again, to stand still at `next`. */
        const dieAt = Effect.fnUntraced(function* (
          { reached }: { readonly reached: Effect.Effect<void> },
          look: Effect.Effect<void>,
          next: Stop | undefined
        ) {
          yield* Effect.timeout(reached, "1 minute")
          yield* server.kill9
          yield* look
          const stop = yield* tap.stopAt(next)
          yield* server.restart
          return stop
        })
        const standsAs = (
          status: "pending" | "signed",
          transactions: { readonly pooled: number; readonly mined: number },
          moment: string
        ) =>
          Effect.gen(function* () {
            const [gathering, ...others] = yield* books.gatherings
            assert.deepStrictEqual([gathering?.status, gathering?.addresses, others], [status, 3, []], moment)
            assert.deepStrictEqual(yield* chain.transactions, transactions, moment)
          })

        const paid = yield* Effect.forEach(["G-1", "G-2", "G-3"], (reference) =>
          payOnChain(merchant, operator, chain, { reference, amount })
        )
        const booked = yield* books.ledger
        assert.isAbove(booked.entries, 0)
        yield* chain.automine(false)

        const planned = yield* tap.stopAt(moments.planned)
        yield* Effect.forkScoped(Effect.exit(gather))
        const kept = yield* dieAt(planned, standsAs("pending", { pooled: 0, mined: 0 }, "planned"), moments.kept)
        const sent = yield* dieAt(kept, standsAs("signed", { pooled: 0, mined: 0 }, "kept"), moments.sent)
        const mined = yield* dieAt(
          sent,
          Effect.andThen(standsAs("signed", { pooled: 1, mined: 0 }, "sent"), chain.mine(1)),
          moments.mined
        )
        const deep = yield* dieAt(
          mined,
          Effect.andThen(standsAs("signed", { pooled: 1, mined: 1 }, "mined"), chain.mine(2)),
          final()
        )
        yield* dieAt(deep, standsAs("signed", { pooled: 1, mined: 1 }, "final"), undefined)
        const gatherings = Effect.andThen(lookAtChain(operator), books.gatherings)
        yield* eventually(gatherings, ([first]) => first?.status === "confirmed", "the gathering to be final")
        yield* server.kill9
        yield* server.restart

        assert.strictEqual(yield* gather, 0)
        assert.strictEqual(yield* chain.balance(treasury), BigInt(3 * amount))
        assert.deepStrictEqual(yield* books.ledger, booked)

        // what comes afterwards goes out by the next number
        yield* chain.automine(true)
        const later = yield* payOnChain(merchant, operator, chain, { reference: "G-4", amount })
        yield* gather
        yield* eventually(chain.transactions, ({ mined }) => mined === 2, "the second gathering to be mined")
        yield* chain.mine(2)
        yield* eventually(gatherings, (all) => all.every(({ status }) => status === "confirmed"), "its end")

        assert.deepStrictEqual(
          (yield* chain.arrivals).toSorted(),
          [...paid, later].map((address) => `${address} ${amount}`).toSorted()
        )
        assert.deepStrictEqual(yield* books.nonces, { used: [0, 1], next: 2 })
        const raws = tap
          .questions()
          .flatMap(({ method, params }) => (method === "eth_sendRawTransaction" ? params : []))
        assert.sameMembers([...new Set(raws)], [...(yield* books.signed)])
        assert.strictEqual((yield* books.signed).length, 2)
      }),
    600_000
  )
})
