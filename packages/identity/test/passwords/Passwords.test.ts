import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Fiber, Layer, Redacted } from "effect"
import { Kdf } from "effect/crypto"
import { Passwords } from "../../src/passwords/Passwords.ts"
import * as phc from "../../src/passwords/phc.ts"

const withConfig = (config: Record<string, string>) =>
  Layer.fresh(Passwords.layer).pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(config))))
const cheap = { PASSWORD_HASH_MEMORY_KIB: "64", PASSWORD_HASH_PASSES: "1" }
const password = Redacted.make("purple-otter-sails-north")

describe("Passwords", () => {
  it.effect("makes a PHC string with OWASP's costs that verifies", () =>
    Effect.gen(function* () {
      const passwords = yield* Passwords
      const stored = yield* passwords.hash(password)
      assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
      assert.deepStrictEqual(yield* passwords.verify(password, stored), { matches: true, outdated: false })
      const wrong = yield* passwords.verify(Redacted.make("purple-otter-sails-south"), stored)
      assert.deepStrictEqual(wrong, { matches: false, outdated: false })
    }).pipe(Effect.provide(withConfig({})))
  )

  it.effect("salts: two hashes of one password differ", () =>
    Effect.gen(function* () {
      const passwords = yield* Passwords
      assert.notStrictEqual(yield* passwords.hash(password), yield* passwords.hash(password))
    }).pipe(Effect.provide(withConfig(cheap)))
  )

  it.effect("takes one password in two Unicode forms as the same", () =>
    Effect.gen(function* () {
      const passwords = yield* Passwords
      const stored = yield* passwords.hash(Redacted.make("caf\u00e9"))
      assert.isTrue((yield* passwords.verify(Redacted.make("cafe\u0301"), stored)).matches)
    }).pipe(Effect.provide(withConfig(cheap)))
  )

  it.effect("calls a matching hash of other costs outdated", () =>
    Effect.gen(function* () {
      const stored = yield* Effect.flatMap(Passwords, (old) => old.hash(password)).pipe(
        Effect.provide(withConfig({ ...cheap, PASSWORD_HASH_PASSES: "3" }))
      )
      const passwords = yield* Passwords
      assert.deepStrictEqual(yield* passwords.verify(password, stored), { matches: true, outdated: true })
      const wrong = yield* passwords.verify(Redacted.make("wrong"), stored)
      assert.deepStrictEqual(wrong, { matches: false, outdated: false })
    }).pipe(Effect.provide(withConfig(cheap)))
  )

  it.effect("matches nothing where there is no stored hash", () =>
    Effect.gen(function* () {
      const passwords = yield* Passwords
      assert.deepStrictEqual(yield* passwords.verify(password, undefined), { matches: false, outdated: false })
    }).pipe(Effect.provide(withConfig(cheap)))
  )

  it.effect("verifies a hash that another library made", () =>
    Effect.gen(function* () {
      const passwords = yield* Passwords
      // RFC 9106's reference implementation: echo -n "password" | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32
      const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
      assert.isTrue((yield* passwords.verify(Redacted.make("password"), reference)).matches)
      assert.isUndefined(phc.decode("$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA"))
    }).pipe(Effect.provide(withConfig(cheap)))
  )

  it.effect("runs a bounded number, lets a bounded number wait, and refuses the rest", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const started: Array<string> = []
      const Gated = Layer.effect(
        Kdf.Kdf,
        Effect.map(Kdf.Kdf, (kdf) =>
          Kdf.Kdf.of({
            derive: (...args) =>
              Effect.suspend(() => {
                started.push("derive")
                return Effect.andThen(Deferred.await(gate), kdf.derive(...args))
              })
          })
        )
      ).pipe(Layer.provide(NodeCrypto.layerKdf))
      const config = { ...cheap, PASSWORD_HASH_CONCURRENCY: "1", PASSWORD_HASH_QUEUE: "1" }
      yield* Effect.gen(function* () {
        const passwords = yield* Passwords
        const first = yield* Effect.forkChild(passwords.hash(password), { startImmediately: true })
        const second = yield* Effect.forkChild(passwords.hash(password), { startImmediately: true })
        const third = yield* Effect.flip(passwords.hash(password))
        assert.strictEqual(third._tag, "Overloaded")
        assert.deepStrictEqual(started, ["derive"])
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(first)
        yield* Fiber.join(second)
        yield* passwords.hash(password)
      }).pipe(
        Effect.provide(
          Passwords.layerNoDeps.pipe(
            Layer.provide([Gated, NodeCrypto.layerSecureRandom]),
            Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(config)))
          )
        )
      )
    })
  )
})
