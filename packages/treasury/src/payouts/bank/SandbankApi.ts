import { formatMajor } from "@mall/domain/kernel/Currency"
import { PayoutId } from "@mall/domain/treasury/Payouts"
import type { DownstreamUnavailable } from "@mall/platform/DownstreamError"
import { Effect, Redacted, Schema } from "effect"
import { BankSilent, noAnswer } from "./BankChannel.ts"
import type { BankAnswer, BankChannel, BankInstruction } from "./BankChannel.ts"
import type { BankCall, SandbankClient } from "./SandbankClient.ts"

/** A transfer in the bank's words. */
const BankTransfer = Schema.Struct({
  id: PayoutId,
  status: Schema.Literals(["accepted", "executed", "rejected", "returned"]),
  amount: Schema.String,
  currency: Schema.String,
  bankReference: Schema.String,
  reason: Schema.NullOr(Schema.String)
})
type BankTransfer = typeof BankTransfer.Type

const BankStatement = Schema.Struct({ entries: Schema.Array(BankTransfer), readTo: Schema.String })
const BankRefusal = Schema.Struct({ code: Schema.String })

const decodeTransfer = Schema.decodeEffect(Schema.fromJsonString(BankTransfer))
const decodeStatement = Schema.decodeEffect(Schema.fromJsonString(BankStatement))
const decodeRefusal = Schema.decodeEffect(Schema.fromJsonString(BankRefusal))
const encodeJson = Schema.encodeSync(Schema.fromJsonString(Schema.Json))

const states = { accepted: "accepted", executed: "paid", rejected: "refused", returned: "returned" } as const

const answerOf = ({ amount, bankReference, currency, id, reason, status }: BankTransfer): BankAnswer => ({
  ...{ id, state: states[status], moved: { amount, currency }, bankReference, reason }
})

const bodyOf = ({ amount, bankCode, bic, country, currency, holder, id, number }: BankInstruction) =>
  encodeJson({
    ...{ id, amount: formatMajor(amount, currency), currency },
    creditor: { name: holder, country, account: Redacted.value(number), bankCode, bic }
  })

const concurrency = 4

/** The bank by calls: JSON, a transfer each, keyed by our id. */
export const make = (client: SandbankClient): BankChannel => {
  const unanswered =
    (id: PayoutId) =>
    ({ message }: DownstreamUnavailable | Schema.SchemaError) =>
      Effect.succeed(noAnswer(id, message))

  const ask = (id: PayoutId, request: BankCall): Effect.Effect<BankAnswer> =>
    Effect.gen(function* () {
      const { body, status } = yield* client.call(request)
      if (status === 404) return { ...noAnswer(id, "unknown to the bank"), state: "not_found" } as const
      if (status === 422) {
        const { code } = yield* decodeRefusal(body)
        return { ...noAnswer(id, code), state: "refused" } as const
      }
      if (status >= 300) return noAnswer(id, `HTTP_${status}`)
      const transfer = yield* decodeTransfer(body)
      return transfer.id === id ? answerOf(transfer) : noAnswer(id, "the answer is of another transfer")
    }).pipe(Effect.catchTags({ DownstreamUnavailable: unanswered(id), SchemaError: unanswered(id) }))

  const silent = ({ message }: DownstreamUnavailable | Schema.SchemaError) =>
    Effect.fail(new BankSilent({ reason: message }))

  return {
    ...{ id: "sandbank_api", bank: "sandbank" },
    submit: (_batchId, instructions) =>
      Effect.forEach(
        instructions,
        (instruction) =>
          ask(instruction.id, {
            ...{ operation: "submit", method: "POST", path: "/v1/transfers", body: bodyOf(instruction) }
          }),
        { concurrency }
      ),
    query: (questions) =>
      Effect.forEach(
        questions,
        ({ id }) => ask(id, { operation: "query", method: "GET", path: `/v1/transfers/${id}` }),
        { concurrency }
      ),
    statement: (after) =>
      client.call({ operation: "statement", method: "GET", path: `/v1/statement?after=${after ?? "0"}` }).pipe(
        Effect.flatMap(({ body }) => decodeStatement(body)),
        Effect.map(({ entries, readTo }) => ({ entries: entries.map(answerOf), readTo })),
        Effect.catchTags({ DownstreamUnavailable: silent, SchemaError: silent })
      )
  }
}
