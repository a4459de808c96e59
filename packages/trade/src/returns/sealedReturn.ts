import type { ReturnId } from "@mall/domain/trade/Return"
import type { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { openRow, sealRow } from "@mall/platform/sealing/PersonalDataTable"
import type { PersonalDataTable, SealedRow } from "@mall/platform/sealing/PersonalDataTable"
import { Effect } from "effect"

/** Why goods come back, in the buyer's own words. */
export const sealedReturns: PersonalDataTable = {
  name: "trade.returns",
  clear: { text: "reason", wipe: "reason = NULL", where: "reason IS NOT NULL" }
}

interface StoredReturn<Event> extends SealedRow {
  readonly reason: string | null
  readonly history: ReadonlyArray<Event>
}

/** With the reason, which the first line of the history leaves out. */
export const openReturn =
  (keys: PersonalDataKeys["Service"]) =>
  <Event extends { readonly from: string | null; readonly reason: string }, Row extends StoredReturn<Event>>({
    personalData,
    personalDataKey,
    ...row
  }: Row) =>
    Effect.map(openRow(keys, sealedReturns, { id: row.id, personalData, personalDataKey }), (opened) => {
      const reason = opened ?? row.reason ?? ""
      return {
        ...row,
        reason,
        history: row.history.map((event) => (event.from === null ? { ...event, reason } : event))
      }
    })

export const sealReason = (keys: PersonalDataKeys["Service"], id: ReturnId, reason: string) =>
  sealRow(keys, sealedReturns, id, reason)
