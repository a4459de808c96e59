import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { Payout, PayoutDetails, PayoutStatus } from "@mall/domain/treasury/Payout"
import { PayoutAccountId } from "@mall/domain/treasury/PayoutAccount"
import type { PayoutAccount, PayoutAccountStatus } from "@mall/domain/treasury/PayoutAccount"
import { PayoutNotFound } from "@mall/domain/treasury/PayoutError"
import { PayoutId } from "@mall/domain/treasury/Payouts"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { readsOf } from "@mall/platform/Tenancy"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { PayoutRepo, PayoutRow, viewOf } from "./PayoutRepo.ts"
import { openAccounts } from "./sealedAccounts.ts"
import { tenantOf } from "./seenBy.ts"
import type { Sees } from "./seenBy.ts"

interface Filter<Status> {
  readonly limit?: number | undefined
  readonly after?: string | undefined
  readonly status?: Status | undefined
  readonly merchantId?: MerchantId | undefined
}

const accountCursor = cursorOf(Schema.Struct({ id: PayoutAccountId }))
const payoutCursor = cursorOf(Schema.Struct({ id: PayoutId }))
const decodePayouts = Schema.decodeUnknownEffect(Schema.Array(PayoutRow))

/** Lists and looks. Whose rows are seen is in the `WHERE` clause. */
export class PayoutReads extends Context.Service<
  PayoutReads,
  {
    /** Newest first. */
    accounts(sees: Sees, filter: Filter<PayoutAccountStatus>): Effect.Effect<Page<PayoutAccount>, InvalidCursor>
    /** Newest first. */
    payouts(sees: Sees, filter: Filter<PayoutStatus>): Effect.Effect<Page<Payout>, InvalidCursor>
    payout(sees: Sees, id: PayoutId): Effect.Effect<PayoutDetails, PayoutNotFound>
  }
>()("@mall/treasury/payouts/PayoutReads") {
  static readonly layerNoDeps = Layer.effect(
    PayoutReads,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* PayoutRepo
      const open = openAccounts(yield* PersonalDataKeys)

      const within = (sees: Sees) => readsOf(sql, "mall_pay_tenant", tenantOf(sees))
      const clausesOf = (sees: Sees, { merchantId, status }: Filter<string>, after: string | undefined) => [
        sees === "all" ? sql`true` : sql`t.merchant_id = ${sees}`,
        ...(merchantId === undefined ? [] : [sql`t.merchant_id = ${merchantId}`]),
        ...(status === undefined ? [] : [sql`t.status = ${status}`]),
        ...(after === undefined ? [] : [sql`t.id < ${after}`])
      ]

      return PayoutReads.of({
        accounts: Effect.fn("PayoutReads.accounts")(
          function* (sees, { after, limit = defaultLimit, ...filter }) {
            const last = after === undefined ? undefined : (yield* accountCursor.decode(after)).id
            const rows = yield* within(sees)(sql`
              SELECT t.* FROM treasury.payout_accounts AS t WHERE ${sql.and(clausesOf(sees, filter, last))}
              ORDER BY t.id DESC LIMIT ${limit + 1}`)
            const opened = (yield* open(rows)).map(({ account }) => account)
            return toPage(opened, limit, ({ id }) => accountCursor.encode({ id }))
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        payouts: Effect.fn("PayoutReads.payouts")(
          function* (sees, { after, limit = defaultLimit, ...filter }) {
            const last = after === undefined ? undefined : (yield* payoutCursor.decode(after)).id
            const rows = yield* within(sees)(sql`
              SELECT t.* FROM treasury.payouts AS t WHERE ${sql.and(clausesOf(sees, filter, last))}
              ORDER BY t.id DESC LIMIT ${limit + 1}`)
            const decoded = yield* decodePayouts(rows)
            return toPage(decoded.map(viewOf), limit, ({ id }) => payoutCursor.encode({ id }))
          },
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        payout: Effect.fn("PayoutReads.payout")(
          (sees, id) =>
            Effect.gen(function* () {
              const found = yield* repo.find(id)
              if (Option.isNone(found) || (sees !== "all" && found.value.merchantId !== sees)) {
                return yield* new PayoutNotFound({ payoutId: id })
              }
              return yield* repo.details(found.value)
            }).pipe(within(sees)),
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}
