import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import { ZxcvbnFactory } from "@zxcvbn-ts/core"
import * as common from "@zxcvbn-ts/language-common"
import * as english from "@zxcvbn-ts/language-en"
import { Effect, Layer, Record } from "effect"
import { RpcServer } from "effect/rpc"
import { PasswordStrengthRpcs } from "./PasswordStrengthRpcs.ts"

/** Of each list, which begins with the most usual: whoever guesses through more has long tried all letters. */
const wordsInList = 30_000

/**
 * The entry of the worker thread that judges passwords. Judging time grows with the square of the length (a second at
 * 128), so only the beginning is judged: a password is at least as strong as its first 40 characters.
 */
const zxcvbn = new ZxcvbnFactory({
  translations: english.translations,
  graphs: common.adjacencyGraphs,
  dictionary: Record.map({ ...common.dictionary, ...english.dictionary }, (words) => words.slice(0, wordsInList)),
  maxLength: 40,
  l33tMaxSubstitutions: 20
})

const Handlers = PasswordStrengthRpcs.toLayer({
  judge: ({ password, context }) =>
    Effect.sync(() => {
      const { score, feedback } = zxcvbn.check(password, [...context])
      return { score, warning: feedback.warning, suggestions: feedback.suggestions }
    })
})

RpcServer.layer(PasswordStrengthRpcs, { disableTracing: true }).pipe(
  Layer.provide(Handlers),
  Layer.provide(RpcServer.layerProtocolWorkerRunner),
  Layer.provide(NodeWorkerRunner.layer),
  Layer.launch,
  NodeRuntime.runMain
)
