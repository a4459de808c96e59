import { Catalog } from "@mall/domain/catalog/Catalog"
import type { SkuId } from "@mall/domain/catalog/Catalog"
import type { Principal, UserId } from "@mall/domain/identity/CurrentUser"
import { Unauthorized } from "@mall/domain/kernel/EdgeError"
import { generator } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { CartId } from "@mall/domain/trade/Cart"
import type { Cart, CartAddition, CartAdditionId, CartItem, CartToken } from "@mall/domain/trade/Cart"
import { maximumLines, maximumQuantity } from "@mall/domain/trade/Order"
import { Stock } from "@mall/domain/trade/Stock"
import { CartItemNotFound, CartLimitExceeded, CartNotFound, ProductUnavailable } from "@mall/domain/trade/TradeError"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Config, Context, DateTime, Duration, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { CartRepo } from "./CartRepo.ts"
import type { CartLine } from "./CartRepo.ts"
import { CartTokens } from "./CartTokens.ts"

/** Whose cart: the user's where somebody is signed in, else that of the guest's token. */
export interface CartVisitor {
  readonly principal: Option.Option<Principal>
  readonly token: CartToken | undefined
}

type Missing = Unauthorized | CartNotFound

const newCartId = generator(CartId)

/** The sums of what is sold, one per currency; one that cannot be represented is left out. */
const totalsOf = (items: ReadonlyArray<CartItem>) => {
  const totals = new Map<string, number>()
  const prices = items.flatMap(({ offer, quantity }) => (offer === null ? [] : [{ price: offer.unitPrice, quantity }]))
  for (const { price, quantity } of prices) {
    totals.set(price.currency, (totals.get(price.currency) ?? 0) + price.amount * quantity)
  }
  return Array.from(new Set(prices.map(({ price }) => price.currency))).flatMap((currency) => {
    const amount = totals.get(currency) ?? 0
    return Number.isSafeInteger(amount) ? [Money.of(amount, currency)] : []
  })
}

/**
 * Carts, one per user and one per guest's token. Every change answers with the cart after it. Changes of one cart take
 * turns, so concurrent ones lose nothing: additions sum up, `set` states a quantity.
 */
export class Carts extends Context.Service<
  Carts,
  {
    get(visitor: CartVisitor): Effect.Effect<Cart, Missing>
    /**
     * Adds once per `id`, which is remembered with what it added for `IDEMPOTENCY_KEEP` (24 h); without one each call is an
     * addition of its own.
     */
    add(
      visitor: CartVisitor,
      item: CartAddition,
      id?: CartAdditionId
    ): Effect.Effect<Cart, Missing | CartLimitExceeded | ProductUnavailable>
    set(visitor: CartVisitor, skuId: SkuId, quantity: number): Effect.Effect<Cart, Missing | CartItemNotFound>
    remove(visitor: CartVisitor, skuId: SkuId): Effect.Effect<Cart, Missing | CartItemNotFound>
    clear(visitor: CartVisitor): Effect.Effect<Cart, Missing>
    /** A guest's empty cart and the token that opens it, which is told only here. */
    readonly createForGuest: Effect.Effect<{ readonly cartToken: CartToken; readonly cart: Cart }>
    /**
     * Moves a guest's cart into the user's, whole or not at all, and once: the token opens nothing afterwards, and merging
     * it again changes nothing.
     */
    merge(userId: UserId, token: CartToken): Effect.Effect<Cart, CartNotFound | CartLimitExceeded>
  }
