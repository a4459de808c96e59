import { assert, layer } from "@effect/vitest"
import { RpcAuthorization } from "@mall/domain/identity/Authorization"
import { Principal, SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import type { Role } from "@mall/domain/identity/Permission"
import { AccountCode } from "@mall/domain/ledger/Account"
import { LedgerAdminRpcs, LedgerMerchantRpcs } from "@mall/domain/ledger/LedgerRpcs"
import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import * as TestAuthorization from "@mall/testing/TestAuthorization"
import { Effect, Layer, Option } from "effect"
import { RpcMiddleware, RpcTest } from "effect/rpc"
import { adminLayer, merchantLayer } from "../src/LedgerRpcHandlers.ts"
import { credit, debit, newTransferId, TestLedger } from "./LedgerTest.ts"

const newUserId = generator(UserId)
const newSessionId = generator(SessionId)
const newMerchantId = generator(MerchantId)

const caller = Effect.fnUntraced(function* (role: Role, merchantId: Option.Option<MerchantId>) {
  const userId = yield* newUserId
  const sessionId = yield* newSessionId
  const principal = new Principal({ userId, sessionId, roles: [role], merchantId, expiresAt: new Date("2100-01-01") })
  return { userId, headers: { authorization: `Bearer ${TestAuthorization.tokenOf(principal)}` } }
})

const Surface = Layer.mergeAll(adminLayer, merchantLayer).pipe(
  Layer.provideMerge(TestAuthorization.layer),
  Layer.provideMerge(RpcMiddleware.layerClient(RpcAuthorization, ({ next, request }) => next(request))),
  Layer.provideMerge(TestLedger)
)

layer(Surface, { excludeTestServices: true })("The RPC surface of the ledger", (it) => {
  it.effect("lets an operator adjust, once for an id, and a merchant see their own accounts alone", () =>
    Effect.gen(function* () {
      const desk = yield* RpcTest.makeClient(LedgerAdminRpcs)
      const shop = yield* RpcTest.makeClient(LedgerMerchantRpcs)
      const merchantId = yield* newMerchantId
      const admin = yield* caller("admin", Option.none())
      const owner = yield* caller("merchant", Option.some(merchantId))
      const other = yield* caller("merchant", Option.some(yield* newMerchantId))
      const account = AccountCode.make(`${merchantId}:payable:CNY`)
      const adjustment = {
        id: yield* newTransferId,
        legs: [debit(AccountCode.make("platform:adjustments:CNY"), 70), credit(account, 70)],
        reason: "goodwill"
      }
      const refused = yield* Effect.flip(desk["admin.ledger.adjust"](adjustment, owner))
      assert.strictEqual(refused._tag, "Forbidden")
      const posted = yield* desk["admin.ledger.adjust"](adjustment, admin)
      assert.deepStrictEqual([posted.transfer.actor, posted.entries.length], [`user:${admin.userId}`, 2])
      const again = yield* desk["admin.ledger.adjust"](adjustment, admin)
      assert.deepStrictEqual(again.transfer, posted.transfer)
      const reused = yield* Effect.flip(
        desk["admin.ledger.adjust"](
          { ...adjustment, legs: adjustment.legs.map((leg) => ({ ...leg, amount: credit(account, 71).amount })) },
          admin
        )
      )
      assert.strictEqual(reused._tag, "TransferIdReused")

      assert.deepStrictEqual(
        (yield* shop["ledger.accounts"]({}, owner)).data.map(({ code }) => code),
        [account]
      )
      assert.strictEqual((yield* shop["ledger.accounts"]({}, other)).data.length, 0)
      const [line] = (yield* shop["ledger.statement"]({ account }, owner)).data
      assert.strictEqual(line?.balance, 70)
      const hidden = yield* Effect.flip(shop["ledger.statement"]({ account }, other))
      assert.strictEqual(hidden._tag, "LedgerAccountNotFound")
      assert.isNull((yield* desk["admin.ledger.verify"](undefined, admin)).fault)
    })
  )
})
