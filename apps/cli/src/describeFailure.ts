import { Cause, Effect, Option, Predicate, Runtime } from "effect"
import { isVerbose, logLevel } from "./logLevel.ts"

interface Failure {
  readonly code: 1 | 2
  /** For standard error: one sentence, and the cause where `LOG_LEVEL` asks for it. */
  readonly text: string
}

const isText = Predicate.isString

const closed = (sentence: string) => (/[.!?]$/.test(sentence) ? sentence : `${sentence}.`)

const firstLine = (text: string) => text.trim().split("\n", 1)[0] ?? ""

/** A problem's title, its detail, and the id of what it is about: `There is no such order: 0198…` */
const sentenceOfProblem = (problem: { readonly title: string }) => {
  const detail = Predicate.hasProperty(problem, "detail") && isText(problem.detail) ? problem.detail : undefined
  const subject = Object.entries(problem).find(([name, value]) => name.endsWith("Id") && isText(value))
  const more = detail ?? (subject === undefined ? undefined : String(subject[1]))
  return more === undefined ? problem.title : `${problem.title}: ${more}`
}

const sentenceOf = (error: unknown): string => {
  if (Predicate.hasProperty(error, "title") && isText(error.title))
    return sentenceOfProblem({ ...error, title: error.title })
  if (!Predicate.hasProperty(error, "message") || !isText(error.message)) return firstLine(String(error))
  if (Predicate.isTagged(error, "ConfigError")) {
    const reason = error.message.replaceAll(/\s*\n\s*/g, " ").replace(/^SchemaError\((.*)\)$/, "$1")
    return `The configuration is wrong: ${reason}`
  }
  return firstLine(error.message)
}

/** What an operator is told of a command that failed, and the exit code: the error's own (2: wrong usage), else 1. */
export const describeFailure = Effect.fnUntraced(function* (cause: Cause.Cause<unknown>) {
  const level = yield* Effect.option(logLevel)
  const error = Cause.findErrorOption(cause)
  const sentence = Option.match(error, {
    onNone: () =>
      `Something unforeseen went wrong: ${closed(sentenceOf(Cause.squash(cause)))} Run it again with LOG_LEVEL=debug to see the cause`,
    onSome: sentenceOf
  })
  const failure: Failure = {
    code: Option.exists(error, (error) => Runtime.getErrorExitCode(error) === 2) ? 2 : 1,
    text: Option.exists(level, isVerbose) ? `${closed(sentence)}\n${Cause.pretty(cause)}` : closed(sentence)
  }
  return failure
})
