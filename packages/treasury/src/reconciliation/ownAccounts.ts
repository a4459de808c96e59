import type { ChannelBills, OwnBillSource } from "@mall/domain/treasury/ChannelBills"
import { Effect, Option, Stream } from "effect"

/** Merchants' own accounts page by page: those in use, and former ones through which something went since `since`. */
export const ownAccounts = (bills: ChannelBills["Service"], since: Date, pageSize: number) =>
  Stream.paginate<OwnBillSource | null, ReadonlyArray<OwnBillSource>>(null, (after) =>
    Effect.map(bills.own(since, after, pageSize), (page) => {
      const last = page.at(-1)
      return [[page], last === undefined || page.length < pageSize ? Option.none() : Option.some(last)] as const
    })
  )
