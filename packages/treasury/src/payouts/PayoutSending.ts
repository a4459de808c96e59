import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { MerchantStanding } from "@mall/domain/merchants/MerchantStanding"
import { PayoutNotFound, PayoutStateConflict } from "@mall/domain/treasury/PayoutError"
import type { PayoutChangeRefused } from "@mall/domain/treasury/PayoutError"
import type { PayoutDetails } from "@mall/domain/treasury/Payout"
import { payoutStates } from "@mall/domain/treasury/Payout"
import type { PayoutId } from "@mall/domain/treasury/Payouts"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Array, Context, DateTime, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { actNow } from "./Act.ts"
import type { BankAnswer, BankChannel, BankInstruction } from "./bank/BankChannel.ts"
import { Banks } from "./bank/Banks.ts"
import { PayoutAccountRepo } from "./PayoutAccountRepo.ts"
import { countStep, showOldestUnknown } from "./payoutMetrics.ts"
import { PayoutOutcomes } from "./PayoutOutcomes.ts"
import { PayoutRepo } from "./PayoutRepo.ts"
import type { PayoutRow } from "./PayoutRepo.ts"

const newBatchId = generator(Uuid7.pipe(Schema.brand("BankBatchId")))

/** Longer than a bank may take to answer. After it another worker asks what became of a pay-out whose worker is gone. */
const lease = Duration.minutes(2)

/** How often it is looked whether a merchant may do business again whose pay-out waits for that. */
const withheldFor = Duration.minutes(10)

const worker = "system:payouts"

const Oldest = Schema.Struct({ at: Schema.NullOr(Schema.Date) })

/**
 * Tells the bank of what is approved, and asks it about what it has not settled. The intent is committed before the bank is
 * called, and what it answers after: a worker that dies between the two leaves a pay-out that is asked about, under the id that
 * the bank knows it by. Any number of workers may do so at once.
 */
export class PayoutSending extends Context.Service<
  PayoutSending,
  {
    /** Up to `limit` of what is due; how many there were. */
    sweep(limit: number): Effect.Effect<number, SqlError>
    /** Asks the bank about this one, now. */
    query(id: PayoutId): Effect.Effect<PayoutDetails, PayoutChangeRefused>
    /** Shows how long the oldest one waits of which nobody knows whether it was paid. */
    readonly watch: Effect.Effect<number, SqlError>
  }
>()("@mall/treasury/payouts/PayoutSending") {
  static readonly layerNoDeps = Layer.effect(
    PayoutSending,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const accounts = yield* PayoutAccountRepo
      const banks = yield* Banks
      const outcomes = yield* PayoutOutcomes
      const repo = yield* PayoutRepo
      const standings = yield* MerchantStanding
      const audit = yield* makeAuditRecorder

      const mayBePaid = (merchantId: MerchantId) =>
        Effect.map(standings.of(merchantId), (standing) => standing === "active")

      /** Takes what is due: from now on another worker keeps away from it, until the lease ends. */
      const claim = Effect.fnUntraced(
        function* (limit: number) {
          const now = yield* DateTime.nowAsDate
          const dueAt = new Date(now.getTime() + Duration.toMillis(lease))
          const rows = yield* repo.lockDue(limit, now)
          const toAsk = rows.filter(({ status }) => status !== "approved")
          const approved = rows.filter(({ status }) => status === "approved")
          // what the bank was told once may be with it already: only telling it again shows what became of it
          const toSubmit = yield* Effect.filter(approved, ({ merchantId, tries }) =>
            tries > 0 ? Effect.succeed(true) : mayBePaid(merchantId)
          )
          const later = new Date(now.getTime() + Duration.toMillis(withheldFor))
          for (const row of approved) if (!toSubmit.includes(row)) yield* repo.postpone(row.id, later, row.asks)
          for (const { asks, id } of toAsk) yield* repo.postpone(id, dueAt, asks + 1)
          const act = yield* actNow(worker, "due")
          const batchId = yield* newBatchId
          const channel = banks.current.id
          const submitting = yield* Effect.forEach(toSubmit, (row) =>
            repo.move(row, "submitting", act, { batchId, channel, dueAt, asks: 0, tries: row.tries + 1 })
          )
          return { toAsk, batchId, submitting }
        },
        sql.withTransaction,
        retryConflicts
      )

      const instructionOf = Effect.fnUntraced(function* ({ accountId, amount, currency, id }: PayoutRow) {
        const { account, number } = yield* Effect.fromOption(yield* accounts.find(accountId)).pipe(Effect.orDie)
        const { bankCode, bic, country, holder } = account
        const instruction: BankInstruction = {
          ...{ id, amount, currency, country, holder, bankCode, bic, number }
        }
        return instruction
      })

      const submit = Effect.fnUntraced(function* (batchId: string, rows: ReadonlyArray<PayoutRow>) {
        if (rows.length === 0) return
        for (const { currency } of rows) yield* countStep(currency, "submitting")
        const instructions = yield* Effect.forEach(rows, instructionOf)
        yield* Effect.forEach(yield* banks.current.submit(batchId, instructions), (answer) =>
          outcomes.record(answer, worker)
        )
      })

      const askOf = Effect.fnUntraced(function* (
        channel: BankChannel | undefined,
        rows: ReadonlyArray<PayoutRow>
      ): Effect.fn.Return<ReadonlyArray<BankAnswer>> {
        if (channel !== undefined) return yield* channel.query(rows)
        yield* Effect.logError("There is no way to the bank that pay-outs went to", { channel: rows[0]?.channel })
        return []
      })

      const ask = Effect.fnUntraced(function* (rows: ReadonlyArray<PayoutRow>, actor: string) {
        for (const [id, theirs] of Object.entries(Array.groupBy(rows, ({ channel }) => channel))) {
          const channel = banks.all.find((one) => one.id === id)
          yield* Effect.forEach(yield* askOf(channel, theirs), (answer) => outcomes.record(answer, actor))
        }
      })

      const selectOldest = SqlSchema.findOne({
        Request: Schema.Void,
        Result: Oldest,
        execute: () => sql`
          SELECT min(p.updated_at) AS at FROM treasury.payouts AS p WHERE p.status IN ('submitting', 'unknown')`
      })

      return PayoutSending.of({
        sweep: Effect.fn("PayoutSending.sweep")(function* (limit) {
          const { batchId, submitting, toAsk } = yield* claim(limit)
          yield* submit(batchId, submitting)
          yield* ask(toAsk, worker)
          return submitting.length + toAsk.length
        }),
        query: Effect.fn("PayoutSending.query")(
          function* (id) {
            const read = repo.find(id).pipe(
              Effect.flatMap(Effect.fromOption),
              Effect.catchTag("NoSuchElementError", () => new PayoutNotFound({ payoutId: id }))
            )
            const row = yield* read
            if (!payoutStates.can(row.status, "paid")) {
              return yield* new PayoutStateConflict({ payoutId: id, state: row.status })
            }
            const { merchantId } = row
            yield* audit.record({ action: "payout.query", resource: { type: "payout", id }, merchantId })
            yield* ask([row], worker)
            return yield* repo.details(yield* read)
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        watch: Effect.gen(function* () {
          const { at } = yield* selectOldest(undefined)
          const now = yield* DateTime.nowAsDate
          yield* showOldestUnknown(at === null ? 0 : (now.getTime() - at.getTime()) / 1000)
          return 0
        }).pipe(Effect.catchTags({ SchemaError: Effect.die, NoSuchElementError: Effect.die }))
      })
    })
  )
}
