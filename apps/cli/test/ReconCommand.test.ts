import { assert, layer } from "@effect/vitest"
import { TransferDetails } from "@mall/domain/ledger/Transfer"
import { ChannelId } from "@mall/domain/payments/Payment"
import { PaymentDetails } from "@mall/domain/payments/PaymentDetails"
import { ChannelFee } from "@mall/domain/treasury/ChannelFee"
import { DifferenceDetails, DifferencePage } from "@mall/domain/treasury/Difference"
import { ReconciliationChannel, Run, RunPage } from "@mall/domain/treasury/Run"
import { Money } from "@mall/domain/kernel/Money"
import { Confirmations } from "@mall/payments/lifecycle/Confirmations"
import { Payments } from "@mall/payments/lifecycle/Payments"
import { run as mallRun } from "../src/Mall.ts"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Clock, ConfigProvider, Console, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { TestConsole } from "effect/testing"
import { aMerchant, mall, newId } from "./arrange.ts"
import { CommandLine, decode } from "./CommandLine.ts"
import { SandboxProcess } from "./SandboxProcess.ts"

const methods = {
  wechatpay: "native",
  wechatpay_v2: "native",
  alipay: "precreate",
  stripe: "card",
  paypal: "paypal"
} as const
const currencies = { wechatpay: "CNY", wechatpay_v2: "CNY", alipay: "CNY", stripe: "USD", paypal: "USD" } as const
type Channel = keyof typeof methods
const channels = ["wechatpay", "wechatpay_v2", "alipay", "stripe", "paypal"] as const

/** A payment whose buyer has been told how to pay. */
const confirmed = Effect.fnUntraced(function* (channel: string, amount: Money, method: string) {
  const payments = yield* Payments
  const confirmations = yield* Confirmations
  const owner = yield* aMerchant
  const operationId = yield* newId
  const id = ChannelId.make(channel)
  const payment = yield* payments.create(
    { amount, reference: `order-${operationId}`, description: "a chair", channels: [id] },
    owner,
    operationId
  )
  const { action, attempt } = yield* confirmations.confirm(payment.id, { channel: id, method }, owner)
  return { id: payment.id, attempt, action }
})

/** A payment that its buyer has paid: its number, and the channel's number of the try. */
const paidOf = Effect.fnUntraced(function* (channel: Channel, amount: number) {
  const { control } = yield* SandboxProcess
  const { attempt, id } = yield* confirmed(channel, Money.of(amount, currencies[channel]), methods[channel])
  const reference = attempt.id.replaceAll("-", "")
  yield* control(`/${channel}/orders/${reference}/pay`)
  const { payment } = yield* decode(PaymentDetails, yield* mall("payments", "query", id, "--json"))
  assert.strictEqual(payment.status, "succeeded")
  return { id, reference }
})
const paid = (channel: Channel, amount: number) => Effect.map(paidOf(channel, amount), ({ reference }) => reference)

/** A payment of which so much was given back; the channel's number of the refund. */
const refunded = Effect.fnUntraced(function* (channel: Channel, amount: number, back: number) {
  const { control } = yield* SandboxProcess
  const { id } = yield* paidOf(channel, amount)
  const refundId = yield* newId
  const asked = ["--amount", `${back} ${currencies[channel]}`, "--refund-id", refundId, "--reason", "broken"]
  assert.strictEqual((yield* mall("payments", "refund", id, ...asked, "--yes")).code, 0)
  const reference = refundId.replaceAll("-", "")
  yield* control(`/${channel}/refunds/${reference}/succeed`)
  const { refunds } = yield* decode(PaymentDetails, yield* mall("payments", "query", id, "--json"))
  assert.deepStrictEqual(
    refunds.map(({ status }) => status),
    ["succeeded"]
  )
  return reference
})

