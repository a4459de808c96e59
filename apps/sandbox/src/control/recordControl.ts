import { Effect, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Callbacks, NoticeInput } from "../Callbacks.ts"
import { MailSink } from "../mail/MailSink.ts"
import { RequestLedger } from "../RequestLedger.ts"
import { Wecom } from "../Wecom.ts"
import type { Add } from "./controlRoute.ts"

const NewNotice = Schema.Struct({ ...NoticeInput.fields, channel: Schema.String })
const CallbackPath = Schema.Struct({ id: Schema.String })
const ListQuery = Schema.Struct({
  channel: Schema.optionalKey(Schema.String),
  operation: Schema.optionalKey(Schema.String),
  limit: Schema.optionalKey(
    Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 1_000 }))
  )
})
const MailQuery = Schema.Struct({ to: Schema.optionalKey(Schema.String), limit: ListQuery.fields.limit })
const defaultLimit = 100

/** What came in, and what goes out. */
export const addRecords = Effect.fnUntraced(function* (add: Add) {
  const ledger = yield* RequestLedger
  const callbacks = yield* Callbacks
  yield* add(
    "GET",
    "/requests",
    Effect.gen(function* () {
      const { channel, limit, operation } = yield* HttpServerRequest.schemaSearchParams(ListQuery)
      const entries = (yield* ledger.list).filter(
        (entry) =>
          (channel === undefined || entry.channel === channel) &&
          (operation === undefined || entry.operation === operation)
      )
      return HttpServerResponse.jsonUnsafe({ data: entries.slice(0, limit ?? defaultLimit) })
    })
  )
  yield* add(
    "GET",
    "/callbacks",
    Effect.gen(function* () {
      const { channel, limit } = yield* HttpServerRequest.schemaSearchParams(ListQuery)
      const notices = (yield* callbacks.list).filter((notice) => channel === undefined || notice.channel === channel)
      return HttpServerResponse.jsonUnsafe({ data: notices.slice(0, limit ?? defaultLimit) })
    })
  )
  yield* add(
    "POST",
    "/callbacks",
    Effect.gen(function* () {
      const { channel, ...notice } = yield* HttpServerRequest.schemaBodyJson(NewNotice)
      yield* callbacks.send(channel, notice)
      return HttpServerResponse.empty()
    })
  )
  const wecom = yield* Wecom
  yield* add(
    "GET",
    "/wecom",
    Effect.map(wecom.messages, (data) => HttpServerResponse.jsonUnsafe({ data }))
  )
  const mail = yield* MailSink
  yield* add(
    "GET",
    "/mails",
    Effect.gen(function* () {
      const { limit, to } = yield* HttpServerRequest.schemaSearchParams(MailQuery)
      const mails = (yield* mail.mails).filter(({ recipients }) => to === undefined || recipients.includes(to))
      return HttpServerResponse.jsonUnsafe({ data: mails.slice(0, limit ?? defaultLimit) })
    })
  )
  yield* add(
    "POST",
    "/callbacks/:id/resend",
    Effect.gen(function* () {
      const { id } = yield* HttpRouter.schemaPathParams(CallbackPath)
      return HttpServerResponse.jsonUnsafe(yield* callbacks.resend(id))
    })
  )
})
