import type { NewTransfer } from "@mall/domain/ledger/Transfer"
import { assert, layer } from "@effect/vitest"
import { AccountCode } from "@mall/domain/ledger/Account"
import { Array, Clock, Effect, Exit, Fiber, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { HashChain } from "../src/HashChain.ts"
import { Ledger } from "../src/Ledger.ts"
import { LedgerReads } from "../src/LedgerReads.ts"
import { Posting } from "../src/Posting.ts"
import {
  clearing,
  credit,
  debit,
  fees,
  moved,
  newTransferId,
  payable,
  pending,
  post,
  single,
  TestLedger,
  voiding,
  wallet
} from "./LedgerTest.ts"
import { ReferenceModel } from "./ReferenceModel.ts"

const balanceOf = Effect.fnUntraced(function* (account: AccountCode) {
  const reads = yield* LedgerReads
  return (yield* reads.account("all", account)).balance
})

const fund = Effect.fnUntraced(function* (account: AccountCode, amount: number) {
  const ledger = yield* Ledger
  yield* ledger.post([yield* moved(debit(clearing, amount), credit(account, amount))])
})

const refusalOf = (transfers: ReadonlyArray<NewTransfer>) =>
  Effect.map(Effect.flip(Ledger.use((ledger) => ledger.post(transfers))), ({ code }) => code)

const sound = Effect.gen(function* () {
  const chain = yield* HashChain
  while ((yield* chain.seal(500)) === 500);
  assert.isNull((yield* chain.verify).fault)
})

layer(TestLedger, { excludeTestServices: true })("The ledger", (it) => {
  it.effect("moves money between accounts, and answers the same id once", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const id = yield* newTransferId
      const transfer = single(id, debit(clearing, 1000), credit(payable, 970), credit(fees, 30))
      assert.isTrue(yield* ledger.post([transfer]))
      assert.isFalse(yield* ledger.post([transfer]))
      assert.strictEqual(yield* balanceOf(payable), 970)
      assert.strictEqual(yield* balanceOf(fees), 30)
      assert.strictEqual(
        yield* refusalOf([single(id, debit(clearing, 1001), credit(payable, 1001))]),
        "TransferIdReused"
      )
      yield* sound
    })
  )

  it.effect("refuses what does not add up", () =>
    Effect.gen(function* () {
      const foreign = AccountCode.make("platform:payable:USD")
      for (const legs of [
        [debit(clearing, 2), credit(payable, 1)],
        [debit(clearing, 1), credit(foreign, 1)],
        [debit(clearing, 1), credit(clearing, 1)],
        [debit(clearing, 1)]
      ]) {
        assert.strictEqual(yield* refusalOf([yield* moved(...legs)]), "TransferMalformed")
      }
      const huge = Number.MAX_SAFE_INTEGER
      yield* fund(wallet("huge"), 1)
      assert.strictEqual(
        yield* refusalOf([yield* moved(debit(clearing, huge), credit(wallet("huge"), huge))]),
        "BalanceTooLarge"
      )
    })
  )

  it.effect("balances each currency of a transfer that exchanges", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const code = AccountCode.make
      const legs = [
        ...[debit(code("platform:payable:USD"), 100), credit(code("platform:fx:USD"), 100)],
        ...[debit(code("platform:fx:CNY"), 720), credit(code("platform:wallet:traveller:CNY"), 720)]
      ]
      yield* ledger.post([yield* moved(...legs)])
      assert.strictEqual(yield* balanceOf(code("platform:fx:CNY")), 720)
      assert.strictEqual(yield* balanceOf(code("platform:fx:USD")), -100)
    })
  )

  it.effect("never overdraws a guarded account, however many ask at once; a refusal spoils no other", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const account = wallet("raced")
      yield* fund(account, 1000)
      const exits = yield* Effect.forEach(
        Array.range(1, 50),
        Effect.fnUntraced(function* () {
          return yield* Effect.exit(ledger.post([yield* moved(debit(account, 100), credit(payable, 100))]))
        }),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 10)
      assert.strictEqual(yield* balanceOf(account), 0)
    })
  )

  it.effect("holds money, and posts all, a part or none of it, once", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const account = wallet("held")
      yield* fund(account, 300)
      const hold = Effect.fnUntraced(function* () {
        const id = yield* newTransferId
        yield* ledger.post([pending(id, null, debit(account, 100), credit(payable, 100))])
        return id
      })
      const [whole, part, none] = [yield* hold(), yield* hold(), yield* hold()]
      assert.strictEqual(yield* refusalOf([yield* moved(debit(account, 1), credit(payable, 1))]), "AccountOverdrawn")
      yield* ledger.post([post(yield* newTransferId, whole)])
      const tooMuch = [debit(account, 101), credit(payable, 101)]
      assert.strictEqual(yield* refusalOf([post(yield* newTransferId, part, tooMuch)]), "TransferMalformed")
      yield* ledger.post([post(yield* newTransferId, part, [debit(account, 40), credit(payable, 40)])])
      yield* ledger.post([voiding(yield* newTransferId, none)])
      assert.strictEqual(yield* refusalOf([post(yield* newTransferId, none)]), "PendingTransferOver")
      assert.strictEqual(yield* refusalOf([voiding(yield* newTransferId, whole)]), "PendingTransferOver")
      assert.strictEqual(
        yield* refusalOf([voiding(yield* newTransferId, yield* newTransferId)]),
        "PendingTransferNotFound"
      )
      const reads = yield* LedgerReads
      const { balance, debitsPending } = yield* reads.account("all", account)
      assert.deepStrictEqual([balance, debitsPending], [160, 0])
      assert.strictEqual((yield* reads.transfer(part)).outcome, "posted")
    })
  )

  it.effect("ends a pending transfer once, though two ask at the same moment", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const posting = yield* Posting
      const sql = yield* SqlClient.SqlClient
      const id = yield* newTransferId
      yield* ledger.post([pending(id, null, debit(clearing, 5), credit(payable, 5))])
      // one through the group, one in a transaction of its own as another process would
      const here = ledger.post([post(yield* newTransferId, id)])
      const there = posting.postAll([{ isFact: false, transfers: [voiding(yield* newTransferId, id)] }]).pipe(
        sql.withTransaction,
        Effect.flatMap(([decision]) => Effect.fromResult(decision!))
      )
      const exits = yield* Effect.all([Effect.exit(here), Effect.exit(Effect.as(there, true))], {
        concurrency: "unbounded"
      })
      assert.strictEqual(exits.filter((exit) => Exit.isSuccess(exit)).length, 1)
    })
  )

  it.effect("expires what was not posted in time", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const account = wallet("late")
      yield* fund(account, 10)
      const past = new Date((yield* Clock.currentTimeMillis) - 1)
      const id = yield* newTransferId
      yield* ledger.post([pending(id, past, debit(account, 10), credit(payable, 10))])
      assert.strictEqual(yield* refusalOf([post(yield* newTransferId, id)]), "PendingTransferOver")
      assert.strictEqual(yield* ledger.expire(100), 1)
      assert.strictEqual(yield* ledger.expire(100), 0)
      const reads = yield* LedgerReads
      assert.strictEqual((yield* reads.transfer(id)).outcome, "expired")
      yield* ledger.post([yield* moved(debit(account, 10), credit(payable, 10))])
    })
  )

  it.effect("posts linked transfers all or none", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const [a, b] = [wallet("linked-a"), wallet("linked-b")]
      yield* fund(a, 10)
      const pass = Effect.all([moved(debit(a, 10), credit(b, 10)), moved(debit(b, 11), credit(payable, 11))])
      assert.strictEqual(yield* refusalOf(yield* pass), "AccountOverdrawn")
      assert.strictEqual(yield* balanceOf(a), 10)
      const held = yield* newTransferId
      yield* ledger.post([
        pending(held, null, debit(a, 10), credit(b, 10)),
        post(yield* newTransferId, held),
        yield* moved(debit(b, 10), credit(payable, 10))
      ])
      assert.deepStrictEqual([yield* balanceOf(a), yield* balanceOf(b)], [0, 0])
    })
  )

  it.effect("posts one id once, however many send it at the same time", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const posting = yield* Posting
      const sql = yield* SqlClient.SqlClient
      const before = yield* balanceOf(fees)
      const transfer = yield* moved(debit(clearing, 7), credit(fees, 7))
      const alone = posting.postAll([{ isFact: false, transfers: [transfer] }]).pipe(sql.withTransaction, Effect.exit)
      const news = yield* Effect.all(
        [...Array.makeBy(20, () => ledger.post([transfer])), ...Array.makeBy(4, () => Effect.as(alone, false))],
        { concurrency: "unbounded" }
      )
      assert.isAtMost(news.filter((isNew) => isNew).length, 1)
      assert.strictEqual(yield* balanceOf(fees), before + 7)
    })
  )

  it.effect("closes an account that is empty, which then takes only what has happened", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const account = AccountCode.make("platform:payable:EUR")
      const bank = AccountCode.make("platform:clearing:EUR")
      yield* ledger.post([yield* moved(debit(bank, 5), credit(account, 5))])
      assert.strictEqual((yield* Effect.flip(ledger.close(account, "test", "done"))).code, "AccountNotClosable")
      yield* ledger.post([yield* moved(credit(bank, 5), debit(account, 5))])
      yield* ledger.close(account, "test", "done")
      assert.strictEqual(yield* refusalOf([yield* moved(debit(bank, 5), credit(account, 5))]), "AccountClosed")
    })
  )

  it.effect("lets nothing of a transaction that dies midway be seen", () =>
    Effect.gen(function* () {
      const posting = yield* Posting
      const sql = yield* SqlClient.SqlClient
      const account = AccountCode.make("platform:payable:JPY")
      const transfer = yield* moved(debit(AccountCode.make("platform:clearing:JPY"), 5), credit(account, 5))
      const killed = Effect.gen(function* () {
        yield* posting.postAll([{ isFact: true, transfers: [transfer] }])
        yield* sql`SELECT pg_terminate_backend(pg_backend_pid())`
      }).pipe(sql.withTransaction)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(killed)))
      const reads = yield* LedgerReads
      assert.strictEqual((yield* Effect.flip(reads.account("all", account))).code, "LedgerAccountNotFound")
      const again = yield* posting.postAll([{ isFact: true, transfers: [transfer] }]).pipe(sql.withTransaction)
      assert.strictEqual(again.length, 1)
      assert.strictEqual(yield* balanceOf(account), 5)
      yield* sound
    })
  )

  it.effect("does not let concurrent transactions wait for a busy account", () =>
    Effect.gen(function* () {
      const posting = yield* Posting
      const sql = yield* SqlClient.SqlClient
      const waits = yield* Effect.forEach(
        Array.range(1, 64),
        Effect.fnUntraced(function* () {
          const transfer = yield* moved(debit(clearing, 1), credit(payable, 1))
          return yield* posting.postAll([{ isFact: true, transfers: [transfer] }]).pipe(sql.withTransaction)
        }),
        { concurrency: 12 }
      )
      assert.strictEqual(waits.length, 64)
      const [shards] = yield* sql`
        SELECT count(*) FILTER (WHERE b.version > 0) AS used FROM ledger.balances AS b
        JOIN ledger.accounts AS a ON a.id = b.account_id WHERE a.code = ${clearing}`
      assert.isAbove(Number(shards?.["used"]), 1)
      yield* sound
    })
  )
})

