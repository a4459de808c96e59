import type { DownstreamUnavailable } from "@mall/platform/DownstreamError"
import { Array, DateTime, Effect } from "effect"
import { BankSilent, noAnswer } from "./BankChannel.ts"
import type { BankAnswer, BankChannel, BankQuestion } from "./BankChannel.ts"
import { endToEndIdOf, parseStatement, parseStatusReport, transferOrderOf } from "./iso20022.ts"
import type { SandbankClient } from "./SandbankClient.ts"
import type { XmlUnreadable } from "./xmlTree.ts"

/** What is not in the report that it should be in is not known. */
const answersTo = (questions: ReadonlyArray<BankQuestion>, answers: ReadonlyArray<BankAnswer>, reason: string) =>
  questions.map(({ id }) => answers.find((answer) => answer.id === id) ?? noAnswer(id, reason))

/** The bank by files of ISO 20022: an order of many transfers is put there, and reports are fetched. */
export const make = (client: SandbankClient): BankChannel => {
  const report = Effect.fnUntraced(function* (batchId: string) {
    const { body, status } = yield* client.call({
      ...{ operation: "report", method: "GET", path: `/files/pain.002/${endToEndIdOf(batchId)}` }
    })
    if (status === 404) return "not_found" as const
    return yield* parseStatusReport(body)
  })

  const queryBatch = Effect.fnUntraced(
    function* (batchId: string, questions: ReadonlyArray<BankQuestion>) {
      const answers = yield* report(batchId)
      if (answers !== "not_found") return answersTo(questions, answers, "not in the bank's report")
      return questions.map(({ id }): BankAnswer => ({ ...noAnswer(id, "unknown to the bank"), state: "not_found" }))
    },
    (asked, _batchId, questions) =>
      Effect.catchTags(asked, {
        DownstreamUnavailable: ({ message }) => Effect.succeed(answersTo(questions, [], message)),
        XmlUnreadable: ({ message }) => Effect.succeed(answersTo(questions, [], message))
      })
  )

  const silent = ({ message }: DownstreamUnavailable | XmlUnreadable) =>
    Effect.fail(new BankSilent({ reason: message }))

  return {
    ...{ id: "sandbank_files", bank: "sandbank" },
    submit: Effect.fnUntraced(function* (batchId, instructions) {
      const now = yield* DateTime.nowAsDate
      const questions = instructions.map(({ id }) => ({ id, batchId }))
      const path = `/files/pain.001/${endToEndIdOf(batchId)}`
      const body = transferOrderOf(batchId, now, instructions)
      const put = yield* client
        .call({ operation: "order", method: "PUT", path, body, contentType: "application/xml" })
        .pipe(
          Effect.map(({ status }) => (status < 300 ? undefined : `HTTP_${status}`)),
          Effect.catchTag("DownstreamUnavailable", ({ message }) => Effect.succeed(message))
        )
      return put === undefined ? yield* queryBatch(batchId, questions) : answersTo(questions, [], put)
    }),
    query: (questions) =>
      Effect.map(
        Effect.forEach(Object.entries(Array.groupBy(questions, ({ batchId }) => batchId ?? "")), ([batchId, theirs]) =>
          queryBatch(batchId, theirs)
        ),
        (answers) => answers.flat()
      ),
    statement: (after) =>
      client.call({ operation: "statement", method: "GET", path: `/files/camt.053?after=${after ?? "0"}` }).pipe(
        Effect.flatMap(({ body }) => parseStatement(body)),
        Effect.catchTags({ DownstreamUnavailable: silent, XmlUnreadable: silent })
      )
  }
}
