import { shopOf } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { MerchantNotFound } from "@mall/domain/merchants/MerchantError"
import { standingOf } from "@mall/domain/merchants/MerchantProfile"
import type { MerchantDetails, MerchantProfile } from "@mall/domain/merchants/MerchantProfile"
import { Merchants } from "@mall/domain/merchants/Merchants"
import type { ListedMerchant } from "@mall/domain/merchants/Merchants"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { PageRequest, Ruling } from "../Actor.ts"
import { Profiles, unknownProfile } from "./Profiles.ts"
import type { ProfileRow } from "./Profiles.ts"

const toProfile = ({ code, createdAt, id, name }: ListedMerchant, row: ProfileRow): MerchantProfile => {
  const { kycLevel, kycStatus, suspendedAt, verifiedUntil } = row
  const standing = standingOf(kycStatus, suspendedAt !== null)
  return { id, code, name, standing, kycLevel, kycStatus, verifiedUntil, suspendedAt, createdAt }
}

/** Merchants in the hands of operators, and what their own staff see of them. */
export class MerchantAdministration extends Context.Service<
  MerchantAdministration,
  {
    /** Newest first. */
    list(page: PageRequest): Effect.Effect<Page<MerchantProfile>, InvalidCursor>
    show(id: MerchantId): Effect.Effect<MerchantDetails, MerchantNotFound>
    /** The merchant whose staff the caller is. Who of the house acted is not told. */
    showOwn(caller: Principal): Effect.Effect<MerchantDetails, MerchantNotFound>
    /** What is so already is not changed, and not recorded. */
    suspend(id: MerchantId, ruling: Ruling): Effect.Effect<MerchantProfile, MerchantNotFound>
    resume(id: MerchantId, ruling: Ruling): Effect.Effect<MerchantProfile, MerchantNotFound>
  }
>()("@mall/merchants/standing/MerchantAdministration") {
  static readonly layerNoDeps = Layer.effect(
    MerchantAdministration,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      const merchants = yield* Merchants
      const profiles = yield* Profiles

      const find = Effect.fnUntraced(function* (id: MerchantId) {
        return yield* Effect.mapError(Effect.fromOption(yield* merchants.find(id)), () => new MerchantNotFound({}))
      })

      const show = Effect.fn("MerchantAdministration.show")(
        function* (id: MerchantId) {
          const merchant = yield* find(id)
          const [row = unknownProfile(id)] = yield* profiles.find([id])
          return { merchant: toProfile(merchant, row), history: yield* profiles.history(id) }
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const setSuspended = (isSuspended: boolean) =>
        Effect.fn(`MerchantAdministration.${isSuspended ? "suspend" : "resume"}`)(
          function* (id: MerchantId, ruling: Ruling) {
            const merchant = yield* find(id)
            const before = yield* profiles.lock(id)
            if ((before.suspendedAt !== null) === isSuspended) return toProfile(merchant, before)
            const after = { ...before, suspendedAt: isSuspended ? yield* DateTime.nowAsDate : null }
            yield* profiles.save(after, ruling)
            yield* audit.record({
              action: isSuspended ? "merchant.suspend" : "merchant.resume",
              resource: { type: "merchant", id },
              merchantId: id,
              reason: ruling.reason,
              before: { suspendedAt: before.suspendedAt },
              after: { suspendedAt: after.suspendedAt }
            })
            return toProfile(merchant, after)
          },
          sql.withTransaction,
          retryConflicts,
          Effect.catchTag("SqlError", Effect.die)
        )

      return MerchantAdministration.of({
        list: Effect.fn("MerchantAdministration.list")(
          function* (page) {
            const { data, nextCursor } = yield* merchants.list(page)
            const rows = new Map(
              (yield* profiles.find(data.map(({ id }) => id))).map((row) => [row.merchantId, row] as const)
            )
            return {
              data: data.map((each) => toProfile(each, rows.get(each.id) ?? unknownProfile(each.id))),
              nextCursor
            }
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        show,
        showOwn: Effect.fn("MerchantAdministration.showOwn")(function* (caller) {
          const shop = shopOf(caller, "merchants:profile")
          if (Option.isNone(shop)) return yield* new MerchantNotFound({})
          const { history, merchant } = yield* show(shop.value)
          return { merchant, history: history.map((change) => ({ ...change, actor: "staff" })) }
        }),
        suspend: setSuspended(true),
        resume: setSuspended(false)
      })
    })
  )
}