const Step = Schema.Struct({
  kind: Schema.Literals(["single", "pending", "post", "part", "void", "linked", "again", "other"]),
  from: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 })),
  to: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 })),
  amount: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 50 })),
  which: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))
})
const History = Schema.Array(Step).check(Schema.isMinLength(1), Schema.isMaxLength(40))

/** Turns steps into chains of transfers over five accounts of which two are guarded. */
const chainsOf = Effect.fnUntraced(function* (steps: ReadonlyArray<typeof Step.Type>, run: string) {
  const accounts = [clearing, payable, fees, wallet(`${run}-a`), wallet(`${run}-b`)]
  const chains: Array<ReadonlyArray<NewTransfer>> = []
  const holds: Array<Extract<NewTransfer, { readonly type: "pending" }>> = []
  for (const { amount, from, kind, to, which } of steps) {
    const id = yield* newTransferId
    const legs = [debit(accounts[from]!, amount), credit(accounts[to === from ? (to + 1) % 5 : to]!, amount)]
    const hold = holds[which % Math.max(1, holds.length)]
    const former = chains[which % Math.max(1, chains.length)]
    if (kind === "pending") {
      const held = pending(id, null, ...legs)
      if (held.type === "pending") holds.push(held)
      chains.push([held])
    } else if (kind === "post" && hold !== undefined) chains.push([post(id, hold.id)])
    else if (kind === "part" && hold !== undefined) {
      chains.push([
        post(
          id,
          hold.id,
          hold.legs.map((leg) => ({ ...leg, amount: legs[0]!.amount }))
        )
      ])
    } else if (kind === "void" && hold !== undefined) chains.push([voiding(id, hold.id)])
    else if (kind === "again" && former !== undefined) chains.push(former)
    else if (kind === "other" && former !== undefined) chains.push([single(former[0]!.id, ...legs)])
    else if (kind === "linked")
      chains.push([single(id, ...legs), yield* moved(debit(accounts[4]!, amount), credit(accounts[3]!, amount))])
    else chains.push([single(id, ...legs)])
  }
  return { accounts, chains }
})

