import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { PasswordStrength } from "../../src/passwords/PasswordStrength.ts"

layer(PasswordStrength.layer, { excludeTestServices: true })("PasswordStrength", (it) => {
  const check = (password: string, context: ReadonlyArray<string> = []) =>
    Effect.flatMap(PasswordStrength, (strength) => strength.check(Redacted.make(password), context))

  it.effect("takes a strong password, also one of full length", () =>
    Effect.gen(function* () {
      yield* check("demo-correct-horse-battery")
      yield* check("kx9Q!zzT2#mmW8pL".repeat(8))
    })
  )

  it.effect("refuses a common one, with a reason and advice", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(check("Password1!"))
      assert.strictEqual(error._tag, "WeakPassword")
      assert.isBelow(error.score, 3)
      assert.include(error.warning, "commonly used password")
      assert.isAbove(error.suggestions.length, 0)
    })
  )

  it.effect("refuses one made of the user's own name", () =>
    Effect.gen(function* () {
      const name = "vumbaquistandri"
      yield* check(name)
      const error = yield* Effect.flip(check(name, ["Vumbaquistandri", "vumbaquistandri@mall.test"]))
      assert.strictEqual(error._tag, "WeakPassword")
    })
  )
})
