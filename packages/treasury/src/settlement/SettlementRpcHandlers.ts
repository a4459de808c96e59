import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { generator } from "@mall/domain/kernel/Id"
import { SettlementId } from "@mall/domain/treasury/Settlement"
import { SettlementAdminRpcs, SettlementMerchantRpcs } from "@mall/domain/treasury/SettlementRpcs"
import { Effect } from "effect"
import { Calendars } from "./Calendars.ts"
import { seenBy } from "./Sees.ts"
import { SettlementReads } from "./SettlementReads.ts"
import { Settlements } from "./Settlements.ts"
import { Terms } from "./Terms.ts"

const newSettlementId = generator(SettlementId)

/** Serves `SettlementMerchantRpcs`. Needs the services of `SettlementServices`. */
export const merchantLayer = SettlementMerchantRpcs.toLayer(
  Effect.gen(function* () {
    const reads = yield* SettlementReads
    const terms = yield* Terms
    return SettlementMerchantRpcs.of({
      "settlements.list": (filter) => CurrentUser.use((user) => reads.list(seenBy(user), filter)),
      "settlements.show": ({ id }) => CurrentUser.use((user) => reads.show(seenBy(user), id)),
      "settlements.items": ({ id, ...page }) => CurrentUser.use((user) => reads.items(seenBy(user), id, page)),
      "settlements.terms": (filter) => CurrentUser.use((user) => terms.list(seenBy(user), filter)),
      "settlements.reserves": (filter) => CurrentUser.use((user) => reads.reserves(seenBy(user), filter))
    })
  })
)

/** Serves `SettlementAdminRpcs`. Needs the services of `SettlementServices`. */
export const adminLayer = SettlementAdminRpcs.toLayer(
  Effect.gen(function* () {
    const calendars = yield* Calendars
    const reads = yield* SettlementReads
    const settlements = yield* Settlements
    const terms = yield* Terms
    return SettlementAdminRpcs.of({
      "admin.settlements.list": (filter) => reads.list("all", filter),
      "admin.settlements.show": ({ id }) => reads.show("all", id),
      "admin.settlements.items": ({ id, ...page }) => reads.items("all", id, page),
      "admin.settlements.terms": (filter) => terms.list("all", filter),
      "admin.settlements.reserves": (filter) => reads.reserves("all", filter),
      "admin.settlements.calendar": ({ name }) => calendars.show(name),
      "admin.settlements.run": (asked) =>
        Effect.flatMap(Effect.all([CurrentUser, newSettlementId]), ([user, id]) =>
          settlements.run(asked, user.actorName, id)
        ),
      "admin.settlements.retry": ({ id, reason }) =>
        CurrentUser.use((user) => settlements.retry(id, user.actorName, reason)),
      "admin.settlements.setTerms": (asked) => CurrentUser.use((user) => terms.set(asked, user.actorName)),
      "admin.settlements.setCalendar": ({ name, ...change }) =>
        CurrentUser.use((user) => calendars.put(name, change, user.actorName))
    })
  })
)
