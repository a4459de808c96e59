import { Clock, Duration, Effect, Fiber, Scope } from "effect"
import type { KeyObject } from "node:crypto"
import { Rsa } from "wechatpay-axios-plugin"
import { CallbackRefused } from "../ChannelError.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure } from "../channelFailure.ts"
import type { PlatformCertificates } from "./platformCertificates.ts"

/** The public keys by which the platform's answers and notices are verified, by serial. */
export interface PlatformKeys {
  /**
   * Those that count now, at least one; the same map as long as nothing changes. Fetched first, where none is known, and
   * `ChannelNotSent` where there is none then.
   */
  readonly known: Effect.Effect<ReadonlyMap<string, KeyObject>, ChannelError>
  /**
   * Undefined where the platform has no such key, or did not tell us of it yet. `unverifiable` where nobody can say: no key is
   * known, or we do not know this one and the platform's answer about its keys does not come or cannot be believed.
   */
  find(serial: string): Effect.Effect<KeyObject | undefined, CallbackRefused>
  /** Asks for new keys, after an answer by one that we do not know; whether something came of it. */
  readonly renewed: Effect.Effect<boolean>
}

/** Keys that somebody entered, which change by hand only. */
export const entered = (pems: Readonly<Record<string, string>>): PlatformKeys => {
  const keys = new Map(Object.entries(pems).map(([serial, pem]) => [serial, Rsa.from(pem, Rsa.KEY_TYPE_PUBLIC)]))
  return {
    known: Effect.succeed(keys),
    find: (serial) => Effect.succeed(keys.get(serial)),
    renewed: Effect.succeed(false)
  }
}

/** A sender of a notice waits five seconds for an answer, and one who asked us for a payment not longer. */
const patience = Duration.seconds(3)

const noCertificate = channelFailure("notSent", "NO_PLATFORM_CERTIFICATE")

const unverifiable = new CallbackRefused({ reason: "unverifiable" })

const none: ReadonlyMap<string, KeyObject> = new Map()

/**
 * Keys of the platform's certificates. `fetch` is given the keys that count and answers with all that the platform has now,
 * which take the place of the former: several during a rotation. It is called where nothing is known, and everybody waits
 * for that one call; and in the background, at most once per `pause`, after `refresh` or for an unknown serial. What fails
 * leaves the former keys in place until they expire. After twice `refresh` without an answer, as in a process that idled, or where
 * for the time of `trust` no answer came that the former keys vouch for, the platform may have changed its key altogether: the next
 * answer is taken like the first.
 */
export const fetched = Effect.fnUntraced(function* (
  fetch: (known: ReadonlyMap<string, KeyObject>) => Effect.Effect<PlatformCertificates, ChannelError>,
  {
    pause,
    refresh,
    trust
  }: { readonly pause: Duration.Duration; readonly refresh: Duration.Duration; readonly trust: Duration.Duration }
): Effect.fn.Return<PlatformKeys, never, Scope.Scope> {
  const scope = yield* Scope.Scope
  let certificates: PlatformCertificates = new Map()
  let fetchedAt = -Infinity
  let triedAt = -Infinity
  let failingSince: number | undefined
  let underWay: Fiber.Fiber<void, ChannelError> | undefined
  let valid = { keys: none, of: certificates, from: -Infinity, until: Infinity }

  const keysAt = (now: number) => {
    if (valid.of !== certificates || now < valid.from || now >= valid.until) {
      const all = [...certificates]
      const edges = all.flatMap(([, { from, until }]) => [from, until])
      valid = {
        keys: new Map(
          all.filter(([, { from, until }]) => from <= now && now < until).map(([serial, { key }]) => [serial, key])
        ),
        of: certificates,
        from: Math.max(-Infinity, ...edges.filter((edge) => edge <= now)),
        until: Math.min(Infinity, ...edges.filter((edge) => edge > now))
      }
    }
    return valid.keys
  }

  const renew = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    triedAt = now
    const isTrusted = failingSince === undefined || now - failingSince < Duration.toMillis(trust)
    const isRecent = now - fetchedAt <= 2 * Duration.toMillis(refresh)
    failingSince ??= now
    certificates = yield* fetch(isRecent && isTrusted ? keysAt(now) : none)
    fetchedAt = now
    failingSince = undefined
  }).pipe(
    Effect.tapError((error) => Effect.logWarning("certificates of the platform not fetched", error.message)),
    Effect.annotateLogs({ channel: "wechatpay" })
  )

  /** The fetch that is under way, else a new one; it goes on when who asked for it has left. */
  const start = Effect.suspend(() => {
    if (underWay !== undefined && underWay.pollUnsafe() === undefined) return Effect.succeed(underWay)
    return Effect.tap(Effect.forkIn(renew, scope), (fiber) =>
      Effect.sync(() => {
        underWay = fiber
      })
    )
  })

  const known = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const keys = keysAt(now)
    if (keys.size === 0) {
      yield* Effect.mapError(Effect.flatMap(start, Fiber.join), () => noCertificate)
      const first = keysAt(yield* Clock.currentTimeMillis)
      return first.size > 0 ? first : yield* noCertificate
    }
    if (now - fetchedAt >= Duration.toMillis(refresh) && now - triedAt >= Duration.toMillis(pause)) yield* start
    return keys
  })

  const renewed = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const isUnderWay = underWay !== undefined && underWay.pollUnsafe() === undefined
    if (!isUnderWay && now - triedAt < Duration.toMillis(pause)) return false
    const former = certificates
    yield* Effect.flatMap(start, (fiber) => Effect.timeoutOption(Fiber.await(fiber), patience))
    return certificates !== former
  })

  const find = Effect.fnUntraced(function* (serial: string) {
    const keys = yield* Effect.mapError(known, () => unverifiable)
    const key = keys.get(serial)
    if (key !== undefined) return key
    if (yield* renewed) return keysAt(yield* Clock.currentTimeMillis).get(serial)
    // the last question was not answered, or the answer not believed: the key may well be the platform's
    return failingSince === undefined ? undefined : yield* unverifiable
  })

  return { known, find, renewed }
})