const sumsOf = Effect.fnUntraced(function* (accounts: ReadonlyArray<AccountCode>) {
  const reads = yield* LedgerReads
  return yield* Effect.forEach(accounts, (code) =>
    reads.account("all", code).pipe(
      Effect.map((a) => [a.debitsPending, a.debitsPosted, a.creditsPending, a.creditsPosted]),
      Effect.catchTag("LedgerAccountNotFound", () => Effect.succeed([0, 0, 0, 0]))
    )
  )
})

layer(TestLedger, { excludeTestServices: true })("A random history", (it) => {
  it.effect.prop(
    "ends as the reference model says, step by step",
    { steps: History },
    ({ steps }) =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const model = new ReferenceModel()
        const { accounts, chains } = yield* chainsOf(steps, (yield* newTransferId).slice(-12))
        const before = yield* sumsOf(accounts)
        for (const chain of chains) {
          const exit = yield* Effect.exit(ledger.post(chain))
          assert.strictEqual(Exit.isSuccess(exit), model.post(chain), JSON.stringify({ chain, exit }))
        }
        const after = yield* sumsOf(accounts)
        accounts.forEach((code, index) => {
          const moved = after[index]!.map((sum, column) => sum - before[index]![column]!)
          assert.deepStrictEqual(moved, model.sums.get(code) ?? [0, 0, 0, 0], code)
        })
      }),
    { arbitrary: { runs: 40 } }
  )

  it.effect.prop(
    "of concurrent posters loses nothing and keeps the books sound",
    { steps: History },
    ({ steps }) =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const { accounts, chains } = yield* chainsOf(steps, (yield* newTransferId).slice(-12))
        const fibers = yield* Effect.forEach(chains, (chain) => Effect.forkChild(Effect.exit(ledger.post(chain))))
        const exits = yield* Effect.forEach(fibers, Fiber.join)
        assert.isTrue(
          exits.every((exit) => Exit.isSuccess(exit) || !exit.cause.reasons.some(({ _tag }) => _tag === "Die"))
        )
        const [, , , a, b] = yield* sumsOf(accounts)
        for (const sums of [a, b]) assert.isAtMost(sums![0]! + sums![1]!, sums![3]!)
        yield* sound
      }),
    { arbitrary: { runs: 20 } }
  )
})
