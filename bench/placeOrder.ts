import { SkuId, ProductId } from "@mall/domain/catalog/Catalog"
import { UserId } from "@mall/domain/identity/CurrentUser"
import { generator } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { CheckoutId, OrderId } from "@mall/domain/trade/Order"
import * as EmbeddedPostgres from "@mall/platform/EmbeddedPostgres"
import { migrate } from "@mall/platform/Migrations"
import { Outbox } from "@mall/platform/Outbox"
import * as Sql from "@mall/platform/Sql"
import type { CheckoutDraft } from "@mall/trade/CheckoutDraft"
import { OrderPlacement } from "@mall/trade/OrderPlacement"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { documentsOf, makePlacementStatement } from "@mall/trade/placementStatement"
import { sealDraft } from "@mall/trade/sealedOrder"
import { Clock, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { migrations } from "../migrations/index.ts"

// Places orders of two lines on the embedded database, without HTTP: as one statement per order, which is the limit that
// group commit is held against, and through `OrderPlacement`; over many SKUs, and with one SKU in every order.

const buyers = 64
const skuCount = 1000

const newId = <A, E>(make: Effect.Effect<A, E>) => Effect.runSync(Effect.orDie(make))
const newSkuId = generator(SkuId)
const newOrderId = generator(OrderId)
const newCheckoutId = generator(CheckoutId)
const newPaymentId = generator(PaymentId)

const skuIds = Array.from({ length: skuCount }, () => newId(newSkuId))
const productId = newId(generator(ProductId))
const merchantId = newId(generator(MerchantId))
const userId = newId(generator(UserId))
const unitPrice = Money.of(1999, "CNY")

const pick = (besides?: SkuId): SkuId => {
  const skuId = skuIds[Math.floor(Math.random() * skuCount)]
  return skuId === undefined || skuId === besides ? pick(besides) : skuId
}

const draftOf = Effect.fnUntraced(function* (first: SkuId) {
  const placedAt = new Date(yield* Clock.currentTimeMillis)
  const draft: CheckoutDraft = {
    id: yield* newCheckoutId,
    userId,
    paymentId: yield* newPaymentId,
    total: unitPrice.times(2),
    orders: [
      {
        id: yield* newOrderId,
        merchantId,
        total: unitPrice.times(2),
        lines: [first, pick(first)].map((skuId) => ({
          skuId,
          productId,
          title: { zh: "龙井茶 明前特级 罐装", en: "Longjing tea, first flush, tin" },
          options: { size: "250 g" },
          imageUrl: "https://images.example/longjing.jpg",
          quantity: 1,
          unitPrice,
          total: unitPrice,
          returned: 0,
          refunded: unitPrice.times(0)
        }))
      }
    ],
    address: {
      recipient: "Li Lei",
      phone: "+86 10 5555 0100",
      countryCode: "CN",
      region: "Beijing",
      city: "Beijing",
      street: "1 Chang'an Avenue",
      postalCode: "100000"
    },
    remark: "",
    cartId: null,
    placedAt,
    expiresAt: new Date(placedAt.getTime() + 1_800_000),
    actor: { kind: "buyer", id: userId },
    traceId: null
  }
  return draft
})

/** Orders a second of `buyers` who each place one after another. */
const rateOf = Effect.fnUntraced(function* <E>(
  place: (draft: CheckoutDraft) => Effect.Effect<unknown, E>,
  skuOf: () => SkuId,
  seconds: number
) {
  const begin = yield* Clock.currentTimeMillis
  const end = begin + seconds * 1000
  const buyer = Effect.gen(function* () {
    let count = 0
    while ((yield* Clock.currentTimeMillis) < end) {
      yield* place(yield* draftOf(skuOf()))
      count += 1
    }
    return count
  })
  const counts = yield* Effect.all(
    Array.from({ length: buyers }, () => buyer),
    { concurrency: "unbounded" }
  )
  return (counts.reduce((a, b) => a + b) * 1000) / ((yield* Clock.currentTimeMillis) - begin)
})

/** Orders a second: one statement per order, and placed in groups. */
export interface PlacingRates {
  readonly single: number
  readonly grouped: number
}

const compare = Effect.fnUntraced(function* (skuOf: () => SkuId, seconds: number) {
  const statement = yield* makePlacementStatement
  const placement = yield* OrderPlacement
  const keys = yield* PersonalDataKeys
  const placeAlone = (draft: CheckoutDraft) => Effect.flatMap(documentsOf([sealDraft(keys, draft)]), statement)
  const single = yield* rateOf(placeAlone, skuOf, seconds)
  const grouped = yield* rateOf(placement.place, skuOf, seconds)
  return { single, grouped }
})

const benchmark = Effect.fnUntraced(function* (seconds: number) {
  const sql = yield* SqlClient.SqlClient
  yield* migrate(migrations)
  yield* sql`
    INSERT INTO trade.stock (sku_id, merchant_id, on_hand) SELECT unnest(${skuIds}::uuid[]), ${merchantId}::uuid, 1000000000`
  yield* sql`ANALYZE trade.stock`
  const mixed: PlacingRates = yield* compare(pick, seconds)
  const hot: PlacingRates = yield* compare(() => skuIds[0] ?? pick(), seconds)
  return { mixed, hot }
})

/** Measures on an embedded database of its own, `seconds` for each of the four rates. */
export const measurePlacing = (seconds: number) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mall-bench-"))
  fs.chmodSync(folder, 0o755)
  return EmbeddedPostgres.start({ folder: path.join(folder, "postgres") }).pipe(
    Effect.flatMap(({ url }) =>
      benchmark(seconds).pipe(
        Effect.provide(
          OrderPlacement.layer.pipe(
            Layer.provide(Outbox.layer),
            Layer.provideMerge(Layer.mergeAll(Sql.layerUrl(url), PersonalDataKeys.layer))
          )
        )
      )
    ),
    Effect.scoped,
    Effect.ensuring(Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))),
    Effect.runPromise
  )
}

const tell = (name: string, { grouped, single }: PlacingRates) =>
  console.log(
    `${name}: one statement per order ${single.toFixed(0)}/s, group commit ${grouped.toFixed(0)}/s, ` +
      `${(grouped / single).toFixed(2)} ×`
  )

if (import.meta.main) {
  const rates = await measurePlacing(Number(process.argv[2] ?? 5))
  tell("mixed SKUs", rates.mixed)
  tell("one hot SKU", rates.hot)
}