/** Yesterday by the channel's clock, on which everything of now is shown to have happened. */
const yesterday = Effect.fnUntraced(function* (channel: Channel) {
  const sql = yield* SqlClient.SqlClient
  const { control } = yield* SandboxProcess
  yield* sql`UPDATE payments.attempts SET updated_at = updated_at - interval '1 day' WHERE channel = ${channel}`
  yield* sql`
    UPDATE payments.refunds AS r SET updated_at = r.updated_at - interval '1 day'
    FROM payments.attempts AS a WHERE a.id = r.attempt_id AND a.channel = ${channel}`
  yield* control(`/${channel}/bill-changes`, { kind: "earlier" })
  const offset = currencies[channel] === "CNY" ? 480 : 0
  const [row] = yield* Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ day: Schema.String })))(
    yield* sql`SELECT to_char(now() + ${offset}::int * interval '1 minute' - interval '1 day', 'YYYY-MM-DD') AS day`
  )
  return row?.day ?? ""
})

const counted = Effect.fnUntraced(function* (channel: string, day: string) {
  const outcome = yield* mall("recon", "run", channel, day, "--json")
  assert.deepStrictEqual([outcome.err, outcome.code], ["", 0])
  return (yield* decode(Run, outcome)).counts
})

/** Says what the stand-in takes of payments, by which the fees of its bills are compared from the beginning on. */
const charges = Effect.fnUntraced(function* (channel: Channel) {
  const terms = {
    wechatpay: ["60", "--returned"],
    wechatpay_v2: ["60", "--returned"],
    alipay: ["60", "--returned"],
    stripe: ["290", "--fixed", "30"],
    paypal: ["349", "--fixed", "49"]
  }[channel]
  const since = ["--from", "2026-01-01T00:00:00Z", "--reason", "contract", "--json"]
  const set = ["recon", "set-fee", channel, currencies[channel], ...terms, ...since]
  assert.include((yield* mall(...set)).err, "--yes")
  const fee = yield* decode(ChannelFee, yield* mall(...set, "--yes"))
  assert.deepInclude(fee, { actor: "operator:olga", basisPoints: terms[0] ?? null })
  const all = yield* decode(Schema.Array(ChannelFee), yield* mall("recon", "fees", "--json"))
  assert.deepInclude(all, fee)
})

/** The same command line by somebody else. */
const mallBy = Effect.fnUntraced(function* (operator: string, ...args: ReadonlyArray<string>) {
  const { environment } = yield* CommandLine
  const console = yield* TestConsole.make
  const settings = ConfigProvider.fromUnknown({ ...environment, MALL_OPERATOR: operator })
  const code = yield* mallRun(args).pipe(
    Effect.as(0),
    Effect.catchTag("Ended", ({ code }) => Effect.succeed(code)),
    Effect.provideService(Console.Console, console),
    Effect.provide([NodeServices.layer, ConfigProvider.layer(settings)])
  )
  return {
    code: code === 0 ? (0 as const) : (1 as const),
    out: (yield* console.logLines).map(String).join("\n"),
    err: (yield* console.errorLines).map(String).join("\n")
  }
}, Effect.scoped)

const dayMillis = 86_400_000

/** Does it as if it were a day later. */
const tomorrow = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const real = yield* Clock.Clock
    const millis = () => real.currentTimeMillisUnsafe() + dayMillis
    const clock: Clock.Clock = {
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: () => BigInt(millis()) * 1_000_000n,
      currentTimeNanos: Effect.sync(() => BigInt(millis()) * 1_000_000n),
      monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
      monotonicTimeNanos: real.monotonicTimeNanos,
      sleep: (duration) => real.sleep(duration)
    }
    return yield* Effect.provideService(effect, Clock.Clock, clock)
  })

const sandboxed = layer(SandboxProcess.layerCommandLine, { excludeTestServices: true, timeout: "60 seconds" })

