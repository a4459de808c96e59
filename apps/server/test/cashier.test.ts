import { assert, layer } from "@effect/vitest"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { Context, Effect, Layer, Schema } from "effect"
import type { Page } from "playwright-core"
import { launched } from "./browser.ts"
import { call } from "./rawHttp.ts"
import { eventually, sandboxAt, signIn } from "./shoppers.ts"

class Mall extends Context.Service<Mall, TestServer>()("@mall/server/test/cashier/Mall") {
  static readonly layer = Layer.effect(
    Mall,
    Effect.map(
      Effect.flatMap(acquireDatabase, (database) => startServer({ database })),
      Mall.of
    )
  )
}

/** A payment that the demo's tea merchant asked for, and a ticket of it. */
const aPayment = Effect.gen(function* () {
  const { url } = yield* Mall
  const merchant = yield* signIn(url, "merchant@demo.mall")
  const { id, ticket } = yield* merchant.mall.payments.create({
    payload: {
      amount: new Money({ amount: MinorUnits.make(123_456), currency: "CNY" }),
      reference: "T-1001",
      description: "Tea <b>明前</b>"
    }
  })
  return { id, ticket, merchant }
})

const at = (url: string, path: string, headers: Readonly<Record<string, string>> = {}) =>
  call(url, { method: "GET", path, headers })

/** Presses a button of the page: sends its form, and answers with where that leads. */
const choose = Effect.fnUntraced(function* (url: string, ticket: string, channel: string, method: string) {
  const answer = yield* Effect.promise(() =>
    fetch(`${url}/pay/${ticket}?lang=en`, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({ channel, method })
    })
  )
  return { status: answer.status, location: answer.headers.get("location") ?? "" }
})

const nextOf = (page: string) => /data-next="(tk_once_[\w-]{43})"/.exec(page)?.[1] ?? ""

