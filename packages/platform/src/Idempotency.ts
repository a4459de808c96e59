import { IdempotencyInFlight, IdempotencyKeyReused } from "@mall/domain/kernel/Operation"
import { Config, Context, DateTime, Duration, Effect, Exit, Layer, Request, RequestResolver } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { gatherWhileBusy } from "./gatherWhileBusy.ts"
import { IdempotencyRepo } from "./IdempotencyRepo.ts"
import type { Claim, Row, StoredResponse, Wanted } from "./IdempotencyRepo.ts"

const IdempotencyConfig = Config.all({
  keep: Config.Duration("IDEMPOTENCY_KEEP").pipe(Config.withDefault(Duration.hours(24))),
  lease: Config.Duration("IDEMPOTENCY_LEASE").pipe(Config.withDefault(Duration.seconds(60)))
})

/** What a client is told to wait for before it asks again: most requests are done by then. */
const retryAfterSeconds = 1

const maxGroupSize = 128

/** A transaction that decides the same key may be seen half: its outcome shows at the next look. */
const maxLooks = 5

export type ClaimOutcome =
  | { readonly _tag: "Claimed"; readonly claim: Claim }
  | { readonly _tag: "Completed"; readonly response: StoredResponse }

class ClaimKey extends Request.Class<Wanted, ClaimOutcome, IdempotencyInFlight | IdempotencyKeyReused | SqlError> {}

class CompleteKey extends Request.Class<{ readonly claim: Claim; readonly response: StoredResponse }, void, SqlError> {}

const identityOf = ({ key, scope }: { readonly scope: string; readonly key: string }) => `${scope}\n${key}`

/**
 * One piece of work per key. Who claims a key does the work and completes, releases or forgets it; anyone else gets the
 * stored answer, or is told that the work is under way. A claim is a lease: when its holder dies, a retry of the same
 * request takes it over with the same operation id, under which the work finds what is already done.
 *
 * Concurrent calls share statements, so none of these may be called inside a transaction.
 */
export class Idempotency extends Context.Service<
  Idempotency,
  {
    claim(wanted: Wanted): Effect.Effect<ClaimOutcome, IdempotencyInFlight | IdempotencyKeyReused | SqlError>
    /** Keeps the answer for `IDEMPOTENCY_KEEP`. Without effect when the claim was taken over meanwhile. */
    complete(claim: Claim, response: StoredResponse): Effect.Effect<void, SqlError>
    /** The work did not end, or not in an answer to keep: a retry may claim the key at once, with the same operation id. */
    release(claim: Claim): Effect.Effect<void, SqlError>
    /** Nothing was done: the key is as if it had never been used. */
    forget(claim: Claim): Effect.Effect<void, SqlError>
  }
>()("@mall/platform/Idempotency") {
  static readonly layerNoDeps = Layer.effect(
    Idempotency,
    Effect.gen(function* () {
      const repo = yield* IdempotencyRepo
      const { keep, lease } = yield* IdempotencyConfig

      const claimAll = Effect.fnUntraced(function* (entries: ReadonlyArray<Request.Entry<ClaimKey>>) {
        let waiting = entries
        /** The hash that is kept, where it is one of the same request under a key that is not in use any more. */
        const kept = new Map<Request.Entry<ClaimKey>, string>()
        const wantedOf = (entry: Request.Entry<ClaimKey>): Wanted => {
          const requestHash = kept.get(entry) ?? entry.request.requestHash
          return { ...entry.request, requestHash }
        }
        for (let look = 0; waiting.length > 0 && look < maxLooks; look++) {
          const firsts = new Map<string, Request.Entry<ClaimKey>>()
          for (const entry of waiting) {
            const identity = identityOf(entry.request)
            if (!firsts.has(identity)) firsts.set(identity, entry)
          }
          const now = yield* DateTime.now
          const rows = yield* repo.claim([...firsts.values()].map(wantedOf), {
            now: DateTime.toDateUtc(now),
            leaseUntil: DateTime.toDateUtc(DateTime.addDuration(now, lease)),
            expiresAt: DateTime.toDateUtc(DateTime.addDuration(now, keep))
          })
          const settled = new Set<Request.Entry<ClaimKey>>()
          for (const row of rows) {
            const entry = firsts.get(identityOf(row))
            if (entry === undefined) continue
            const wanted = wantedOf(entry)
            if (row.requestHash !== wanted.requestHash && wanted.isOf?.(row.requestHash) === true) {
              // asked for once more by that hash, so that a lease that ended is taken over
              kept.set(entry, row.requestHash)
              continue
            }
            entry.completeUnsafe(outcomeOf(row, wanted))
            settled.add(entry)
          }
          waiting = waiting.filter((entry) => !settled.has(entry))
        }
        for (const entry of waiting) entry.completeUnsafe(Exit.fail(new IdempotencyInFlight({ retryAfterSeconds })))
      })

      const claimer = gatherWhileBusy(RequestResolver.make<ClaimKey>(claimAll), maxGroupSize)

      const completer = gatherWhileBusy(
        RequestResolver.make<CompleteKey>(
          Effect.fnUntraced(function* (entries) {
            yield* repo.complete(entries.map(({ request }) => request))
            for (const entry of entries) entry.completeUnsafe(Exit.void)
          })
        ),
        maxGroupSize
      )

      return Idempotency.of({
        claim: (wanted) => Effect.request(new ClaimKey(wanted), claimer),
        complete: (claim, response) => Effect.request(new CompleteKey({ claim, response }), completer),
        release: Effect.fn("Idempotency.release")((claim: Claim) => repo.endLease(claim)),
        forget: Effect.fn("Idempotency.forget")((claim: Claim) => repo.remove(claim))
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(IdempotencyRepo.layer))
}

const outcomeOf = (
  row: Row,
  { operationId, requestHash }: Wanted
): Exit.Exit<ClaimOutcome, IdempotencyInFlight | IdempotencyKeyReused> => {
  if (row.requestHash !== requestHash) return Exit.fail(new IdempotencyKeyReused({}))
  switch (row.outcome) {
    case "claimed":
      return Exit.succeed({
        _tag: "Claimed",
        claim: { scope: row.scope, key: row.key, operationId: row.operationId, holder: operationId }
      })
    case "running":
      return Exit.fail(new IdempotencyInFlight({ retryAfterSeconds }))
    case "completed":
      return Exit.succeed({
        _tag: "Completed",
        response: { status: row.status, headers: row.headers, body: row.body }
      })
  }
}
