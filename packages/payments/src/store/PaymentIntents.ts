import { PaymentQuotas } from "@mall/domain/merchants/PaymentQuotas"
import type { QuotaNeed } from "@mall/domain/merchants/PaymentQuotas"
import type { PaymentLimitExceeded, QuotaExceeded } from "@mall/domain/merchants/TermsError"
import type { AuditEntry } from "@mall/domain/operations/Audit"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { PaymentNotFound } from "@mall/domain/payments/PaymentGateway"
import { groupByTenant } from "@mall/platform/groupByTenant"
import { retryLost } from "@mall/platform/lostConnection"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { readsOf } from "@mall/platform/Tenancy"
import type { Tenant } from "@mall/platform/Tenancy"
import { Context, Effect, Exit, Layer, Request } from "effect"
import { SqlClient } from "effect/sql"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { groupCommit } from "@mall/platform/groupCommit"
import { countPayment, countTermsRefusal, timed } from "../paymentMetrics.ts"
import type { NewPayment } from "./creationStatement.ts"
import { HistoryRow } from "./PaymentRecord.ts"
import type { IntentRow } from "./PaymentRecord.ts"
import { PaymentRepo } from "./PaymentRepo.ts"

class Create extends Request.Class<
  NewPayment & {
    /** Undefined where its merchant, or the mall, has no quota. */
    readonly need: QuotaNeed | undefined
  },
  IntentRow,
  QuotaExceeded
> {}
class Find extends Request.Class<{ readonly id: PaymentId }, IntentRow, PaymentNotFound> {}

/** Rows that one statement writes or reads at most. */
const maxBatch = 128

/** Makes and finds payments. Concurrent calls share one statement, so the cost of each falls as load grows. */
export class PaymentIntents extends Context.Service<
  PaymentIntents,
  {
    /** Idempotent by id: the same id again answers with the payment that exists. Its time-out is set in the same transaction, which `acts` join where it is made, and in which its merchant's quota is held. */
    create(
      row: IntentRow,
      actor: string,
      acts?: ReadonlyArray<AuditEntry>
    ): Effect.Effect<IntentRow, PaymentLimitExceeded | QuotaExceeded>
    /** With a tenant, a payment that is not theirs is not found. */
    find(id: PaymentId, tenant?: Tenant): Effect.Effect<IntentRow, PaymentNotFound>
  }
>()("@mall/payments/store/PaymentIntents") {
  static readonly layerNoDeps = Layer.effect(
    PaymentIntents,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* PaymentRepo
      const quotas = yield* PaymentQuotas

      const knownOf = (ids: ReadonlyArray<PaymentId>) =>
        Effect.map(repo.findAll(ids), (rows): ReadonlySet<PaymentId> => new Set(rows.map(({ id }) => id)))

      const insert = Effect.fnUntraced(function* (requests: ReadonlyArray<Create>) {
        const needs = new Map(
          requests.flatMap(({ need }) => (need === undefined ? [] : [[need.paymentId, need] as const]))
        )
        const refused = yield* quotas.hold([...needs.values()], knownOf)
        const firsts = new Map(requests.toReversed().map((request) => [request.row.id, request]))
        const wanted = [...firsts.values()].filter(({ row }) => !refused.has(row.id))
        const inserted = yield* repo.insert(wanted)
        const fresh = wanted.map(({ row }) => row).filter(({ id }) => inserted.has(id))
        const existing = wanted.map(({ row }) => row.id).filter((id) => !inserted.has(id))
        const found = existing.length === 0 ? [] : yield* repo.findAll(existing)
        return { inserted, refused, rows: new Map([...fresh, ...found].map((row) => [row.id, row])) }
      })

      /** One statement is a transaction of its own. Either way the same payments again are the same. */
      const insertWhole = (requests: ReadonlyArray<Create>) =>
        requests.every(({ need }) => need === undefined) ? insert(requests) : sql.withTransaction(insert(requests))

      const complete = Effect.fnUntraced(function* (entries: ReadonlyArray<Request.Entry<Create>>) {
        const { inserted, refused, rows } = yield* insertWhole(entries.map(({ request }) => request)).pipe(
          retryConflicts,
          retryLost
        )
        for (const { completeUnsafe, request } of entries) {
          const shortage = refused.get(request.row.id)
          if (shortage !== undefined) {
            yield* countTermsRefusal("quota", request.row.currency)
            completeUnsafe(Exit.fail(shortage))
            continue
          }
          const row = rows.get(request.row.id) ?? request.row
          if (!inserted.has(row.id)) yield* countPayment("duplicate", "none", row.currency)
          completeUnsafe(Exit.succeed(row))
        }
      })

      const creator = groupCommit<Create>({ commit: complete, refused: Exit.die, maxBatch })

      const finderOf = (tenant: Tenant | undefined) =>
        groupCommit<Find>({
          commit: Effect.fnUntraced(function* (entries) {
            const ids = [...new Set(entries.map(({ request }) => request.id))]
            const rows = yield* readsOf(sql, "mall_pay_tenant", tenant)(repo.findAll(ids))
            const byId = new Map(rows.map((row) => [row.id, row]))
            for (const { completeUnsafe, request } of entries) {
              const row = byId.get(request.id)
              completeUnsafe(
                row === undefined ? Exit.fail(new PaymentNotFound({ paymentId: request.id })) : Exit.succeed(row)
              )
            }
          }),
          refused: Exit.die,
          maxBatch
        })

      const findWith = groupByTenant(finderOf)

      return PaymentIntents.of({
        create: Effect.fn("PaymentIntents.create")(function* (row, actor, acts = []) {
          const history = new HistoryRow({
            paymentId: row.id,
            subject: "payment",
            subjectId: row.id,
            fromStatus: null,
            toStatus: row.status,
            actor,
            reason: "created",
            traceId: yield* currentTraceId,
            at: row.createdAt
          })
          const { createdAt: at, id: paymentId, merchantId, money } = row
          const need = yield* quotas
            .admit({ paymentId, merchantId, money, at })
            .pipe(Effect.tapErrorTag("PaymentLimitExceeded", () => countTermsRefusal("limit", row.currency)))
          return yield* Effect.request(new Create({ row, history, acts, need }), creator)
        }, timed("create_payment")),
        find: (id, tenant) => findWith(new Find({ id }), tenant)
      })
    })
  )
}
