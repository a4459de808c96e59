import { MallApi } from "@mall/domain/MallApi"
import { ChannelId, ChannelMethod, Ticket } from "@mall/domain/payments/Payment"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { ByteSize, Duration, Effect, Schema } from "effect"
import { HttpIncomingMessage, HttpServerRequest, HttpServerResponse } from "effect/http"
import { randomBytes } from "node:crypto"
import { publicUrl } from "../channel/channelConfig.ts"
import { Payments } from "../lifecycle/Payments.ts"
import { PaymentsConfig } from "../PaymentsConfig.ts"
import { Cashier } from "./Cashier.ts"
import { cashierPage, ticketPage } from "./cashierPage.ts"
import type { Shown } from "./Cashier.ts"
import { preferred } from "./cashierTexts.ts"
import type { Language, TextKey } from "./cashierTexts.ts"

const Choice = Schema.Struct({ channel: ChannelId, method: ChannelMethod })

/** What a page may be told to say; whatever else stands in the address says nothing. */
const Said = Schema.Literals([
  "declined",
  "unavailable",
  "notOffered",
  "undecided",
  "refused",
  "challenged",
  "inReview"
])
const isSaid = Schema.is(Said)
const isTicket = Schema.is(Ticket)

const maxBody = ByteSize.kibibytes(4)

const languageOf = (request: HttpServerRequest.HttpServerRequest, lang: string | undefined) =>
  preferred(lang, request.headers["accept-language"])

/** Only what the page itself brings may run and be shown, the logo of its merchant, and the form of a channel where it shows one. */
const policy = (nonce: string, shown?: Pick<Shown, "branding" | "stage">) => {
  const logoUrl = shown?.branding.logoUrl ?? null
  const form = shown?.stage.type === "act" ? shown.stage.form : undefined
  const { calls = [], frames = [], runs = [] } = form?.script ?? {}
  return [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    ["script-src", `'nonce-${nonce}'`, ...runs].join(" "),
    ["connect-src", "'self'", ...calls].join(" "),
    ...(frames.length === 0 ? [] : [["frame-src", ...frames].join(" ")]),
    `img-src 'self'${logoUrl === null ? "" : ` ${new URL(logoUrl).origin}`}`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'"
  ].join("; ")
}

const page = (status: number, text: string, nonce: string, shown?: Pick<Shown, "branding" | "stage">) =>
  HttpServerResponse.text(text, {
    status,
    contentType: "text/html; charset=utf-8",
    headers: { "cache-control": "no-store", "content-security-policy": policy(nonce, shown) }
  })

const newNonce = Effect.sync(() => randomBytes(16).toString("base64"))

const refuse = (language: Language) => Effect.map(newNonce, (nonce) => page(401, ticketPage(language, nonce), nonce))

const backTo = (ticket: string, language: Language, notice: TextKey | undefined) =>
  HttpServerResponse.empty({
    status: 303,
    headers: {
      location: `/pay/${ticket}?lang=${language}${notice === undefined ? "" : `&said=${notice}`}`,
      "cache-control": "no-store"
    }
  })

const cookie = "mall_page"
const secretShape = /^[\w-]{43}$/

/** What the browser is known by, once a page was shown to it. */
const pageOf = ({ cookies }: HttpServerRequest.HttpServerRequest) => {
  const secret = cookies[cookie]
  return secret !== undefined && secretShape.test(secret) ? secret : undefined
}

const newSecret = Effect.sync(() => randomBytes(32).toString("base64url"))

/** Serves the group `cashier`. Needs the services of `PaymentServices`. */
export const CashierHandlers = ApiGroup.group(
  MallApi,
  "cashier",
  Effect.fn(function* (handlers) {
    const cashier = yield* Cashier
    const payments = yield* Payments
    const { resumeWindow } = yield* PaymentsConfig
    const secure = (yield* publicUrl).startsWith("https:")

    const remember = (secret: string) =>
      HttpServerResponse.setCookieUnsafe(cookie, secret, {
        ...{ httpOnly: true, secure, sameSite: "lax", path: "/pay" },
        maxAge: Duration.toMillis(resumeWindow)
      })
    return handlers
      .handleRaw("show", ({ params, query, request }) => {
        const language = languageOf(request, query.lang)
        return Effect.gen(function* () {
          const secret = pageOf(request) ?? (yield* newSecret)
          const shown = yield* cashier.show(params.ticket, secret, query.choose !== undefined)
          const nonce = yield* newNonce
          const notice = isSaid(query.said) && shown.stage.type !== "over" ? query.said : shown.notice
          const text = cashierPage({ ...shown, language, nonce, notice })
          return remember(secret)(page(200, text, nonce, shown))
        }).pipe(Effect.catchTag("TicketInvalid", () => refuse(language)))
      })
      .handleRaw("start", ({ params, query, request }) => {
        const language = languageOf(request, query.lang)
        // a ticket that cannot be one is not worth reading a body for
        if (!isTicket(params.ticket)) return refuse(language)
        return HttpServerRequest.schemaBodyUrlParams(Choice).pipe(
          Effect.provideService(HttpIncomingMessage.MaxBodySize, maxBody),
          Effect.flatMap(({ channel, method }) => cashier.start(params.ticket, pageOf(request), channel, method)),
          Effect.map(({ next, notice }) => backTo(next, language, notice)),
          Effect.catchTags({
            TicketInvalid: () => refuse(language),
            // a form that this page never made spends nothing
            SchemaError: () => Effect.succeed(backTo(params.ticket, language, "notOffered")),
            HttpServerError: () => Effect.succeed(backTo(params.ticket, language, "notOffered"))
          })
        )
      })
      .handle("status", ({ params, request }) => payments.statusOfPage(params.ticket, pageOf(request)))
  })
)
