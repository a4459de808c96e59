import { Deferred, Effect, Schema } from "effect"
import { createServer } from "node:http"
import type { ServerResponse } from "node:http"

const Call = Schema.fromJsonString(
  Schema.StructWithRest(
    Schema.Struct({ method: Schema.String, params: Schema.optionalKey(Schema.Array(Schema.Json)) }),
    [Schema.Record(Schema.String, Schema.Json)]
  )
)
const decodeCall = Schema.decodeSync(Call)
const Answer = Schema.fromJsonString(Schema.JsonObject)
const decodeAnswer = Schema.decodeSync(Answer)
const encodeAnswer = Schema.encodeSync(Answer)

/** What a node was asked. */
export interface Question {
  readonly method: string
  readonly params: ReadonlyArray<Schema.Json>
}

/** What a test makes of an answer: `result` is the node's. */
export type Falsify = (question: Question, result: Schema.Json) => Schema.Json

/** Where a question is stopped: before the node hears of it, or with the node's answer, which is not passed on. */
export type Stop =
  | { readonly when: "before"; readonly isIt: (question: Question) => boolean }
  | { readonly when: "after"; readonly isIt: (question: Question, result: Schema.Json) => boolean }

/**
 * Stands between a client and a node that speaks JSON-RPC over HTTP, at a port of its own, until the scope ends. Passes questions on one for
 * one, and does with the answers what a test wants.
 */
export const startRpcTap = Effect.fnUntraced(function* (node: string) {
  const questions: Array<Question> = []
  let falsify: Falsify | undefined
  let stop: { readonly at: Stop; readonly reached: Deferred.Deferred<void> } | undefined

  const stops = (isIt: (at: Stop) => boolean) => {
    if (stop === undefined || !isIt(stop.at)) return false
    Deferred.doneUnsafe(stop.reached, Effect.void)
    return true
  }

  const pass = async (body: string, response: ServerResponse) => {
    const { method, params = [] } = decodeCall(body)
    const question = { method, params }
    questions.push(question)
    if (stops((at) => at.when === "before" && at.isIt(question))) return
    const answered = await fetch(node, { method: "POST", headers: { "content-type": "application/json" }, body })
    const answer = decodeAnswer(await answered.text())
    const { result } = answer
    if (result !== undefined && stops((at) => at.when === "after" && at.isIt(question, result))) return
    const told =
      result === undefined || falsify === undefined ? answer : { ...answer, result: falsify(question, result) }
    response.writeHead(answered.status, { "content-type": "application/json" }).end(encodeAnswer(told))
  }

  const port = yield* Effect.acquireRelease(
    Effect.callback<{ readonly port: number; close(): void }>((resume) => {
      const server = createServer((request, response) => {
        let body = ""
        request.on("data", (chunk) => (body += chunk))
        request.on("end", () => {
          pass(body, response).catch(() => response.destroy())
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(
          Effect.succeed({
            port,
            close: () => {
              server.close()
              server.closeAllConnections()
            }
          })
        )
      })
    }),
    ({ close }) => Effect.sync(close)
  )

  return {
    url: `http://127.0.0.1:${port.port}`,
    /** All that was asked so far, in order. */
    questions: (): ReadonlyArray<Question> => questions,
    /** From now on answers are what this makes of them; undefined: as they are. */
    falsify: (change: Falsify | undefined) =>
      Effect.sync(() => {
        falsify = change
      }),
    /**
     * From now on questions that it is true of get no answer. `reached` waits until there is one: whoever asked it
     * stands still at that moment. Another stop takes its place; undefined: none.
     */
    stopAt: (at: Stop | undefined) =>
      Effect.map(Deferred.make<void>(), (reached) => {
        stop = at === undefined ? undefined : { at, reached }
        return { reached: Deferred.await(reached) }
      })
  }
})
