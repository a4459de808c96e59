import { Effect } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { BankBook } from "../bank/BankBook.ts"
import { BillChanges } from "../BillChanges.ts"
import { Callbacks } from "../Callbacks.ts"
import { Channels } from "../Channels.ts"
import { Ecb, EcbChange } from "../Ecb.ts"
import { FaultRule, Faults } from "../Faults.ts"
import { MailSink } from "../mail/MailSink.ts"
import { RequestLedger } from "../RequestLedger.ts"
import { Wecom } from "../Wecom.ts"
import { addBills, addDisputes, addKeys, addOrders } from "./channelControl.ts"
import { makeAdd } from "./controlRoute.ts"
import type { Add } from "./controlRoute.ts"
import { addRecords } from "./recordControl.ts"

const addFaults = Effect.fnUntraced(function* (add: Add) {
  const faults = yield* Faults
  const list = Effect.map(faults.list, (data) => HttpServerResponse.jsonUnsafe({ data }))
  yield* add("GET", "/faults", list)
  yield* add(
    "POST",
    "/faults",
    HttpServerRequest.schemaBodyJson(FaultRule).pipe(Effect.flatMap(faults.add), Effect.andThen(list))
  )
  yield* add("DELETE", "/faults", Effect.as(faults.clear, HttpServerResponse.empty()))
})

/** What the central bank publishes next. */
const addRates = Effect.fnUntraced(function* (add: Add) {
  const ecb = yield* Ecb
  yield* add(
    "POST",
    "/ecb",
    HttpServerRequest.schemaBodyJson(EcbChange).pipe(Effect.flatMap(ecb.change), Effect.as(HttpServerResponse.empty()))
  )
})

const addReset = Effect.fnUntraced(function* (add: Add) {
  const { channels } = yield* Channels
  const callbacks = yield* Callbacks
  const changes = yield* BillChanges
  const bank = yield* BankBook
  const faults = yield* Faults
  const ledger = yield* RequestLedger
  const ecb = yield* Ecb
  const wecom = yield* Wecom
  const mail = yield* MailSink
  yield* add(
    "POST",
    "/reset",
    Effect.gen(function* () {
      yield* changes.clear
      yield* bank.clear
      yield* faults.clear
      yield* Effect.forEach(channels, ({ reset }) => reset)
      yield* callbacks.clear
      yield* ledger.clear
      yield* ecb.clear
      yield* wecom.clear
      yield* mail.clear
      return HttpServerResponse.empty()
    })
  )
})

/** JSON endpoints by which tests and demos act as the payer, read what happened and order faults. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const add = makeAdd(router)
    yield* addOrders(add)
    yield* addDisputes(add)
    yield* addKeys(add)
    yield* addRecords(add)
    yield* addFaults(add)
    yield* addBills(add)
    yield* addRates(add)
    yield* addReset(add)
  })
)