>()("@mall/trade/Carts") {
  static readonly layerNoDeps = Layer.effect(
    Carts,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* CartRepo
      const tokens = yield* CartTokens
      const catalog = yield* Catalog
      const stock = yield* Stock
      const keep = yield* Config.Duration("IDEMPOTENCY_KEEP").pipe(Config.withDefault(Duration.hours(24)))

      const show = Effect.fnUntraced(function* (id: CartId, lines: ReadonlyArray<CartLine>) {
        const skuIds = lines.map(({ skuId }) => skuId)
        const [quotes, available] = yield* Effect.all([catalog.quote(skuIds), stock.available(skuIds)], {
          concurrency: "unbounded"
        })
        const items = lines.map(({ addedAt, quantity, skuId }): CartItem => {
          const quote = quotes.get(skuId)
          return { skuId, quantity, addedAt, available: available.get(skuId) ?? 0, offer: quote ?? null }
        })
        return { id, items, totals: totalsOf(items) } satisfies Cart
      })

      const transaction = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        effect.pipe(sql.withTransaction, retryConflicts, Effect.catchTag("SqlError", Effect.die))

      const lock = Effect.fnUntraced(function* ({ principal, token }: CartVisitor, at: Date) {
        if (Option.isSome(principal)) return yield* repo.lockOfUser(principal.value.userId, yield* newCartId, at)
        if (token === undefined) return yield* new Unauthorized({})
        const guest = Option.filter(
          yield* repo.lockOfGuest(tokens.hash(token), at),
          ({ mergedInto }) => mergedInto === null
        )
        if (Option.isNone(guest)) return yield* new CartNotFound({})
        return guest.value.id
      })

      /** Locks the cart, lets `edit` change its lines, and answers with the cart of the lines that `edit` left. */
      const change = <E>(
        visitor: CartVisitor,
        edit: (id: CartId, at: Date) => Effect.Effect<ReadonlyArray<CartLine>, E>
      ) =>
        Effect.gen(function* () {
          const at = yield* DateTime.nowAsDate
          const id = yield* lock(visitor, at)
          return { id, lines: yield* edit(id, at) }
        }).pipe(
          transaction,
          Effect.flatMap(({ id, lines }) => show(id, lines))
        )

      const find = Effect.fnUntraced(function* ({ principal, token }: CartVisitor) {
        if (Option.isSome(principal)) return yield* repo.findOfUser(principal.value.userId)
        if (token === undefined) return yield* new Unauthorized({})
        const guest = yield* repo.findOfGuest(tokens.hash(token))
        return Option.isSome(guest) ? guest : yield* new CartNotFound({})
      })

      const get = Effect.fn("Carts.get")(
        function* (visitor: CartVisitor) {
          const id = yield* find(visitor)
          if (Option.isNone(id)) return yield* change(visitor, repo.lines)
          return yield* show(id.value, yield* repo.lines(id.value))
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      /** True where that very addition was made before. */
      const isRepeated = Effect.fnUntraced(function* (cartId: CartId, id: CartAdditionId | undefined, at: Date) {
        if (id === undefined) return false
        const forgottenBefore = new Date(at.getTime() - Duration.toMillis(keep))
        return !(yield* repo.noteAddition(cartId, id, at, forgottenBefore))
      })

      const add = Effect.fn("Carts.add")(function* (
        visitor: CartVisitor,
        { quantity, skuId }: CartAddition,
        additionId?: CartAdditionId
      ) {
        const quotes = yield* catalog.quote([skuId])
        if (!quotes.has(skuId)) return yield* new ProductUnavailable({ skuId })
        return yield* change(
          visitor,
          Effect.fnUntraced(function* (id, at) {
            const lines = yield* repo.lines(id)
            if (yield* isRepeated(id, additionId, at)) return lines
            const held = lines.find((line) => line.skuId === skuId)
            if (held === undefined && lines.length >= maximumLines) {
              return yield* new CartLimitExceeded({ limit: "lines", maximum: maximumLines })
            }
            if ((held?.quantity ?? 0) + quantity > maximumQuantity) {
              return yield* new CartLimitExceeded({ limit: "quantity", maximum: maximumQuantity })
            }
            yield* repo.add(id, skuId, quantity, at)
            return held === undefined
              ? [...lines, { skuId, quantity, addedAt: at }]
              : lines.map((line) => (line === held ? { ...line, quantity: line.quantity + quantity } : line))
          })
        )
      })

      const mergeLines = Effect.fnUntraced(function* (userId: UserId, token: CartToken) {
        const at = yield* DateTime.nowAsDate
        const hash = tokens.hash(token)
        const id = yield* repo.lockOfUser(userId, yield* newCartId, at)
        const guest = yield* repo.lockOfGuest(hash, at)
        if (Option.isNone(guest)) return yield* new CartNotFound({})
        if (guest.value.mergedInto === null) {
          const both = [...(yield* repo.lines(id)), ...(yield* repo.lines(guest.value.id))]
          if (new Set(both.map(({ skuId }) => skuId)).size > maximumLines) {
            return yield* new CartLimitExceeded({ limit: "lines", maximum: maximumLines })
          }
          yield* repo.merge(guest.value.id, id, at)
        } else if (guest.value.mergedInto !== id) return yield* new CartNotFound({})
        return { id, lines: yield* repo.lines(id) }
      }, transaction)

      return Carts.of({
        get,
        add,
        set: Effect.fn("Carts.set")((visitor, skuId, quantity) =>
          change(visitor, (id) => Effect.andThen(orNotFound(repo.set(id, skuId, quantity), skuId), repo.lines(id)))
        ),
        remove: Effect.fn("Carts.remove")((visitor, skuId) =>
          change(visitor, (id) => Effect.andThen(orNotFound(repo.remove(id, skuId), skuId), repo.lines(id)))
        ),
        clear: Effect.fn("Carts.clear")((visitor) => change(visitor, (id) => Effect.as(repo.clear(id), []))),
        createForGuest: Effect.gen(function* () {
          const cartToken = yield* tokens.issue
          const id = yield* newCartId
          yield* repo.insertOfGuest(id, tokens.hash(cartToken), yield* DateTime.nowAsDate)
          return { cartToken, cart: yield* show(id, []) }
        }).pipe(Effect.catchTag("SqlError", Effect.die), Effect.withSpan("Carts.createForGuest")),
        merge: Effect.fn("Carts.merge")(function* (userId, token) {
          const { id, lines } = yield* mergeLines(userId, token)
          return yield* show(id, lines)
        })
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide([CartRepo.layer, CartTokens.layer]))
}

const orNotFound = <E>(found: Effect.Effect<boolean, E>, skuId: SkuId) =>
  Effect.filterOrFail(
    found,
    (isFound) => isFound,
    () => new CartItemNotFound({ skuId })
  ).pipe(Effect.asVoid)
