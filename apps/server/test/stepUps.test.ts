import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { AccountCode, AccountId } from "@mall/domain/ledger/Account"
import { FeePlan } from "@mall/domain/merchants/FeePlan"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentLimits } from "@mall/domain/merchants/PaymentLimits"
import { unrestricted } from "@mall/domain/merchants/PaymentPolicy"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { Context, Effect, Layer, Schema } from "effect"
import { feePlan, paymentLimits } from "./agreements.ts"
import { signIn } from "./shoppers.ts"

/** A mall in which the proof of a login is over at once. */
class Mall extends Context.Service<Mall, TestServer>()("@mall/server/test/stepUps/Mall") {
  static readonly layer = Layer.effect(
    Mall,
    Effect.flatMap(acquireDatabase, (database) =>
      startServer({ database, environment: { ACCESS_LOG: "false", STEP_UP_LIFETIME: "1 millis" } })
    )
  )
}

const newMerchantId = generator(MerchantId)
const newAccountId = generator(AccountId)
const reason = "because"

layer(Mall.layer, { excludeTestServices: true, timeout: "2 minutes" })("a login of some time ago", (it) => {
  it.effect("agrees on no terms and thaws no account, over HTTP or RPC, and still reads and freezes", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const { admin, mall } = yield* signIn(url, "admin@demo.mall")
      const merchantId = yield* newMerchantId
      const params = { id: merchantId }
      const change = { version: 0, reason }
      const plan = { ...change, content: yield* Schema.decodeUnknownEffect(FeePlan)(feePlan) }
      const content = yield* Schema.decodeEffect(PaymentLimits)(paymentLimits)
      const limits = { ...change, currency: "CNY", content } as const
      const policy = { ...change, content: unrestricted }
      const thaw = { params: { id: yield* newAccountId }, payload: { reason } }
      const asked: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
        mall.terms.putFeePlan({ params, payload: plan }),
        mall.terms.putLimits({ params, payload: limits }),
        mall.terms.putPolicy({ params, payload: policy }),
        mall.ledger.thaw(thaw),
        admin["admin.terms.putFeePlan"]({ merchantId, ...plan }),
        admin["admin.terms.putLimits"]({ merchantId, ...limits }),
        admin["admin.terms.putPolicy"]({ merchantId, ...policy }),
        admin["admin.ledger.thaw"]({ account: AccountCode.make(`${merchantId}:payable:CNY`), reason })
      ]
      const tags = yield* Effect.forEach(asked, (each) => Effect.map(Effect.flip(each), ({ _tag }) => _tag))
      assert.deepStrictEqual([...new Set(tags)], ["StepUpRequired"])
      assert.lengthOf(yield* mall.terms.policies({ params }), 0)
      const frozen = yield* Effect.flip(
        admin["admin.ledger.freeze"]({ account: AccountCode.make(`${merchantId}:payable:CNY`), reason })
      )
      assert.strictEqual(frozen._tag, "LedgerAccountNotFound")
    })
  )
})
