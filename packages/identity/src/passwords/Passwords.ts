import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import type { Password } from "@mall/domain/identity/User"
import { Overloaded } from "@mall/domain/kernel/EdgeError"
import { Config, Context, Effect, Layer, Redacted, Semaphore } from "effect"
import { Kdf, Mac, SecureRandom } from "effect/crypto"
import * as phc from "./phc.ts"

const saltLength = 16
const hashLength = 32

export interface Verdict {
  readonly matches: boolean
  /** The password matches, and its hash was made with other costs than today's: store a new one. */
  readonly outdated: boolean
}

/**
 * Hashes passwords with Argon2id, off the event loop. Each hash takes memory and a core for tens of milliseconds, so a few
 * run at a time, a bounded number wait, and beyond that the caller is told `Overloaded`: nothing was done.
 */
export class Passwords extends Context.Service<
  Passwords,
  {
    /** A new PHC string, with a salt of its own. */
    hash(password: Password): Effect.Effect<string, Overloaded>
    /** Compares in constant time. Without a stored hash the same work is done for nothing, so that timing tells nothing. */
    verify(password: Password, stored: string | undefined): Effect.Effect<Verdict, Overloaded>
  }
>()("@mall/identity/passwords/Passwords") {
  static readonly layerNoDeps = Layer.effect(
    Passwords,
    Effect.gen(function* () {
      const kdf = yield* Kdf.Kdf
      const random = yield* SecureRandom.SecureRandom
      const settings = yield* Config.all({
        // OWASP's first choice for Argon2id
        memory: Config.Int("PASSWORD_HASH_MEMORY_KIB").pipe(Config.withDefault(19_456)),
        passes: Config.Int("PASSWORD_HASH_PASSES").pipe(Config.withDefault(2)),
        parallelism: Config.Int("PASSWORD_HASH_PARALLELISM").pipe(Config.withDefault(1)),
        // two of the four threads that Node shares between hashing, files and DNS
        concurrency: Config.Int("PASSWORD_HASH_CONCURRENCY").pipe(Config.withDefault(2)),
        queue: Config.Int("PASSWORD_HASH_QUEUE").pipe(Config.withDefault(64))
      })
      const current = Kdf.argon2id(settings)
      const semaphore = Semaphore.makeUnsafe(settings.concurrency)
      let pending = 0

      const bounded = <A>(work: Effect.Effect<A>): Effect.Effect<A, Overloaded> =>
        Effect.suspend(() => {
          if (pending >= settings.concurrency + settings.queue) return new Overloaded({ retryAfterSeconds: 1 })
          pending += 1
          return semaphore.withPermit(work).pipe(
            Effect.ensuring(
              Effect.sync(() => {
                pending -= 1
              })
            )
          )
        })

      const encoder = new TextEncoder()
      // the same password typed on another keyboard may come in another Unicode form
      const bytesOf = (password: Password) => encoder.encode(Redacted.value(password).normalize("NFKC"))

      const derive = (algorithm: Kdf.Argon2id, password: Password, salt: Uint8Array, length: number) =>
        bounded(Effect.orDie(kdf.derive(algorithm, bytesOf(password), { salt, length })))

      const hash = Effect.fn("Passwords.hash")(function* (password: Password) {
        const salt = yield* random.randomBytes(saltLength)
        return phc.encode({
          algorithm: current,
          salt,
          hash: yield* derive(current, password, salt, hashLength)
        })
      })

      const nobody = {
        algorithm: current,
        salt: yield* random.randomBytes(saltLength),
        hash: yield* random.randomBytes(hashLength)
      }

      const verify = Effect.fn("Passwords.verify")(function* (password: Password, stored: string | undefined) {
        const expected = stored === undefined ? nobody : phc.decode(stored)
        if (expected === undefined) return yield* Effect.die(new Error("A stored password hash is not a PHC string"))
        const { algorithm, salt } = expected
        const actual = yield* derive(algorithm, password, salt, expected.hash.length)
        const matches = Mac.timingSafeEqual(actual, expected.hash) && stored !== undefined
        const outdated =
          algorithm.memory !== current.memory ||
          algorithm.passes !== current.passes ||
          algorithm.parallelism !== current.parallelism
        return { matches, outdated: matches && outdated }
      })

      return Passwords.of({ hash, verify })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide([NodeCrypto.layerKdf, NodeCrypto.layerSecureRandom]))
}
