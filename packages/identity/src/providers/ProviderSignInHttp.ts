import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { MallApi } from "@mall/domain/MallApi"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Effect } from "effect"
import { HttpEffect, HttpServerResponse } from "effect/http"
import type { HttpServerRequest } from "effect/http"
import { originOf } from "../signin/originOf.ts"
import { ProviderSignIns, signInLifetime } from "./ProviderSignIns.ts"

const cookie = "mall_sign_in"
const cookieOptions = { httpOnly: true, secure: true, sameSite: "lax", path: "/api/v1/auth/oidc" } as const

const remember = (secret: string) =>
  HttpServerResponse.setCookieUnsafe(cookie, secret, { ...cookieOptions, maxAge: signInLifetime })

/** Tokens are for who asked: nobody in between keeps them, and no page that follows is told of the code. */
const confidential = HttpServerResponse.setHeaders({ "cache-control": "no-store", "referrer-policy": "no-referrer" })

const queryOf = ({ url }: HttpServerRequest.HttpServerRequest) => {
  const mark = url.indexOf("?")
  return mark === -1 ? "" : url.slice(mark)
}

const answering = (
  change: (response: HttpServerResponse.HttpServerResponse) => HttpServerResponse.HttpServerResponse
) => HttpEffect.appendPreResponseHandler((_request, response) => Effect.succeed(change(response)))

export const ProviderSignInHttp = ApiGroup.group(
  MallApi,
  "providerSignIn",
  Effect.fn(function* (handlers) {
    const signIns = yield* ProviderSignIns
    return handlers.handleAll({
      start: ({ params }) =>
        Effect.map(signIns.start(params.provider, null), ({ browserSecret, url }) =>
          confidential(remember(browserSecret)(HttpServerResponse.redirect(url)))
        ),
      callback: Effect.fnUntraced(function* ({ params, query, request }) {
        yield* answering((response) =>
          confidential(HttpServerResponse.expireCookieUnsafe(response, cookie, cookieOptions))
        )
        const answer = {
          state: query.state ?? "",
          browserSecret: request.cookies[cookie] ?? "",
          query: queryOf(request)
        }
        return yield* signIns.finish(params.provider, answer, originOf(request))
      }),
      list: () => Effect.flatMap(CurrentUser, signIns.list),
      link: Effect.fnUntraced(function* ({ params }) {
        const { browserSecret, url } = yield* signIns.start(params.provider, yield* CurrentUser)
        yield* answering((response) => confidential(remember(browserSecret)(response)))
        return { url }
      }),
      unlink: ({ params }) => Effect.flatMap(CurrentUser, (user) => signIns.unlink(user, params.provider))
    })
  })
)
