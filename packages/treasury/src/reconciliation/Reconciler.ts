import type { ChannelId } from "@mall/domain/payments/Payment"
import type { BillDay, BillLine } from "@mall/domain/treasury/Bill"
import { ChannelBills } from "@mall/domain/treasury/ChannelBills"
import type { BillSource } from "@mall/domain/treasury/ChannelBills"
import { DayNotOver, NoChannelBill, RunInProgress } from "@mall/domain/treasury/ReconciliationError"
import type { RunRefused } from "@mall/domain/treasury/ReconciliationError"
import type { BillFormat } from "@mall/domain/treasury/Bill"
import { SettledPayments } from "@mall/domain/treasury/SettledPayments"
import { RunId } from "@mall/domain/treasury/Run"
import type { Run } from "@mall/domain/treasury/Run"
import { generator } from "@mall/domain/kernel/Id"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Cause, Context, DateTime, Duration, Effect, Exit, Layer, Option, Predicate, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { createHash } from "node:crypto"
import { billParsers } from "./bill/billParsers.ts"
import { Comparison } from "./Comparison.ts"
import { boundsOf } from "./days.ts"
import { ReconciliationConfig } from "./ReconciliationConfig.ts"
import { countFailure, countRun } from "./reconciliationMetrics.ts"
import { Rules } from "./Rules.ts"
import { RunRepo } from "./RunRepo.ts"
import type { RunKey } from "./RunRepo.ts"

const newRunId = generator(RunId)

/** Rows that one statement takes. */
const batchSize = 2_000
/** References that are looked up at a time. */
const lookupSize = 10_000

interface ReadableSource extends BillSource {
  readonly format: BillFormat
}

