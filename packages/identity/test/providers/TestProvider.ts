import { freePort } from "@mall/testing/freePort"
import { Context, Effect, Layer } from "effect"
import * as http from "node:http"
import type { AddressInfo } from "node:net"
import { Provider } from "oidc-provider"

/** A person as the provider knows them. */
export interface Person {
  readonly sub: string
  readonly email: string
  readonly email_verified: boolean
  readonly name: string
}

const clientId = "mall"
const clientSecret = "a-secret-of-the-client-of-32-chars"

/** Cookies of one browser; the tests follow redirects by hand, since the mall's own address is never served over HTTPS here. */
const makeBrowser = () => {
  const jar = new Map<string, string>()
  return async (url: string): Promise<globalThis.Response> => {
    const cookie = Array.from(jar, ([name, value]) => `${name}=${value}`).join("; ")
    const response = await fetch(url, { redirect: "manual", headers: cookie === "" ? {} : { cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";")
      const at = pair.indexOf("=")
      jar.set(pair.slice(0, at), pair.slice(at + 1))
    }
    return response
  }
}

/** A real OpenID provider on a free port, where whoever comes is signed in as `person` at once. */
export class TestProvider extends Context.Service<
  TestProvider,
  {
    readonly issuer: string
    /** The value of `OIDC_PROVIDERS`. */
    readonly configuration: string
    person: Person
    /** Follows the provider's own pages from `url` until it sends the browser back; answers with where to. */
    visit(url: string): Effect.Effect<string>
  }
>()("@mall/identity/test/providers/TestProvider") {
  static readonly layer = Layer.effect(
    TestProvider,
    Effect.gen(function* () {
      const redirectUri = "http://127.0.0.1:8080/api/v1/auth/oidc/local/callback"
      const server = http.createServer()
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => {
          server.listen(0, "127.0.0.1", () => resume(Effect.void))
        }),
        () =>
          Effect.callback<void>((resume) => {
            server.close(() => resume(Effect.void))
            server.closeAllConnections()
          })
      )
      const { port } = server.address() as AddressInfo
      const issuer = `http://127.0.0.1:${port}`
      const people = new Map<string, Person>()
      const provider = new Provider(issuer, {
        clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
        claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
        conformIdTokenClaims: true,
        pkce: { required: () => true },
        features: { devInteractions: { enabled: false } },
        cookies: { keys: ["a-key-of-the-cookies"] },
        interactions: { url: (_context: unknown, { uid }: { readonly uid: string }) => `/interaction/${uid}` },
        findAccount: (_context: unknown, sub: string) => ({ accountId: sub, claims: () => people.get(sub) })
      })
      const test: TestProvider["Service"] = {
        issuer,
        configuration: JSON.stringify({
          local: { issuer, clientId, clientSecret, redirectUri },
          other: { issuer, clientId, clientSecret, redirectUri },
          down: { issuer: `http://127.0.0.1:${yield* freePort}`, clientId, clientSecret, redirectUri }
        }),
        person: { sub: "nobody", email: "nobody@mall.test", email_verified: true, name: "" },
        visit: (start) =>
          Effect.promise(async () => {
            const browse = makeBrowser()
            let url = start
            while (url.startsWith(issuer)) {
              const response = await browse(url)
              url = new URL(response.headers.get("location") ?? "http://no.redirect/", url).href
            }
            return url
          })
      }
      const serve = provider.callback()
      const finish = async (request: http.IncomingMessage, response: http.ServerResponse) => {
        const { sub } = test.person
        people.set(sub, test.person)
        const grant = new provider.Grant({ accountId: sub, clientId })
        grant.addOIDCScope("openid email profile")
        const consent = { grantId: await grant.save() }
        await provider.interactionFinished(request, response, { login: { accountId: sub }, consent })
      }
      server.on("request", (request, response) => {
        if (request.url?.startsWith("/interaction/") === true) void finish(request, response)
        else serve(request, response)
      })
      return test
    })
  )
}
