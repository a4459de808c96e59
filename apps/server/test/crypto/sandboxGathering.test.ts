import { assert, layer } from "@effect/vitest"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { ChannelId } from "@mall/domain/payments/Payment"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { anvilBinary } from "@mall/sandbox/crypto/Anvil"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { Effect, Option } from "effect"
import { eventually, sandboxAt, signIn } from "../shoppers.ts"
import { chainBooksOf } from "./chainBooks.ts"
import { lookAtChain } from "./payOnChain.ts"

layer(NodeServices.layer, { excludeTestServices: true, timeout: "2 minutes" })("The demo", (it) => {
  // the chain is packaged for some platforms only
  const onChain = Option.isSome(anvilBinary(process.platform, process.arch)) ? it.effect : it.effect.skip

  onChain(
    "gathers what was paid on the sandbox's chain, without a setting",
    () =>
      Effect.gen(function* () {
        const database = yield* acquireDatabase
        const { sandboxUrl, url } = yield* startServer({ database })
        const books = yield* chainBooksOf(database)
        const sandbox = sandboxAt(sandboxUrl)
        const { mall } = yield* signIn(url, "merchant@demo.mall")
        const operator = yield* signIn(url, "admin@demo.mall")
        const { id } = yield* mall.payments.create({
          payload: {
            amount: new Money({ amount: MinorUnits.make(5_000_000), currency: "USDC" }),
            reference: "D-1",
            description: "Tea"
          }
        })
        // the chain may still be starting
        const { action } = yield* eventually(
          mall.payments.confirm({ params: { id }, payload: { channel: ChannelId.make("crypto") } }),
          (step) => step.action.type === "qr",
          "an address to pay to"
        )
        const code = action.type === "qr" ? action.content : ""
        yield* Effect.promise(() => fetch(`${sandboxUrl}/control/scan?code=${encodeURIComponent(code)}`))
        yield* sandbox.act(`crypto/orders/${/address=(0x[0-9a-f]+)/.exec(code)?.[1]}/pay`)
        const payment = Effect.andThen(lookAtChain(operator), mall.payments.show({ params: { id } }))
        yield* eventually(payment, ({ status }) => status === "succeeded", "the payment")

        yield* operator.admin["admin.sweeps.run"]({ name: "payment_gathering" })
        const gatherings = yield* eventually(
          Effect.andThen(lookAtChain(operator), books.gatherings),
          (all) => all.length > 0 && all.every(({ status }) => status === "confirmed"),
          "the gathering"
        )
        assert.deepStrictEqual(gatherings, [{ status: "confirmed", addresses: 1 }])
      }).pipe(Effect.scoped),
    120_000
  )
})
