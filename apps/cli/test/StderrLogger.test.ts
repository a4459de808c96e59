import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Console, Effect } from "effect"
import { TestConsole } from "effect/testing"
import * as StderrLogger from "../src/StderrLogger.ts"

/** What standard error is told at this level. */
const told = Effect.fnUntraced(function* (level: string) {
  const console = yield* TestConsole.make
  yield* Effect.logWarning("declined 4111 1111 1111 1111", { number: 4111111111111111, password: "walrus" }).pipe(
    Effect.annotateLogs({ email: "ann@example.com", paymentId: "p1" }),
    Effect.andThen(Effect.logError("broke", Cause.fail(new Error("the card 5555555555554444 is lost")))),
    Effect.provide(StderrLogger.layer),
    Effect.provideService(Console.Console, console),
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ LOG_LEVEL: level })))
  )
  return (yield* console.errorLines).map(String).join("\n")
}, Effect.scoped)

describe("the log of commands", () => {
  for (const level of ["Warn", "Debug"]) {
    it.effect(`at ${level} names what happened, and no card number, secret or person`, () =>
      Effect.gen(function* () {
        const text = yield* told(level)
        assert.include(text, "warn: declined <card *1111> number=<card *1111> password=<redacted> email=<redacted>")
        assert.include(text, "paymentId=p1")
        for (const secret of ["4111", "5555555555554444", "walrus", "ann@example.com"]) {
          assert.notInclude(text.replaceAll("<card *1111>", ""), secret)
        }
        assert.strictEqual(text.includes("the card <card *4444> is lost"), level === "Debug")
      })
    )
  }
})
