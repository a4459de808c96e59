import { Effect, Runtime, Schema, Stdio } from "effect"
import { Flag, Prompt } from "effect/cli"

/** `--yes` of every command that cannot be taken back. */
export const yes = Flag.Boolean("yes").pipe(
  Flag.withAlias("y"),
  Flag.withDescription("Do it without asking; needed where no terminal is there to ask at"),
  Flag.withDefault(false)
)

class ConfirmationImpossible extends Schema.TaggedError<ConfirmationImpossible>()("ConfirmationImpossible", {
  what: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 2
  override get message() {
    return `${this.what} cannot be taken back, and there is no terminal to ask at: add --yes`
  }
}

class NotConfirmed extends Schema.TaggedError<NotConfirmed>()("NotConfirmed", {}) {
  override get message() {
    return "Nothing was done"
  }
}

/** Goes on where the operator says yes to `what` (`Banning ann@example.com`), by the flag or at the terminal. */
export const confirm = Effect.fnUntraced(function* (what: string, isConfirmed: boolean) {
  if (isConfirmed) return
  const stdio = yield* Stdio.Stdio
  const isAtTerminal = (yield* stdio.stdinIsTerminal) && (yield* stdio.stdoutIsTerminal)
  if (!isAtTerminal) return yield* new ConfirmationImpossible({ what })
  const isSure = yield* Prompt.run(Prompt.Confirm({ message: `${what} cannot be taken back. Do it?` }))
  if (!isSure) return yield* new NotConfirmed()
})
