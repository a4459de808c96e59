import type { BillFormat, BillLine } from "@mall/domain/treasury/Bill"
import { ChannelBills } from "@mall/domain/treasury/ChannelBills"
import type { BillSource } from "@mall/domain/treasury/ChannelBills"
import { BillMalformed, BillUnavailable } from "@mall/domain/treasury/ReconciliationError"
import { RunId, RunQueued } from "@mall/domain/treasury/Run"
import type { Run } from "@mall/domain/treasury/Run"
import { SettledPayments } from "@mall/domain/treasury/SettledPayments"
import type { SettledRecord } from "@mall/domain/treasury/SettledPayments"
import { Outbox } from "@mall/platform/Outbox"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Cause, Context, DateTime, Duration, Effect, Layer, Option, Ref, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { createHash } from "node:crypto"
import { billParsers } from "./bill/billParsers.ts"
import { Comparison } from "./Comparison.ts"
import { boundsOf } from "./days.ts"
import { ReconciliationConfig } from "./ReconciliationConfig.ts"
import { countFailure, countRun } from "./reconciliationMetrics.ts"
import { Rules } from "./Rules.ts"
import { RunClaims } from "./RunClaims.ts"
import type { Claim, Failure, Progress } from "./RunClaims.ts"
import { RunRepo } from "./RunRepo.ts"

/** Rows that one statement takes. */
const batchSize = 2_000
/** References that are looked up at a time. */
const lookupSize = 10_000

interface ReadableSource extends BillSource {
  readonly format: BillFormat
}

/** What a worker compares, and how far it is. */
interface RunContext {
  readonly claim: Claim
  readonly source: ReadableSource
  readonly progress: Ref.Ref<Progress>
}

/** Another worker has the run. */
class ClaimLost extends Schema.TaggedError<ClaimLost>()("ClaimLost", { runId: RunId }) {}

/** A database that comes back after it was killed has emptied the tables of what was staged. */
class StagedLost extends Schema.TaggedError<StagedLost>()("StagedLost", { lines: Schema.Int, records: Schema.Int }) {
  override get message() {
    return `Of what was laid down there are ${this.lines} lines and ${this.records} records left`
  }
}

/** What comes in pieces in batches: never line by line, which costs a million lines more than their comparison does. */
const inBatches = <E>(pieces: Stream.Stream<ReadonlyArray<BillLine>, E>) =>
  Stream.suspend(() => {
    let batch: Array<BillLine> = []
    const taken = () => {
      const full = batch
      batch = []
      return full
    }
    return pieces.pipe(
      Stream.map((lines) => {
        for (const line of lines) batch.push(line)
        return batch.length >= batchSize ? taken() : []
      }),
      Stream.concat(Stream.fromEffect(Effect.sync(taken))),
      Stream.filter((lines) => lines.length > 0)
    )
  })

const failureOf = (cause: Cause.Cause<unknown>): Failure => {
  const error = Cause.squash(cause)
  if (error instanceof BillUnavailable) return { kind: "unavailable", text: error.detail ?? error.message }
  if (error instanceof BillMalformed) return { kind: "malformed", text: error.detail ?? error.message }
  return { kind: "internal", text: "an internal error, which the log has" }
}

const longestWait = Duration.toMillis("1 hour")

/**
 * Compares bills with our records. Any number of workers may: of one run one does, another takes it over where that one is not heard
 * of any more, and only who has it to the end is believed.
 */
export class Reconciler extends Context.Service<
  Reconciler,
  {
    /**
     * Sees to a run to the end of this try: completed, or failed with its reason and the time of the next try. None where it is
     * not due, or another worker has it. Nothing half-done is seen.
     */
    work(id: RunId, actor: string): Effect.Effect<Option.Option<Run>>
  }
