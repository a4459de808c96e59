import { assert } from "@effect/vitest"
import { ofHttpApi, ofRpcGroup } from "@mall/domain/identity/declarations"
import { generator } from "@mall/domain/kernel/Id"
import { MallApi } from "@mall/domain/MallApi"
import type { AuditAction } from "@mall/domain/operations/Audit"
import { ChannelId } from "@mall/domain/payments/Payment"
import { CheckoutId } from "@mall/domain/trade/Order"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { Context, Effect, Layer } from "effect"
import { MallRpcs } from "../src/HttpApp.ts"
import { orderBecomes, sandboxAt, signIn } from "./shoppers.ts"
import type { Buyer } from "./shoppers.ts"

type Staff = Effect.Success<ReturnType<typeof signIn>>

export class Mall extends Context.Service<Mall, TestServer & { readonly admin: Staff; readonly merchant: Staff }>()(
  "@mall/server/test/audit/Mall"
) {
  static readonly layer = Layer.unwrap(
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const server = yield* startServer({ database, environment: { SANDBOX_REFUND_DELAY: "0 seconds" } })
      const admin = yield* signIn(server.url, "admin@demo.mall")
      const merchant = yield* signIn(server.url, "merchant@demo.mall")
      return Layer.succeed(Mall, Mall.of({ ...server, admin, merchant })).pipe(
        Layer.provideMerge(Layer.orDie(Sql.layerUrl(database)))
      )
    })
  )
}

const newCheckoutId = generator(CheckoutId)
export const wechatpay = ChannelId.make("wechatpay")

/** What an act left behind: the entries that are there after it and were not before. The mall's own are left out. */
export const leftBy = Effect.fnUntraced(function* <A, E, R>(work: Effect.Effect<A, E, R>) {
  const { admin } = yield* Mall
  const read = admin.admin["admin.audit.list"]({ limit: 100 })
  const before = new Set((yield* read).data.map(({ id }) => id))
  const answer = yield* work
  const entries = (yield* read).data.filter(({ actor, id }) => actor.kind !== "system" && !before.has(id))
  return { answer, entries }
})

export const driven = new Set<string>()

export const declared = [...ofHttpApi(MallApi), ...ofRpcGroup(MallRpcs)].filter(
  ({ audited }) => audited !== undefined && audited !== "nothing"
)

/**
 * Drives one way into the server, and finds exactly the entry that it declares, of that caller, with those fields; `also` are
 * what others had to do for it, and left in the same transaction.
 */
export const drive = Effect.fnUntraced(function* <A, E, R>(
  way: string,
  by: Staff,
  work: Effect.Effect<A, E, R>,
  fields: {
    readonly before?: object | null
    readonly after?: object | null
    readonly also?: ReadonlyArray<AuditAction>
  } = {}
) {
  const { answer, entries } = yield* leftBy(work)
  const me = yield* by.storefront["account.me"]()
  const expected = declared.find((each) => each.way === way)?.audited
  assert.deepStrictEqual(
    entries.map(({ action }) => action).toSorted(),
    [expected, ...(fields.also ?? [])].toSorted(),
    way
  )
  const entry = entries.find(({ action }) => action === expected)
  assert.deepInclude(entry?.actor, { kind: "user", id: me.id, roles: me.roles }, way)
  assert.isNotNull(entry?.origin.network, way)
  assert.match(entry?.origin.traceId ?? "", /^[0-9a-f]{32}$/, way)
  for (const side of ["before", "after"] as const) {
    const wanted = fields[side]
    if (wanted === undefined) continue
    if (wanted === null) assert.isNull(entry?.[side], way)
    else assert.deepInclude(entry?.[side], wanted, way)
  }
  driven.add(way)
  return answer
})

export const nothingFrom = Effect.fnUntraced(function* <A, E, R>(way: string, work: Effect.Effect<A, E, R>) {
  const { entries } = yield* leftBy(Effect.exit(work))
  assert.deepStrictEqual(entries, [], way)
})

/** A paid order of one piece of something that the demo merchant sells. */
export const paidOrder = Effect.fnUntraced(function* (buyer: Buyer, sandboxUrl: string, merchantId: string | null) {
  const found = yield* buyer.mall.products.list({ query: { limit: 100, sort: "price_asc" } })
  const own = found.data.find((product) => product.merchantId === merchantId)
  const detail = yield* buyer.mall.products.get({ params: { id: own?.id ?? found.data[0]!.id } })
  const checkout = yield* buyer.storefront.checkout({
    checkoutId: yield* newCheckoutId,
    request: { items: [{ skuId: detail.skus[0]!.id, quantity: 1 }], addressId: buyer.addressId }
  })
  const step = yield* buyer.mall.payments.confirm({
    params: { id: checkout.payment.id },
    payload: { channel: wechatpay }
  })
  yield* sandboxAt(sandboxUrl).pay(step.attempt.id)
  return yield* orderBecomes(buyer, checkout.orders[0]!.id, "paid")
})
