import { assert, layer } from "@effect/vitest"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { Context, Effect, Layer } from "effect"
import type { BrowserContextOptions, Page } from "playwright-core"
import { launched } from "./browser.ts"
import { signIn } from "./shoppers.ts"

class Mall extends Context.Service<Mall, TestServer>()("@mall/server/test/cashierCard/Mall") {
  static readonly layer = Layer.effect(
    Mall,
    Effect.map(
      Effect.flatMap(acquireDatabase, (database) => startServer({ database })),
      Mall.of
    )
  )
}

const aPayment = Effect.gen(function* () {
  const { url } = yield* Mall
  const merchant = yield* signIn(url, "merchant@demo.mall")
  const { id, ticket } = yield* merchant.mall.payments.create({
    payload: {
      amount: new Money({ amount: MinorUnits.make(2599), currency: "USD" }),
      reference: "T-2001",
      description: "Tea"
    }
  })
  return { id, ticket, merchant }
})

const press = (page: Page, name: string | RegExp) =>
  Effect.promise(() => page.getByRole("button", { name }).first().click())
const see = (page: Page, text: string) => Effect.promise(() => page.getByText(text).first().waitFor())

/** A buyer who has chosen to pay by card, and what their browser asked for and complained of. */
const atTheCardForm = Effect.fnUntraced(function* (ticket: string, options: BrowserContextOptions = {}) {
  const { url } = yield* Mall
  const browser = yield* launched
  const page = yield* Effect.promise(() => browser.newPage({ locale: "en-GB", ...options }))
  const complaints: Array<string> = []
  const sent: Array<{ readonly url: string; readonly body: string }> = []
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text())
  })
  page.on("pageerror", (error) => complaints.push(error.message))
  page.on("request", (request) => sent.push({ url: request.url(), body: request.postData() ?? "" }))
  const policies: Array<string> = []
  page.on("response", (response) => {
    if (response.url().includes("/pay/")) policies.push(response.headers()["content-security-policy"] ?? "")
  })
  yield* Effect.promise(() => page.goto(`${url}/pay/${ticket}`))
  yield* see(page, "Choose how to pay")
  yield* press(page, "Card")
  return { page, complaints, sent, policies }
})

const enter = (page: Page, number: string) =>
  Effect.promise(async () => {
    const card = page.frameLocator("#card-fields iframe")
    await card.getByLabel("Card number").fill(number)
    await card.getByLabel("Expiration").fill("12/34")
    await card.getByLabel("Security code").fill("123")
  })

layer(Mall.layer, { excludeTestServices: true, timeout: "2 minutes" })("the cashier's card form", (it) => {
  it.effect("takes a second card after a declined one, and no card's number reaches our server", () =>
    Effect.gen(function* () {
      const { sandboxUrl, url } = yield* Mall
      const { id, merchant, ticket } = yield* aPayment
      const { complaints, page, policies, sent } = yield* atTheCardForm(ticket)
      yield* enter(page, "4242")
      yield* press(page, "Pay")
      yield* see(page, "Your card number is invalid")
      yield* enter(page, "4000 0000 0000 0002")
      yield* press(page, "Pay")
      yield* see(page, "Your card was declined.")
      assert.strictEqual((yield* merchant.mall.payments.show({ params: { id } })).status, "processing")

      yield* enter(page, "4242 4242 4242 4242")
      yield* press(page, "Pay")
      yield* see(page, "Paid")
      const paid = yield* merchant.mall.payments.show({ params: { id } })
      assert.deepStrictEqual([paid.status, paid.captured.amount], ["succeeded", 2599])

      const numbers = sent.filter((request) => /4242424242424242|4000000000000002|4242(%20|\+)4242/.test(request.body))
      assert.deepStrictEqual(numbers, [])
      // our own server heard of no payment method, only the channel did
      const toUs = sent.filter((request) => request.url.startsWith(url))
      assert.isFalse(toUs.some(({ body }) => body.includes("pm_card")))
      assert.isTrue(sent.some((request) => request.url.startsWith(sandboxUrl) && request.body.includes("pm_card")))

      const [choosing = "", acting = "", over = ""] = [
        policies[0],
        policies.find((policy) => policy.includes("frame-src")),
        policies.at(-1)
      ]
      assert.include(acting, `frame-src ${sandboxUrl};`)
      assert.match(acting, new RegExp(`script-src 'nonce-[^']+' ${sandboxUrl};`))
      for (const policy of [choosing, over]) assert.notInclude(policy, sandboxUrl)
      // the browser tells of each answer that is no success: the declined card's
      assert.deepStrictEqual(
        complaints.filter((text) => !text.includes("402")),
        []
      )
    }).pipe(Effect.scoped)
  )

  it.effect("tells a buyer without JavaScript what to do, and lets them pay another way", () =>
    Effect.gen(function* () {
      const { ticket } = yield* aPayment
      const { page } = yield* atTheCardForm(ticket, { javaScriptEnabled: false })
      yield* see(page, "The card form needs JavaScript.")
      assert.isFalse(yield* Effect.promise(() => page.getByRole("button", { name: "Pay" }).isVisible()))
      yield* Effect.promise(() => page.getByRole("link", { name: "Pay another way" }).click())
      yield* see(page, "PayPal")
    }).pipe(Effect.scoped)
  )

  it.effect("says so where the channel's script does not come", () =>
    Effect.gen(function* () {
      const { sandboxUrl, url } = yield* Mall
      const { ticket } = yield* aPayment
      const browser = yield* launched
      const page = yield* Effect.promise(() => browser.newPage({ locale: "en-GB" }))
      yield* Effect.promise(() => page.route(`${sandboxUrl}/stripe/js/**`, (route) => route.abort()))
      yield* Effect.promise(() => page.goto(`${url}/pay/${ticket}`))
      yield* press(page, "Card")
      yield* see(page, "The card form could not be loaded.")
      assert.isFalse(yield* Effect.promise(() => page.getByRole("button", { name: "Pay" }).isVisible()))
    }).pipe(Effect.scoped)
  )
})