sandboxed("mall recon", (it) => {
  it.effect("says of which channels it reads the bill, and refuses what is no channel or day", () =>
    Effect.gen(function* () {
      const sources = yield* decode(Schema.Array(ReconciliationChannel), yield* mall("recon", "channels", "--json"))
      const readable = sources.filter(({ format }) => format !== null).map(({ channel }) => channel)
      // the chain is packaged for some platforms only
      assert.sameMembers(
        readable.map(String).filter((channel) => channel !== "crypto"),
        [...channels]
      )
      const refused = yield* mall("recon", "run", "barter", "2026-11-01")
      assert.deepStrictEqual([refused.code, refused.out], [1, ""])
      assert.include(refused.err, "no such account at barter")
      assert.strictEqual((yield* mall("recon", "run", "wechatpay", "2026-02-30")).code, 2)
    })
  )

  for (const channel of channels) {
    it.effect(`finds every difference that ${channel}'s bill is given`, () =>
      Effect.gen(function* () {
        const { control } = yield* SandboxProcess
        const [same, missing, more, twice] = [
          yield* paid(channel, 10_000),
          yield* paid(channel, 2_000),
          yield* paid(channel, 3_000),
          yield* paid(channel, 4_000)
        ]
        const back = yield* refunded(channel, 5_000, 1_500)
        const day = yield* yesterday(channel)
        const clean = yield* counted(channel, day)
        const none = { amountDiffers: 0, missingHere: 0, missingThere: 0, duplicate: 0, stateDiffers: 0, timing: 0 }
        assert.deepStrictEqual(clean, { matched: 6, ...none, feeDiffers: 0 })

        const change = (body: Readonly<Record<string, unknown>>) => control(`/${channel}/bill-changes`, body)
        yield* charges(channel)
        assert.deepStrictEqual(yield* counted(channel, day), clean)
        yield* change({ kind: "fee", reference: same })
        yield* change({ kind: "fee", reference: back })
        assert.deepInclude(yield* counted(channel, day), { matched: 4, feeDiffers: 2 })
        yield* change({ kind: "missing", reference: missing })
        yield* change({ kind: "amount", reference: more })
        yield* change({ kind: "duplicate", reference: twice })
        yield* change({ kind: "amount", reference: back })
        yield* change({ kind: "extra", at: `${day}T10:00:00Z`, amount: 77 })
        const counts = yield* counted(channel, day)
        assert.deepInclude(counts, { matched: 2, amountDiffers: 2, missingHere: 1, duplicate: 1 })
        // within an hour of midnight what is missing is expected tomorrow
        assert.strictEqual((counts?.missingThere ?? 0) + (counts?.timing ?? 0), 1)
        const { data } = yield* decode(
          DifferencePage,
          yield* mall("recon", "differences", "--channel", channel, "--json")
        )
        const found = data.map((one) => [one.reference, one.class])
        assert.deepInclude(found, [more, "amount_differs"])
        assert.deepInclude(found, [back, "amount_differs"])
        assert.deepInclude(found, [twice, "duplicate"])
        assert.isTrue(data.some(({ reference }) => reference === missing))
        const fees = data.filter((one) => one.class === "fee_differs" && one.status === "open")
        for (const reference of [same, back]) {
          const fee = fees.find((one) => one.reference === reference)
          assert.deepStrictEqual([fee?.excess, (fee?.billFee ?? 0) - (fee?.ourFee ?? 0)].map(Number), [-2, 2])
        }
        assert.isTrue(data.every((one) => one.reference !== same || one.class === "fee_differs"))
      })
    )
  }

  it.effect("compares the chain's own account of a day once it is final", () =>
    Effect.gen(function* () {
      const { control, port } = yield* SandboxProcess
      const sql = yield* SqlClient.SqlClient
      const day = new Date(yield* Clock.currentTimeMillis).toISOString().slice(0, 10)
      if (!(yield* mall("recon", "channels")).out.includes("chain_transfers")) return
      const { action, attempt, id } = yield* confirmed("crypto", Money.of(5_000_000, "USDC"), "usdc")
      const code = action.type === "qr" ? action.content : ""
      yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/control/scan?code=${encodeURIComponent(code)}`))
      yield* control(`/crypto/orders/${/address=(0x\w+)/.exec(code)?.[1]}/pay`)
      const { payment } = yield* decode(PaymentDetails, yield* mall("payments", "query", id, "--json"))
      assert.strictEqual(payment.status, "succeeded")

      const early = yield* mall("recon", "run", "crypto", day).pipe(tomorrow)
      assert.include(early.err, "NOT_FINAL_YET")
      const rpc = (method: string, params: ReadonlyArray<unknown>) =>
        Effect.promise(() =>
          fetch(`http://127.0.0.1:${port}/crypto/rpc`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params })
          })
        )
      yield* rpc("evm_increaseTime", [86_400])
      yield* rpc("anvil_mine", ["0xd"])
      assert.deepInclude(yield* tomorrow(counted("crypto", day)), { matched: 1, missingThere: 0, missingHere: 0 })
      yield* sql`UPDATE payments.attempts SET amount = amount - 1 WHERE id = ${attempt.id}`
      assert.deepInclude(yield* tomorrow(counted("crypto", day)), { matched: 0, amountDiffers: 1 })
    })
  )

  it.effect("has a second person approve what goes into the books", () =>
    Effect.gen(function* () {
      const { control } = yield* SandboxProcess
      const day = yield* yesterday("stripe")
      yield* control("/stripe/bill-changes", { kind: "extra", at: `${day}T11:00:00Z`, amount: 88 })
      yield* mall("recon", "run", "stripe", day)
      const { data } = yield* decode(
        DifferencePage,
        yield* mall("recon", "differences", "--class", "missing_here", "--json")
      )
      const id = data.find(({ excess }) => excess === 88)?.id ?? ""
      assert.strictEqual((yield* mall("recon", "draft", id, "--reason", "paid, unknown here")).code, 0)
      const own = yield* mall("recon", "approve", id, "--reason", "seen", "--yes")
      assert.strictEqual(own.code, 1)
      assert.include(own.err, "A second person approves")
      assert.strictEqual((yield* mallBy("bob", "recon", "approve", id, "--reason", "seen")).code, 1)
      const approved = yield* mallBy("bob", "recon", "approve", id, "--reason", "seen", "--yes", "--json")
      const { corrections, difference } = yield* decode(DifferenceDetails, approved)
      assert.strictEqual(difference.status, "resolved")
      const [correction] = corrections
      const posted = yield* mall("ledger", "transfer", correction?.id ?? "", "--json")
      const { entries, transfer } = yield* decode(TransferDetails, posted)
      assert.deepInclude(transfer, { purpose: "adjustment", actor: "operator:bob", subject: id })
      assert.sameMembers(
        entries.map(({ account }) => String(account)),
        ["platform:clearing:stripe:USD", "platform:adjustments:USD"]
      )
      for (const text of ["operator:olga", "operator:bob", "approved"]) {
        assert.include((yield* mall("recon", "difference", id)).out, text)
      }
      const report = yield* mall("recon", "report", "--from", day, "--to", day, "--csv")
      assert.match(report.out, /^id,channel,day,status,lines,matched/)
      assert.include((yield* mall("recon", "report", "--from", day, "--to", day)).out, "stripe")
      assert.include((yield* mall("recon", "runs", "--channel", "stripe")).out, "superseded")
    })
  )

  it.effect("fails a run over a bill whose bytes are not those announced", () =>
    Effect.gen(function* () {
      const { control } = yield* SandboxProcess
      const day = yield* yesterday("wechatpay")
      const forge = (operation: string, times: number, fault: Readonly<Record<string, unknown>>) =>
        control("/faults", { channel: "wechatpay", operation, times, fault })
      const refused = Effect.fnUntraced(function* (reason: string) {
        const { code, err, out } = yield* mall("recon", "run", "wechatpay", day)
        assert.deepStrictEqual([code, out], [1, ""])
        assert.include(err, reason)
        const { data } = yield* decode(RunPage, yield* mall("recon", "runs", "--status", "failed", "--json"))
        assert.include(data[0]?.failure ?? "", reason)
      })
      const hash = "its bytes have another hash"
      yield* forge("billFile", 1, { kind: "tamper", what: "body" })
      yield* refused(hash)
      yield* forge("billFile", 1, { kind: "answer", with: "half", when: "after" })
      yield* refused("line ")
      yield* forge("bill", 2, { kind: "tamper", what: "body" })
      yield* refused("ANSWER_NOT_SIGNED")
    })
  )

  it.effect("fails a run over an archive of Alipay's that is damaged, cut off or at another address", () =>
    Effect.gen(function* () {
      const { control } = yield* SandboxProcess
      const day = yield* yesterday("alipay")
      const refused = Effect.fnUntraced(function* (operation: string, fault: object, reason: string, times = 1) {
        yield* control("/faults", { channel: "alipay", operation, times, fault })
        const { code, err, out } = yield* mall("recon", "run", "alipay", day)
        assert.deepStrictEqual([code, out], [1, ""])
        assert.include(err, reason)
      })
      yield* refused("billFile", { kind: "tamper", what: "body" }, "of the bill: ")
      yield* refused("billFile", { kind: "answer", with: "half", when: "after" }, "the archive is damaged: Truncated")
      yield* refused("billFile", { kind: "answer", with: "html", when: "before", status: 502 }, "HTTP_502", 2)
      yield* refused("bill", { kind: "tamper", what: "body" }, "ANSWER_NOT_SIGNED")
    })
  )

  it.effect("leaves a run to a worker where it is told to, and is the worker of one that nobody has", () =>
    Effect.gen(function* () {
      const day = "2026-01-06"
      const asked = yield* decode(Run, yield* mall("recon", "run", "alipay", day, "--detach", "--json"))
      assert.deepInclude(asked, { status: "queued", attempt: 0, startedAt: null })
      const again = yield* decode(Run, yield* mall("recon", "run", "alipay", day, "--detach", "--json"))
      assert.strictEqual(again.id, asked.id)
      const done = yield* decode(Run, yield* mall("recon", "run", "alipay", day, "--json"))
      assert.deepInclude(done, { id: asked.id, status: "completed", attempt: 1 })
      const shown = yield* mall("recon", "show", asked.id)
      assert.match(shown.out, /a worker began/)
      assert.match(shown.out, /compared/)
      const owner = yield* newId
      const refused = yield* mall("recon", "run", "alipay", day, "--merchant", owner)
      assert.include(refused.err, "The merchant has no such account at alipay")
      const none = yield* mall("recon", "channels", "--merchant", owner)
      assert.include(none.out, "There is an account at no channel.")
    })
  )

  it.effect("has nothing to compare on a day of which a channel says that nothing happened", () =>
    Effect.gen(function* () {
      for (const channel of ["wechatpay_v2", "alipay"]) {
        const run = yield* decode(Run, yield* mall("recon", "run", channel, "2026-01-05", "--json"))
        assert.deepInclude(run, { status: "completed", lines: 0, records: 0, sha256: null }, channel)
      }
    })
  )

  it.effect("does not take what WeChat Pay v2 says in the place of a bill for one", () =>
    Effect.gen(function* () {
      const { control } = yield* SandboxProcess
      const day = yield* yesterday("wechatpay_v2")
      const fault = { kind: "answer", with: "error", when: "before", status: 200, code: "SYSTEMERROR" }
      yield* control("/faults", { channel: "wechatpay_v2", operation: "bill", times: 1, fault })
      const { code, err } = yield* mall("recon", "run", "wechatpay_v2", day)
      assert.strictEqual(code, 1)
      assert.include(err, "did not give its bill")
    })
  )

  it.effect("asks PayPal for halves of a day that has too many transactions", () =>
    Effect.gen(function* () {
      const { control } = yield* SandboxProcess
      const day = yield* yesterday("paypal")
      const whole = yield* decode(Run, yield* mall("recon", "run", "paypal", day, "--json"))
      const fault = { kind: "answer", with: "error", when: "before", status: 400, code: "RESULTSET_TOO_LARGE" }
      yield* control("/faults", { channel: "paypal", operation: "bill", times: 3, fault })
      const halves = yield* decode(Run, yield* mall("recon", "run", "paypal", day, "--json"))
      assert.isAbove(whole.lines, 0)
      assert.deepStrictEqual([halves.lines, halves.counts], [whole.lines, whole.counts])
    })
  )

  it.effect("answers for what does not exist", () =>
    Effect.gen(function* () {
      const id = yield* newId
      for (const command of [
        ["difference", id],
        ["assign", id, "--to", "olga"],
        ["resolve", id, "--reason", "x", "--yes"],
        ["draft", id, "--reason", "x"],
        ["approve", id, "--reason", "x", "--yes"],
        ["reject", id, "--reason", "x", "--yes"],
        ["show", id]
      ]) {
        const { code, err, out } = yield* mall("recon", ...command)
        assert.deepStrictEqual([code, out], [1, ""], command.join(" "))
        assert.match(err, /^There is no such/, command.join(" "))
      }
      assert.strictEqual((yield* mall("recon", "rules", "--set", "/no/such/file", "--yes")).code, 1)
      assert.include((yield* mall("recon", "rules")).out, "No rule: people resolve.")
    })
  )
})