>()("@mall/treasury/reconciliation/Reconciler") {
  static readonly layerNoDeps = Layer.effect(
    Reconciler,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const bills = yield* ChannelBills
      const payments = yield* SettledPayments
      const outbox = yield* Outbox
      const comparison = yield* Comparison
      const claims = yield* RunClaims
      const repo = yield* RunRepo
      const rules = yield* Rules
      const { giveUpAfter, lease, retryAfter, timingMargin } = yield* ReconciliationConfig

      const lost = ({ run }: Claim) => new ClaimLost({ runId: run.id })

      const advance = Effect.fnUntraced(function* (
        { claim, progress }: RunContext,
        change: (before: Progress) => Partial<Progress>
      ) {
        const now = yield* Ref.updateAndGet(progress, (before) => ({ ...before, ...change(before) }))
        if (!(yield* claims.renew(claim, now))) return yield* lost(claim)
      })

      /** Says that the worker lives, while a channel lets it wait; ends where another has the run. */
      const heartbeat = (claim: Claim) =>
        claims.renew(claim).pipe(
          Effect.flatMap((isOurs) => (isOurs ? Effect.void : Effect.fail(lost(claim)))),
          Effect.delay(Duration.divideUnsafe(lease, 3)),
          Effect.forever
        )

      /** The whole bill into the database, and the hash of its bytes. */
      const takeBill = Effect.fnUntraced(function* (context: RunContext) {
        const { claim, source } = context
        const { run } = claim
        const download = yield* bills.download(run, run.day)
        if (Option.isNone(download)) return null
        const parser = billParsers[source.format]({
          ...boundsOf(source, run.day),
          offsetMinutes: source.offsetMinutes
        })
        const hash = createHash("sha256")
        yield* download.value.pipe(
          Stream.tap((bytes) => Effect.sync(() => hash.update(bytes))),
          Stream.decodeText(),
          Stream.mapEffect((text) => Effect.fromResult(parser.push(text))),
          Stream.concat(Stream.fromEffect(Effect.suspend(() => Effect.fromResult(parser.end())))),
          inBatches,
          Stream.runForEach((lines) =>
            Effect.andThen(
              comparison.addLines(claim.id, lines),
              advance(context, (before) => ({ lines: before.lines + lines.length }))
            )
          )
        )
        return hash.digest("hex")
      }, Effect.scoped)

      const takeRecords = Effect.fnUntraced(function* (context: RunContext) {
        const { claim, source } = context
        const { id, run } = claim
        const { from, to } = boundsOf(source, run.day)
        const keep = Effect.fnUntraced(function* (records: ReadonlyArray<SettledRecord>) {
          if (records.length > 0) yield* comparison.addRecords(id, records)
          yield* advance(context, (before) => ({ records: before.records + records.length }))
        })
        yield* advance(context, () => ({ stage: "matching" }))
        yield* payments.stream(run, from, to).pipe(Stream.grouped(batchSize), Stream.runForEach(keep))
        // what the bill has and the day has not may be ours all the same: of another day, or not settled
        let after = ""
        while (true) {
          const references = yield* comparison.unknown(id, after, lookupSize)
          yield* keep(yield* payments.find(run, references))
          const last = references.at(-1)
          if (last === undefined || references.length < lookupSize) break
          after = last
        }
        const matched = yield* comparison.countMatched(id)
        yield* advance(context, () => ({ stage: "comparing", matched }))
      })

      const finish = Effect.fnUntraced(
        function* ({ claim, progress, source }: RunContext, sha256: string | null) {
          const { run } = claim
          const { account, actor, channel, merchantId, traceId } = run
          if (!(yield* claims.hold(claim))) return yield* lost(claim)
          yield* comparison.allowTime
          // one account at a time: days touch each other where movements go from one to the next
          yield* sql`
            SELECT pg_advisory_xact_lock(hashtextextended(${`reconciliation ${channel} ${account} ${merchantId ?? ""}`}, 0))`
          const { from, to } = boundsOf(source, run.day)
          const now = yield* DateTime.nowAsDate
          const carriedFrom = new Date(to.getTime() - Duration.toMillis(timingMargin))
          const key = { account, channel, merchantId, day: run.day }
          const day = { ...key, runId: run.id, claimId: claim.id, from, to, carriedFrom, actor, traceId, now }
          const result = yield* comparison.compare(day)
          const { lines, records } = yield* Ref.get(progress)
          if (result.lines !== lines || result.records !== records) {
            return yield* new StagedLost({ lines: result.lines, records: result.records })
          }
          yield* rules.apply(day)
          yield* claims.complete(claim, { ...result, sha256 }, { actor, reason: "compared", traceId, now })
        },
        sql.withTransaction,
        retryConflicts
      )

      const sourceOf = Effect.fnUntraced(function* ({ account, channel, day, merchantId }: Run) {
        const sources = merchantId === null ? bills.sources : yield* bills.ownOf(merchantId)
        const source = sources.find((one) => one.channel === channel && one.account === account)
        if (source === undefined || source.format === null) {
          const reason = source?.reason ?? `nobody here has the account ${account} any more`
          return yield* new BillUnavailable({ channel, day, reason })
        }
        const readable: ReadableSource = { ...source, format: source.format }
        return readable
      })

      const compareDay = Effect.fnUntraced(
        function* (claim: Claim) {
          const source = yield* sourceOf(claim.run)
          const progress = yield* Ref.make<Progress>({ stage: "fetching", lines: 0, records: 0, matched: 0 })
          const context: RunContext = { claim, source, progress }
          const gathered = Effect.tap(takeBill(context), () => takeRecords(context))
          const sha256 = yield* Effect.raceFirst(gathered, heartbeat(claim))
          yield* finish(context, sha256)
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const nextTry = ({ askedAt, attempt }: Run, now: Date) => {
        if (now.getTime() - askedAt.getTime() >= Duration.toMillis(giveUpAfter)) return null
        const wait = Math.min(longestWait, Duration.toMillis(retryAfter) * 2 ** Math.min(attempt - 1, 20))
        return new Date(now.getTime() + wait)
      }

      const settleFailure = Effect.fnUntraced(
        function* (claim: Claim, actor: string, cause: Cause.Cause<unknown>) {
          const { run } = claim
          const now = yield* DateTime.nowAsDate
          const next = nextTry(run, now)
          const failure = failureOf(cause)
          yield* claims.fail(claim, failure, next, { actor, reason: failure.text, traceId: run.traceId, now })
          if (next === null) return
          const delay = Duration.millis(next.getTime() - now.getTime())
          yield* outbox.publish(RunQueued, { id: run.id, attempt: run.attempt, since: next }, { delay })
        },
        sql.withTransaction,
        Effect.catchTag("SqlError", Effect.die)
      )

      const giveBack = Effect.fnUntraced(
        function* (claim: Claim, actor: string) {
          const now = yield* DateTime.nowAsDate
          const { traceId } = claim.run
          yield* claims.release(claim, { actor, reason: "its worker was stopped", traceId, now })
        },
        sql.withTransaction,
        Effect.catchTag("SqlError", Effect.die)
      )

      const attend = (claim: Claim, actor: string) =>
        compareDay(claim).pipe(
          // what it had staged is its own, and goes; the run is another's
          Effect.catchTag("ClaimLost", () =>
            Effect.andThen(Effect.logWarning("another worker took the run over"), giveBack(claim, actor))
          ),
          Effect.onInterrupt(() => giveBack(claim, actor)),
          Effect.catchCause((cause) =>
            Cause.hasInterruptsOnly(cause)
              ? Effect.interrupt
              : Effect.all(
                  [
                    countFailure(claim.run),
                    Effect.logWarning("a bill could not be compared", cause),
                    settleFailure(claim, actor, cause)
                  ],
                  { discard: true }
                )
          )
        )

      return Reconciler.of({
        work: Effect.fn("Reconciler.work")(
          function* (id, actor) {
            const claimed = yield* claims.claim(id, actor)
            if (Option.isNone(claimed)) return Option.none()
            const { channel, day, merchantId } = claimed.value.run
            yield* Effect.annotateCurrentSpan({ channel, day })
            yield* attend(claimed.value, actor).pipe(Effect.annotateLogs({ channel, day, merchantId, runId: id }))
            const done = yield* repo.find(id)
            if (Option.isSome(done)) yield* countRun(done.value)
            return done
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}
