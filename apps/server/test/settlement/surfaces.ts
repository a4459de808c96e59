import type { Page } from "@mall/domain/kernel/Page"
import type {
  HeldReserve,
  NewSettlement,
  Settlement,
  SettlementDetails,
  SettlementId,
  SettlementItem
} from "@mall/domain/treasury/Settlement"
import type {
  BusinessCalendar,
  CalendarChange,
  NewSettlementTerms,
  SettlementTerms
} from "@mall/domain/treasury/SettlementTerms"
import type { Currency } from "@mall/domain/kernel/Currency"
import type { Effect } from "effect"
import type { signIn } from "../shoppers.ts"

type Caller = Effect.Success<ReturnType<typeof signIn>>
type Answer<A> = Effect.Effect<A, { readonly _tag: string }>
interface Paged {
  readonly limit?: number
  readonly after?: string
}

/** What a merchant may do about settlements. */
export interface Reading {
  list(filter: Paged & { readonly currency?: Currency }): Answer<Page<Settlement>>
  show(id: SettlementId): Answer<SettlementDetails>
  items(id: SettlementId, page: Paged): Answer<Page<SettlementItem>>
  readonly terms: Answer<ReadonlyArray<SettlementTerms>>
  reserves(page: Paged): Answer<Page<HeldReserve>>
}

/** What only an operator may do besides. */
export interface Acting {
  run(asked: NewSettlement): Answer<Settlement>
  retry(id: SettlementId, reason: string): Answer<Settlement>
  setTerms(asked: NewSettlementTerms): Answer<SettlementTerms>
  calendar(name: string): Answer<BusinessCalendar>
  setCalendar(name: string, change: CalendarChange): Answer<BusinessCalendar>
}

/** One way into the server. */
export interface Surface {
  readonly name: string
  readonly reads: (merchant: Caller) => Reading
  readonly readsAll: (admin: Caller) => Reading
  readonly acts: (admin: Caller) => Acting
}

const overHttp = ({ mall: { settlements } }: Caller): Reading => ({
  list: (query) => settlements.list({ query }),
  show: (id) => settlements.show({ params: { id } }),
  items: (id, query) => settlements.items({ params: { id }, query }),
  terms: settlements.terms({ query: {} }),
  reserves: (query) => settlements.reserves({ query })
})

const http: Surface = {
  name: "HTTP",
  reads: overHttp,
  readsAll: overHttp,
  acts: ({ mall: { settlements } }) => ({
    run: (payload) => settlements.run({ payload }),
    retry: (id, reason) => settlements.retry({ params: { id }, payload: { reason } }),
    setTerms: (payload) => settlements.setTerms({ payload }),
    calendar: (name) => settlements.calendar({ params: { name } }),
    setCalendar: (name, payload) => settlements.setCalendar({ params: { name }, payload })
  })
}

const rpc: Surface = {
  name: "RPC",
  reads: ({ merchant }) => ({
    list: (filter) => merchant["settlements.list"](filter),
    show: (id) => merchant["settlements.show"]({ id }),
    items: (id, page) => merchant["settlements.items"]({ id, ...page }),
    terms: merchant["settlements.terms"]({}),
    reserves: (page) => merchant["settlements.reserves"](page)
  }),
  readsAll: ({ admin }) => ({
    list: (filter) => admin["admin.settlements.list"](filter),
    show: (id) => admin["admin.settlements.show"]({ id }),
    items: (id, page) => admin["admin.settlements.items"]({ id, ...page }),
    terms: admin["admin.settlements.terms"]({}),
    reserves: (page) => admin["admin.settlements.reserves"](page)
  }),
  acts: ({ admin }) => ({
    run: (asked) => admin["admin.settlements.run"](asked),
    retry: (id, reason) => admin["admin.settlements.retry"]({ id, reason }),
    setTerms: (asked) => admin["admin.settlements.setTerms"](asked),
    calendar: (name) => admin["admin.settlements.calendar"]({ name }),
    setCalendar: (name, change) => admin["admin.settlements.setCalendar"]({ name, ...change })
  })
}

export const surfaces = [http, rpc]
