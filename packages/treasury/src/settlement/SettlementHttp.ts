import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { Operation } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import { SettlementId } from "@mall/domain/treasury/Settlement"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Effect, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import { Calendars } from "./Calendars.ts"
import { seenBy } from "./Sees.ts"
import { SettlementReads } from "./SettlementReads.ts"
import { Settlements } from "./Settlements.ts"
import { Terms } from "./Terms.ts"

const download = (lines: Stream.Stream<string>) =>
  HttpServerResponse.stream(Stream.encodeText(lines), {
    contentType: "text/csv; charset=utf-8",
    headers: { "content-disposition": `attachment; filename="statement.csv"`, "cache-control": "no-store" }
  })

/** Serves the group `settlements`. Needs the services of `SettlementServices` and the middlewares. */
export const layer = ApiGroup.group(
  MallApi,
  "settlements",
  Effect.fn(function* (handlers) {
    const calendars = yield* Calendars
    const reads = yield* SettlementReads
    const settlements = yield* Settlements
    const terms = yield* Terms
    return handlers.handleAll({
      list: ({ query }) => CurrentUser.use((user) => reads.list(seenBy(user), query)),
      terms: ({ query }) => CurrentUser.use((user) => terms.list(seenBy(user), query)),
      reserves: ({ query }) => CurrentUser.use((user) => reads.reserves(seenBy(user), query)),
      calendar: ({ params }) => calendars.show(params.name),
      show: ({ params }) => CurrentUser.use((user) => reads.show(seenBy(user), params.id)),
      items: ({ params, query }) => CurrentUser.use((user) => reads.items(seenBy(user), params.id, query)),
      statement: ({ params }) =>
        CurrentUser.use((user) => Effect.map(reads.statement(seenBy(user), params.id), download)),
      run: ({ payload }) =>
        Effect.flatMap(Effect.all([CurrentUser, Operation]), ([user, { id }]) =>
          settlements.run(payload, user.actorName, SettlementId.make(id))
        ),
      retry: ({ params, payload }) =>
        CurrentUser.use((user) => settlements.retry(params.id, user.actorName, payload.reason)),
      setTerms: ({ payload }) => CurrentUser.use((user) => terms.set(payload, user.actorName)),
      setCalendar: ({ params, payload }) =>
        CurrentUser.use((user) => calendars.put(params.name, payload, user.actorName))
    })
  })
)