/** What a run compares and for whom it says so. */
interface RunContext {
  readonly id: RunId
  readonly key: RunKey
  readonly source: ReadableSource
  readonly actor: string
  readonly traceId: string | null
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

const failureOf = (cause: Cause.Cause<unknown>) => {
  if (Cause.hasInterruptsOnly(cause)) return "it was interrupted"
  const error = Cause.squash(cause)
  if (Predicate.hasProperty(error, "detail") && Predicate.isString(error.detail)) return error.detail
  return "an internal error, which the log has"
}

/** Fetches bills and compares them with our records. Any number of workers may: of one day one does, and the others are told. */
export class Reconciler extends Context.Service<
  Reconciler,
  {
    /**
     * Compares a day, also one that was compared before: the newer bill counts. Fails as the run does, which is kept with
     * its reason; nothing half-done is seen. The `id` of a run that came to its end again answers with it.
     */
    run(channel: ChannelId, day: BillDay, actor: string, id: RunId): Effect.Effect<Run, RunRefused>
  }
>()("@mall/treasury/reconciliation/Reconciler") {
  static readonly layerNoDeps = Layer.effect(
    Reconciler,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const bills = yield* ChannelBills
      const payments = yield* SettledPayments
      const comparison = yield* Comparison
      const repo = yield* RunRepo
      const audit = yield* makeAuditRecorder
      const rules = yield* Rules
      const { timingMargin } = yield* ReconciliationConfig

      const lost = ({ channel, day }: RunKey) => new RunInProgress({ channel, day })

      const stillOurs = Effect.fnUntraced(function* ({ id, key }: RunContext) {
        if (!(yield* repo.renew(id))) return yield* lost(key)
      })

      /** The whole bill into the database, and the hash of its bytes. */
      const takeBill = Effect.fnUntraced(function* (run: RunContext) {
        const { id, key, source } = run
        const download = yield* bills.download(source.channel, key.day)
        if (Option.isNone(download)) return null
        const parser = billParsers[source.format]({
          ...boundsOf(source, key.day),
          offsetMinutes: source.offsetMinutes
        })
        const hash = createHash("sha256")
        yield* download.value.pipe(
          Stream.tap((bytes) => Effect.sync(() => hash.update(bytes))),
          Stream.decodeText(),
          Stream.mapEffect((text) => Effect.fromResult(parser.push(text))),
          Stream.concat(Stream.fromEffect(Effect.suspend(() => Effect.fromResult(parser.end())))),
          inBatches,
          Stream.runForEach((lines) => Effect.andThen(comparison.addLines(id, lines), stillOurs(run)))
        )
        return hash.digest("hex")
      }, Effect.scoped)

      const takeRecords = Effect.fnUntraced(function* (run: RunContext) {
        const { id, key, source } = run
        const { from, to } = boundsOf(source, key.day)
        yield* payments.stream(source.channel, from, to).pipe(
          Stream.grouped(batchSize),
          Stream.runForEach((records) => Effect.andThen(comparison.addRecords(id, records), stillOurs(run)))
        )
        // what the bill has and the day has not may be ours all the same: of another day, or not settled
        let after = ""
        while (true) {
          const references = yield* comparison.unknown(id, after, lookupSize)
          const found = yield* payments.find(source.channel, references)
          if (found.length > 0) yield* comparison.addRecords(id, found)
          yield* stillOurs(run)
          const last = references.at(-1)
          if (last === undefined || references.length < lookupSize) return
          after = last
        }
      })

      const finish = Effect.fnUntraced(
        function* ({ actor, id, key, source, traceId }: RunContext, sha256: string | null) {
          // one account at a time: days touch each other where movements go from one to the next
          yield* sql`SELECT pg_advisory_xact_lock(hashtextextended(${`reconciliation ${key.channel} ${key.account}`}, 0))`
          if (!(yield* repo.hold(id))) return yield* lost(key)
          const { from, to } = boundsOf(source, key.day)
          const now = yield* DateTime.nowAsDate
          const carriedFrom = new Date(to.getTime() - Duration.toMillis(timingMargin))
          const day = { ...key, runId: id, from, to, carriedFrom, actor, traceId, now }
          const result = yield* comparison.compare(day)
          yield* rules.apply(day)
          yield* repo.complete(id, key, { ...result, sha256 })
        },
        sql.withTransaction,
        retryConflicts
      )

      const compareDay = Effect.fnUntraced(
        function* (run: RunContext) {
          const sha256 = yield* takeBill(run)
          yield* takeRecords(run)
          yield* finish(run, sha256)
        },
        Effect.catchTag("SqlError", Effect.die),
        (effect, { id, key }) =>
          Effect.onExit(effect, (exit) =>
            Exit.isSuccess(exit)
              ? Effect.void
              : Effect.all([
                  countFailure(key.channel),
                  Effect.logWarning("a bill could not be compared", exit.cause),
                  repo.fail(id, failureOf(exit.cause)).pipe(Effect.catchTag("SqlError", Effect.die))
                ])
          )
      )

      const sourceOf = Effect.fnUntraced(function* (channel: ChannelId) {
        const source = bills.sources.find((one) => one.channel === channel)
        if (source === undefined) {
          return yield* new NoChannelBill({ channel, reason: `The platform has no account at ${channel}` })
        }
        const { format } = source
        if (format === null) {
          const reason = source.reason ?? `The bill of ${channel} is not read`
          return yield* new NoChannelBill({ channel, reason })
        }
        const readable: ReadableSource = { ...source, format }
        return readable
      })

      const run = Effect.fn("Reconciler.run")(
        function* (channel: ChannelId, day: BillDay, actor: string, given: RunId) {
          yield* Effect.annotateCurrentSpan({ channel, day })
          const known = yield* repo.find(given)
          if (Option.isSome(known) && known.value.finishedAt !== null && known.value.failure === null)
            return known.value
          // one that failed stays as it is: what is tried again is another run
          const id = Option.isSome(known) ? yield* newRunId : given
          const source = yield* sourceOf(channel)
          if (boundsOf(source, day).to > (yield* DateTime.nowAsDate)) return yield* new DayNotOver({ day })
          const key: RunKey = { channel, account: source.account, day }
          const traceId = yield* currentTraceId
          if (!(yield* repo.claim(id, key, actor, traceId))) return yield* lost(key)
          // before it is done, since the channel is asked in between
          yield* audit.record({
            action: "reconciliation.run",
            resource: { type: "reconciliation_run", id },
            after: { channel, day }
          })
          yield* compareDay({ id, key, source, actor, traceId }).pipe(Effect.annotateLogs({ channel, day, runId: id }))
          const done = yield* Effect.flatMap(repo.find(id), Effect.fromOption)
          yield* countRun(done)
          return done
        },
        Effect.catchTags({ SqlError: Effect.die, NoSuchElementError: Effect.die })
      )

      return Reconciler.of({ run })
    })
  )
}
