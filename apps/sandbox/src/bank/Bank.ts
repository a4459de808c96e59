import { Currency, formatMajor, parseMajor } from "@mall/domain/kernel/Currency"
import { Clock, Effect, Option, Schema } from "effect"
import { createHmac, timingSafeEqual } from "node:crypto"
import type { ChannelRequest, ChannelRoute, Protocol, Reply } from "../Channel.ts"
import { parseOrder, reportOf, statementOf } from "./bankFiles.ts"
import { BankBook } from "./BankBook.ts"
import type { Transfer } from "./BankBook.ts"
import { loadKeys } from "./BankKeys.ts"

const tolerance = 300_000
const xml = "application/xml; charset=utf-8"

const NewTransfer = Schema.Struct({
  id: Schema.String.check(Schema.isPattern(/^[0-9a-f-]{36}$/)),
  amount: Schema.String,
  currency: Currency,
  creditor: Schema.Struct({
    name: Schema.NonEmptyString,
    country: Schema.String,
    account: Schema.NonEmptyString,
    bankCode: Schema.NullOr(Schema.String),
    bic: Schema.NullOr(Schema.String)
  })
})
const decodeTransfer = Schema.decodeOption(Schema.fromJsonString(NewTransfer))

const viewOf = ({ amount, bankReference, currency, id, reason, status }: Transfer) => ({
  ...{ id, status, amount: formatMajor(amount, currency), currency, bankReference, reason }
})

const replyOf = (status: number, verdict: string, payload: Schema.JsonObject): Reply => ({ status, verdict, payload })
const fileOf = (file: string, verdict: string): Reply => ({ status: 200, payload: undefined, file, verdict })
const refused = (status: number, code: string) => replyOf(status, code, { code })

const afterOf = ({ query }: ChannelRequest) => Math.max(0, Math.trunc(Number(query["after"] ?? 0)) || 0)

/** At most this many bookings in one part of a statement. */
const partSize = 500

/** The bank's two doors, of which both lead to the same books: calls with JSON, and files of ISO 20022. */
export const makeBank = Effect.gen(function* () {
  const book = yield* BankBook
  const { clientId, secret } = yield* loadKeys
  const macOf = (parts: ReadonlyArray<string>) => createHmac("sha256", secret).update(parts.join("\n")).digest()

  /** `/v1/transfers` of `/bank/v1/transfers`: what the customer signs. */
  const pathOf = ({ target }: ChannelRequest) => target.replace(/^\/bank/, "")

  const isSigned = Effect.fnUntraced(function* (request: ChannelRequest) {
    const { "bank-client": client, "bank-signature": signature = "", "bank-time": time = "" } = request.headers
    const age = Math.abs((yield* Clock.currentTimeMillis) - Number(time))
    const expected = macOf(["request", time, request.method, pathOf(request), request.body])
    const given = Buffer.from(signature, "hex")
    return (
      client === clientId && age <= tolerance && given.length === expected.length && timingSafeEqual(given, expected)
    )
  })

  const route = (
    operation: ChannelRoute["operation"],
    method: ChannelRoute["method"],
    path: ChannelRoute["path"],
    handle: (request: ChannelRequest) => Effect.Effect<Reply>
  ): ChannelRoute => ({
    ...{ operation, method, path },
    takesFiles: method === "PUT",
    handle: (request) => {
      // a file comes a byte a character
      const body = method === "PUT" ? Buffer.from(request.body, "latin1").toString() : request.body
      const received = { ...request, body }
      return Effect.flatMap(isSigned(received), (isOurs) =>
        isOurs ? handle(received) : Effect.succeed(refused(401, "SIGNATURE"))
      )
    }
  })

  const submit = Effect.fnUntraced(function* ({ body }: ChannelRequest) {
    const wanted = Option.getOrUndefined(decodeTransfer(body))
    const amount = wanted === undefined ? undefined : parseMajor(wanted.amount, wanted.currency)
    if (wanted === undefined || amount === undefined) return refused(400, "FORMAT")
    const { creditor, currency, id } = wanted
    const transfer = yield* book.submit({
      ...{ id, batch: null, amount, currency, name: creditor.name, account: creditor.account }
    })
    return replyOf(200, transfer.status, viewOf(transfer))
  })

  const order = Effect.fnUntraced(
    function* ({ body, params }: ChannelRequest) {
      const transfers = yield* parseOrder(body, params["batch"] ?? "")
      for (const transfer of transfers) yield* book.submit(transfer)
      return replyOf(202, "accepted", {})
    },
    Effect.catchTag("FileRefused", ({ reason }) => Effect.succeed(refused(400, reason)))
  )

  const partAfter = (request: ChannelRequest) => {
    const bookings = book.bookings(afterOf(request)).slice(0, partSize)
    return { bookings, readTo: bookings.at(-1)?.sequence ?? afterOf(request) }
  }

  const bank: Protocol = {
    id: "bank",
    routes: [
      route("create", "POST", "/v1/transfers", submit),
      route("query", "GET", "/v1/transfers/:id", ({ params }) =>
        Effect.succeed(
          Option.match(book.find(params["id"] ?? ""), {
            onNone: () => refused(404, "UNKNOWN"),
            onSome: (transfer) => replyOf(200, transfer.status, viewOf(transfer))
          })
        )
      ),
      route("bill", "GET", "/v1/statement", (request) =>
        Effect.sync(() => {
          const { bookings, readTo } = partAfter(request)
          const entries = bookings.map(({ reason, status, transfer }) => viewOf({ ...transfer, status, reason }))
          return replyOf(200, "statement", { entries, readTo: String(readTo) })
        })
      ),
      route("create", "PUT", "/files/pain.001/:batch", order),
      route("query", "GET", "/files/pain.002/:batch", ({ params }) =>
        Effect.sync(() => {
          const batch = params["batch"] ?? ""
          return book.hasBatch(batch) ? fileOf(reportOf(batch, book.ofBatch(batch)), "report") : refused(404, "UNKNOWN")
        })
      ),
      route("bill", "GET", "/files/camt.053", (request) =>
        Effect.sync(() => {
          const { bookings, readTo } = partAfter(request)
          return fileOf(statementOf(readTo, bookings), "statement")
        })
      )
    ],
    refusal: (status, code) => refused(status, code ?? `HTTP_${status}`),
    seal: Effect.fnUntraced(function* ({ file, payload, status }, tampering, request) {
      const body = typeof file === "string" ? file : payload === undefined ? "" : encodeJson(payload)
      const time = String((yield* Clock.currentTimeMillis) - (tampering === "timestamp" ? 2 * tolerance : 0))
      const mac = macOf(["answer", time, String(status), request.method, pathOf(request), body]).toString("hex")
      return {
        body: tampering === "body" ? `${body} ` : body,
        headers: {
          "content-type": file === undefined ? "application/json" : xml,
          "bank-time": time,
          "bank-signature": tampering === "signature" ? mac.replaceAll(/./g, "0") : mac
        }
      }
    })
  }
  return bank
})

const encodeJson = Schema.encodeSync(Schema.fromJsonString(Schema.Json))