layer(Mall.layer, { excludeTestServices: true, timeout: "2 minutes" })("the cashier", (it) => {
  it.effect(
    "shows a payment once for each ticket, in the buyer's language, and nothing for a ticket that is not good (13.01 page hijack)",
    () =>
      Effect.gen(function* () {
        const { url } = yield* Mall
        const { merchant, ticket } = yield* aPayment
        const shown = yield* at(url, `/pay/${ticket}`, { "accept-language": "en-GB,zh;q=0.5" })
        assert.strictEqual(shown.status, 200)
        assert.include(shown.text, "CNY 1,234.56")
        assert.include(shown.text, "Tea &lt;b&gt;明前&lt;/b&gt;")
        assert.include(shown.text, "Choose how to pay")
        assert.match(shown.headers["content-security-policy"] ?? "", /^default-src 'none'; style-src 'nonce-[\w+/=]+';/)
        assert.strictEqual(shown.headers["referrer-policy"], "no-referrer")
        assert.strictEqual(shown.headers["cache-control"], "no-store")

        for (const bad of [ticket, "tk", `tk_once_${"a".repeat(43)}`]) {
          const refused = yield* at(url, `/pay/${bad}?lang=zh`)
          assert.strictEqual(refused.status, 401)
          assert.include(refused.text, "链接已失效")
          assert.notInclude(refused.text, "1,234.56")
        }
        const chinese = yield* at(url, `/pay/${nextOf(shown.text)}?lang=zh`)
        assert.include(chinese.text, "¥1,234.56")

        const branding = { name: "Tea & Co", color: "#0a7a4b", logoUrl: "https://img.example/logo.svg" }
        yield* merchant.merchant["branding.put"]({ branding })
        const branded = yield* at(url, `/pay/${nextOf(chinese.text)}?lang=zh`)
        assert.include(branded.text, "<strong>Tea &amp; Co</strong>")
        assert.include(branded.headers["content-security-policy"] ?? "", "img-src 'self' https://img.example;")
        yield* merchant.merchant["branding.put"]({ branding: { ...branding, logoUrl: null } })
      })
  )

  it.effect("knows a browser again whose answer was lost, by a cookie that is worth nothing without a ticket", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const { ticket } = yield* aPayment
      const other = yield* aPayment
      const shown = yield* at(url, `/pay/${ticket}`)
      const [kept = "", ...attributes] = (shown.headers["set-cookie"] ?? "").split("; ")
      assert.match(kept, /^mall_page=[\w-]{43}$/)
      assert.includeMembers(attributes, ["Max-Age=1800", "Path=/pay", "HttpOnly", "SameSite=Lax"])
      const next = nextOf(shown.text)
      for (const path of [`/pay/${next}/status`, `/pay/${next}`, `/pay/${next}/status`]) {
        assert.strictEqual((yield* at(url, path, { cookie: kept })).status, 200)
        assert.strictEqual((yield* at(url, path)).status, 401)
        assert.strictEqual((yield* at(url, path, { cookie: `mall_page=${"a".repeat(43)}` })).status, 401)
      }
      for (const bad of [ticket, other.id, `tk_once_${"a".repeat(43)}`]) {
        assert.strictEqual((yield* at(url, `/pay/${bad}/status`, { cookie: kept })).status, 401)
      }
    })
  )

  it.effect("starts a payment with the ticket alone, and says why where a channel does not take it (13.10 P2-2)", () =>
    Effect.gen(function* () {
      const { sandboxUrl, url } = yield* Mall
      const sandbox = sandboxAt(sandboxUrl)
      const { id, merchant, ticket } = yield* aPayment
      yield* sandbox.fault({
        operation: "create",
        fault: { kind: "answer", with: "error", when: "before", status: 403, code: "ACCOUNT_ERROR" },
        times: 1
      })
      const declined = yield* choose(url, ticket, "wechatpay", "native")
      assert.strictEqual(declined.status, 303)
      assert.match(declined.location, /said=declined$/)
      const again = yield* at(url, declined.location)
      assert.include(again.text, "The payment was declined.")
      assert.include(again.text, "Continue payment")

      const started = yield* choose(url, nextOf(again.text), "wechatpay", "native")
      const scan = yield* at(url, started.location)
      assert.include(scan.text, "<svg")
      const other = yield* at(url, `/pay/${nextOf(scan.text)}?lang=en&choose=1`)
      const elsewhere = yield* choose(url, nextOf(other.text), "alipay", "page")
      const redirected = yield* at(url, elsewhere.location)
      assert.match(redirected.text, /<a class="button" rel="noreferrer" href="http[^"]+alipay/)

      const wrong = yield* choose(url, nextOf(redirected.text), "stripe", "bank_robbery")
      assert.match(wrong.location, /said=notOffered$/)
      // a form that this page never made spends nothing
      const last = nextOf((yield* at(url, wrong.location)).text)
      const malformed = yield* choose(url, last, "Not A Channel", "")
      assert.include(malformed.location, last)
      assert.strictEqual((yield* choose(url, ticket, "wechatpay", "native")).status, 401)

      yield* merchant.mall.payments.cancel({ params: { id } })
      assert.include((yield* at(url, `/pay/${last}?lang=en`)).text, "This payment was canceled")
    })
  )

  it.effect("issues tickets to the parties of a payment only", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const { id, merchant } = yield* aPayment
      const issued = yield* merchant.mall.payments.issueTicket({ params: { id } })
      assert.strictEqual((yield* at(url, issued.url)).status, 200)
      const stranger = yield* signIn(url, "buyer@demo.mall")
      const refused = yield* Effect.flip(stranger.mall.payments.issueTicket({ params: { id } }))
      assert.strictEqual(refused._tag, "PaymentNotFound")
    })
  )

  it.effect(
    "leads a person in a browser from choosing over scanning to paid, and on after a failure (13.10 P1-3, 13.10 P2-3)",
    () =>
      Effect.gen(function* () {
        const { sandboxUrl, url } = yield* Mall
        const sandbox = sandboxAt(sandboxUrl)
        const { id, merchant, ticket } = yield* aPayment
        const browser = yield* launched
        const page = yield* Effect.promise(() => browser.newPage({ locale: "en-GB" }))
        const complaints: Array<string> = []
        page.on("console", (message) => {
          if (message.type() === "error") complaints.push(message.text())
        })
        const see = (text: string) => Effect.promise(() => page.getByText(text).first().waitFor())
        const press = (name: string | RegExp) =>
          Effect.promise(() => page.getByRole("button", { name }).first().click())

        yield* Effect.promise(() => page.goto(`${url}/pay/${ticket}`))
        yield* see("Choose how to pay")
        // its address is good again, so that it can be loaded anew
        yield* Effect.promise(() => page.reload())
        yield* sandbox.fault({
          operation: "create",
          fault: { kind: "answer", with: "error", when: "before", status: 403, code: "ACCOUNT_ERROR" },
          times: 1
        })
        yield* press(/WeChat Pay/)
        yield* see("The payment was declined.")
        yield* press(/WeChat Pay/)
        yield* see("Scan this code with your phone to pay")
        assert.isTrue(yield* Effect.promise(() => page.locator(".qr svg").isVisible()))
        assert.deepStrictEqual(complaints, [])
        // the answer to a look is lost on its way, and with it the next ticket
        const isLost = Effect.promise(
          () =>
            new Promise<void>((resolve) =>
              page.route(
                "**/status",
                async (route) => {
                  await route.fetch()
                  await route.abort()
                  resolve()
                },
                { times: 1 }
              )
            )
        )
        yield* isLost
        assert.strictEqual(yield* Effect.promise(() => page.evaluate(() => document.documentElement.lang)), "en")
        const attempt = yield* openAttempt(sandboxUrl)
        yield* sandbox.pay(attempt)
        // nobody presses anything: the page sees it by itself
        yield* see("Paid")
        assert.strictEqual((yield* merchant.mall.payments.show({ params: { id } })).status, "succeeded")
        yield* labelled(page)
        assert.deepStrictEqual(
          complaints.filter((text) => !text.includes("net::ERR_FAILED")),
          []
        )
      }).pipe(Effect.scoped)
  )
})

const Orders = Schema.fromJsonString(
  Schema.Struct({
    data: Schema.Array(
      Schema.Struct({ channel: Schema.String, reference: Schema.String, actions: Schema.Array(Schema.String) })
    )
  })
)

/** The reference of the order that waits at the stand-in of WeChat Pay. */
const openAttempt = Effect.fnUntraced(function* (sandboxUrl: string) {
  const waiting = sandboxAt(sandboxUrl).orders.pipe(
    Effect.flatMap(Schema.decodeEffect(Orders)),
    Effect.map(({ data }) => data.filter(({ actions, channel }) => channel === "wechatpay" && actions.length > 0))
  )
  const found = yield* eventually(waiting, (orders) => orders.length > 0, "an order that waits")
  return found[0]?.reference ?? ""
})

/** Who cannot see the page hears of everything on it. */
const labelled = Effect.fnUntraced(function* (page: Page) {
  const unnamed = yield* Effect.promise(() =>
    page.evaluate(
      () =>
        [...document.querySelectorAll("button, a, img, [role=img]")].filter(
          (element) =>
            (element.textContent ?? "").trim() === "" &&
            element.getAttribute("aria-label") === null &&
            element.getAttribute("alt") === null
        ).length
    )
  )
  assert.strictEqual(unnamed, 0)
})
