import { assert, layer } from "@effect/vitest"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { ChannelId } from "@mall/domain/payments/Payment"
import { anvilBinary } from "@mall/sandbox/crypto/Anvil"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { Context, Effect, Layer, Option } from "effect"
import { launched } from "./browser.ts"
import { eventually, signIn } from "./shoppers.ts"

class Mall extends Context.Service<Mall, TestServer>()("@mall/server/test/cashierCrypto/Mall") {
  static readonly layer = Layer.effect(
    Mall,
    Effect.map(
      Effect.flatMap(acquireDatabase, (database) => startServer({ database })),
      Mall.of
    )
  )
}

const post = (url: string, body: object) =>
  Effect.promise(() =>
    fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
  )

layer(Mall.layer, { excludeTestServices: true, timeout: "2 minutes" })("the cashier of a payment on a chain", (it) => {
  // the chain is packaged for some platforms only
  const onChain = Option.isSome(anvilBinary(process.platform, process.arch)) ? it.effect : it.effect.skip

  onChain("tells a buyer who paid too little what came, what is missing, and where it is to go", () =>
    Effect.gen(function* () {
      const { sandboxUrl, url } = yield* Mall
      const merchant = yield* signIn(url, "merchant@demo.mall")
      const { id } = yield* merchant.mall.payments.create({
        payload: {
          amount: new Money({ amount: MinorUnits.make(5_000_000), currency: "USDC" }),
          reference: "T-3001",
          description: "Tea"
        }
      })
      // the chain may still be starting
      const { action, ticket } = yield* eventually(
        merchant.mall.payments.confirm({ params: { id }, payload: { channel: ChannelId.make("crypto") } }),
        (step) => step.action.type === "qr",
        "an address to pay to"
      )
      const code = action.type === "qr" ? action.content : ""
      const address = /address=(0x[0-9a-f]+)/.exec(code)?.[1] ?? ""

      const browser = yield* launched
      const page = yield* Effect.promise(() => browser.newPage({ locale: "en-GB" }))
      yield* Effect.promise(() => page.goto(`${url}/pay/${ticket}`))
      const see = (text: string) => Effect.promise(() => page.getByText(text).first().waitFor())
      yield* see("Scan this code with your phone to pay")
      const codeBefore = yield* Effect.promise(() => page.locator(".qr svg").innerHTML())

      yield* Effect.promise(() => fetch(`${sandboxUrl}/control/scan?code=${encodeURIComponent(code)}`))
      const paid = yield* post(`${sandboxUrl}/control/crypto/orders/${address}/pay`, { payerTotal: 1_200_000 })
      assert.strictEqual(paid.status, 200)
      // nobody presses anything: the page sees it by itself, with a code for the rest
      yield* see("Less came than is due.")
      yield* see("USDC 1.200000")
      yield* see("USDC 3.800000")
      yield* see(address)
      assert.notStrictEqual(yield* Effect.promise(() => page.locator(".qr svg").innerHTML()), codeBefore)
      // and lets them choose another way in peace
      yield* Effect.promise(() => page.getByRole("link", { name: "Pay another way" }).click())
      yield* see("Continue payment")

      const issued = yield* merchant.mall.payments.issueTicket({ params: { id } })
      const { status, underpaid } = yield* merchant.mall.payments.status({
        params: { id },
        query: { ticket: issued.ticket }
      })
      assert.strictEqual(status, "processing")
      assert.deepStrictEqual(
        [underpaid?.received.amount, underpaid?.missing.amount, underpaid?.missing.currency, underpaid?.payTo],
        [1_200_000, 3_800_000, "USDC", address]
      )
      const operator = yield* signIn(url, "admin@demo.mall")
      const details = yield* operator.admin["admin.payments.show"]({ id })
      assert.deepStrictEqual(
        details.attempts.map(({ received }) => received.amount),
        [1_200_000]
      )
      assert.isTrue(details.history.some(({ reason }) => reason === "1.200000 of 5.000000 USDC came"))
    }).pipe(Effect.scoped)
  )
})
