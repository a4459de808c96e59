import * as NodeServices from "@effect/platform-node/NodeServices"
import { DisputeDetails, DisputePage } from "@mall/domain/payments/Dispute"
import { ChannelId } from "@mall/domain/payments/Payment"
import { PaymentDetails } from "@mall/domain/payments/PaymentDetails"
import { Confirmations } from "@mall/payments/lifecycle/Confirmations"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Schema } from "effect"
import { aPayment, mall, newId } from "./arrange.ts"
import { CommandLine, decode } from "./CommandLine.ts"
import { SandboxProcess } from "./SandboxProcess.ts"

/** A payment of 50 dollars that its buyer has paid at the channel, and what their bank then wants of it. */
const disputed = Effect.fnUntraced(function* (dispute: Readonly<Record<string, unknown>> = {}) {
  const confirmations = yield* Confirmations
  const { control } = yield* SandboxProcess
  const { id, owner } = yield* aPayment
  const { attempt } = yield* confirmations.confirm(id, { channel: ChannelId.make("stripe"), method: "card" }, owner)
  const order = attempt.id.replaceAll("-", "")
  yield* control(`/stripe/orders/${order}/pay`)
  const { payment } = yield* decode(PaymentDetails, yield* mall("payments", "query", id, "--json"))
  assert.strictEqual(payment.status, "succeeded")
  yield* control(`/stripe/orders/${order}/disputes`, dispute)
  return id
})

const synced = Effect.gen(function* () {
  const Found = Schema.Struct({ found: Schema.Int })
  return (yield* decode(Found, yield* mall("disputes", "sync", "--json"))).found
})

/** The dispute that our books know of the payment. */
const known = Effect.gen(function* () {
  const id = yield* disputed({ reason: "product_not_received" })
  assert.strictEqual(yield* synced, 1)
  const { data } = yield* decode(DisputePage, yield* mall("disputes", "list", "--status", "needs_response", "--json"))
  const found = data.find(({ paymentId }) => paymentId === id)
  return yield* Effect.fromNullishOr(found)
})

const sandboxed = layer(SandboxProcess.layerCommandLine, { excludeTestServices: true, timeout: "60 seconds" })

sandboxed("mall disputes", (it) => {
  it.effect("finds what no notice told, answers it and sends the evidence to the bank", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* mall("disputes", "list")).out, "There are no such disputes.")
      const { id } = yield* known
      assert.strictEqual(yield* synced, 0)
      assert.include((yield* mall("disputes", "list")).out, "product_not_received")
      const empty = yield* mall("disputes", "submit", id, "--yes")
      assert.deepStrictEqual([empty.code, empty.out], [1, ""])
      assert.include(empty.err, "There is no evidence to submit")

      const { folder } = yield* CommandLine
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFile(`${folder}/receipt.png`, new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))
      yield* fs.writeFileString(`${folder}/receipt.html`, "<html>")
      yield* mall("disputes", "evidence", id, "product_description", "--text", "Two shirts")
      const page = yield* mall("disputes", "evidence", id, "receipt", "--file", `${folder}/receipt.html`)
      assert.strictEqual(page.code, 1)
      assert.include(page.err, "Evidence is a PDF, a JPEG or a PNG")
      assert.strictEqual(
        (yield* mall("disputes", "evidence", id, "receipt", "--file", `${folder}/receipt.png`)).code,
        0
      )

      const unconfirmed = yield* mall("disputes", "submit", id)
      assert.strictEqual(unconfirmed.code, 2)
      const sent = yield* decode(DisputeDetails, yield* mall("disputes", "submit", id, "--yes", "--json"))
      assert.strictEqual(sent.dispute.status, "under_review")
      assert.deepStrictEqual(
        sent.evidence.map(({ addedBy, kind, submittedAt }) => [kind, addedBy, submittedAt !== null]),
        [
          ["product_description", "operator:olga", true],
          ["receipt", "operator:olga", true]
        ]
      )
      const shown = yield* mall("disputes", "show", id)
      for (const text of ["under_review", "operator:olga", "Two shirts", "image/png"]) assert.include(shown.out, text)
      const late = yield* mall("disputes", "evidence", id, "customer_name", "--text", "Ann")
      assert.strictEqual(late.code, 1)
      assert.include(late.err, "The dispute is under_review")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("gives up for good only with --yes, and asks about one", () =>
    Effect.gen(function* () {
      const { id } = yield* known
      const asked = yield* decode(DisputeDetails, yield* mall("disputes", "sync", id, "--json"))
      assert.strictEqual(asked.dispute.status, "needs_response")
      const { code, err } = yield* mall("disputes", "accept", id)
      assert.strictEqual(code, 2)
      assert.include(err, "add --yes")
      const accepted = yield* decode(DisputeDetails, yield* mall("disputes", "accept", id, "--yes", "--json"))
      assert.strictEqual(accepted.dispute.status, "accepted")
      assert.deepInclude(accepted.history.at(-1), { actor: "operator:olga", reason: "given up" })
      const { data } = yield* decode(DisputePage, yield* mall("disputes", "list", "--status", "accepted", "--json"))
      assert.deepStrictEqual(
        data.map((one) => one.id),
        [id]
      )
    })
  )

  it.effect("says what does not exist, and what was wrongly asked", () =>
    Effect.gen(function* () {
      const id = yield* newId
      for (const command of [
        ["show", id],
        ["sync", id],
        ["submit", id, "--yes"],
        ["accept", id, "--yes"],
        ["evidence", id, "customer_name", "--text", "Ann"]
      ]) {
        const { code, err, out } = yield* mall("disputes", ...command)
        assert.deepStrictEqual([code, out], [1, ""], command.join(" "))
        assert.match(err, /^There is no such dispute[^\n]*\.$/, command.join(" "))
      }
      for (const command of [
        ["show", "abc"],
        ["list", "--status", "open"],
        ["evidence", id, "gossip", "--text", "Ann"],
        ["evidence", id, "receipt", "--file", "/no/such/file.pdf"]
      ]) {
        assert.strictEqual((yield* mall("disputes", ...command)).code, 2, command.join(" "))
      }
      const textForFile = yield* mall("disputes", "evidence", id, "receipt", "--text", "paid")
      assert.notStrictEqual(textForFile.code, 0)
      assert.notInclude(textForFile.err, "SchemaError")
    })
  )
})
