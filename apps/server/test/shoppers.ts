import { AccessToken } from "@mall/client/AccessToken"
import { MallHttp } from "@mall/client/MallHttp"
import { AdminRpc, MerchantRpc, StorefrontRpc } from "@mall/client/MallRpc"
import { Email, Password } from "@mall/domain/identity/User"
import type { OrderId, OrderStatus } from "@mall/domain/trade/Order"
import { Context, Effect, Layer, Option, Redacted, Schedule, Schema } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"

export const demoPassword = "demo-correct-horse-battery"

export const addressInput = {
  recipient: "Vera Visitor",
  phone: "+8613800138000",
  countryCode: "CN",
  region: "上海市",
  city: "上海",
  street: "南京西路 1266 号",
  postalCode: "200040"
}

/** The typed clients of one caller, on the server at `url`. */
export const connect = Effect.fnUntraced(function* (url: string) {
  const services = yield* Layer.build(
    Layer.fresh(
      Layer.mergeAll(MallHttp.layer(url), StorefrontRpc.layer(url), MerchantRpc.layer(url), AdminRpc.layer(url)).pipe(
        Layer.provideMerge(AccessToken.layer),
        Layer.provide(FetchHttpClient.layer)
      )
    )
  )
  const become = (token: string) =>
    AccessToken.set(Option.some(Redacted.make(token))).pipe(Effect.provideContext(services))
  return {
    mall: Context.get(services, MallHttp),
    storefront: Context.get(services, StorefrontRpc),
    merchant: Context.get(services, MerchantRpc),
    admin: Context.get(services, AdminRpc),
    become
  }
})

export const passwordOf = (text: string) => Password.make(Redacted.make(text, { label: "password" }))

/** Signs in at `url`. */
export const signIn = Effect.fnUntraced(function* (url: string, email: string, password = demoPassword) {
  const caller = yield* connect(url)
  const { accessToken } = yield* caller.mall.auth.login({
    payload: { email: Email.make(email), password: passwordOf(password) }
  })
  yield* caller.become(accessToken)
  return { ...caller, token: accessToken }
})

/** Registers a buyer, signs in and gives them an address. */
export const newBuyer = Effect.fnUntraced(function* (url: string, name: string) {
  const guest = yield* connect(url)
  const email = `${name}@example.com`
  const password = `walrus-${name}-umbrella-lantern`
  const user = yield* guest.mall.users.register({
    payload: { email: Email.make(email), password: passwordOf(password), name: "Vera Visitor" }
  })
  const buyer = yield* signIn(url, email, password)
  const address = yield* buyer.mall.addresses.create({ payload: addressInput })
  return { ...buyer, user, email, addressId: address.id }
})
export type Buyer = Effect.Success<ReturnType<typeof newBuyer>>

/** SKUs that are in stock, `count` of different products. */
export const skusInStock = Effect.fnUntraced(function* ({ mall }: Pick<Buyer, "mall">, count: number) {
  const page = yield* mall.products.list({ query: { limit: 20, sort: "price_asc" } })
  const products = yield* Effect.forEach(page.data, ({ id }) => mall.products.get({ params: { id } }))
  return products.flatMap(({ skus }) => skus.filter(({ available }) => available > 10).slice(0, 1)).slice(0, count)
})

class NotYet extends Schema.TaggedError<NotYet>()("NotYet", { what: Schema.String }) {
  override get message() {
    return this.what
  }
}

/** Looks again and again, for half a minute, until `look` answers what is wanted. */
export const eventually = <A, E, R>(look: Effect.Effect<A, E, R>, isWanted: (a: A) => boolean, what: string) =>
  look.pipe(
    Effect.filterOrFail(isWanted, (found) => new NotYet({ what: `${what}: ${JSON.stringify(found)}` })),
    Effect.retry({
      schedule: Schedule.spaced("100 millis"),
      times: 300,
      while: (error) => error instanceof NotYet
    })
  )

const unanswered: ReadonlySet<string> = new Set([
  "HttpClientError",
  "IdempotencyInFlight",
  "InternalError",
  "Overloaded"
])

/** What a client does that does not know what became of its request: it sends it again, with the same key, for half a minute. */
export const again = <A, E extends { readonly _tag: string }, R>(request: Effect.Effect<A, E, R>) =>
  Effect.retry(request, {
    schedule: Schedule.spaced("200 millis"),
    times: 150,
    while: ({ _tag }) => unanswered.has(_tag)
  })

export const orderBecomes = ({ mall }: Pick<Buyer, "mall">, id: OrderId, status: OrderStatus) =>
  eventually(mall.orders.get({ params: { id } }), (order) => order.status === status, `order to be ${status}`)

const send = Effect.fnUntraced(function* (request: HttpClientRequest.HttpClientRequest) {
  const response = yield* Effect.flatMap(HttpClient.execute(request), HttpClientResponse.filterStatusOk)
  return yield* response.text
})

/** The payer's hand at the sandbox, and what goes wrong there. */
export const sandboxAt = (sandboxUrl: string) => {
  const control = `${sandboxUrl}/control`
  const numberOf = (attemptId: string) => attemptId.replaceAll("-", "")
  const run = (request: HttpClientRequest.HttpClientRequest) => Effect.provide(send(request), FetchHttpClient.layer)
  return {
    pay: (attemptId: string) => run(HttpClientRequest.post(`${control}/wechatpay/orders/${numberOf(attemptId)}/pay`)),
    /** Any other hand there is. */
    act: (path: string, body: object = {}) =>
      run(HttpClientRequest.post(`${control}/${path}`).pipe(HttpClientRequest.bodyJsonUnsafe(body))),
    fault: (rule: object) =>
      run(HttpClientRequest.post(`${control}/faults`).pipe(HttpClientRequest.bodyJsonUnsafe(rule))),
    clearFaults: run(HttpClientRequest.delete(`${control}/faults`)),
    callbacks: run(HttpClientRequest.get(`${control}/callbacks?limit=1000`)).pipe(
      Effect.flatMap(Schema.decodeEffect(Schema.fromJsonString(Schema.Struct({ data: Schema.Array(Notice) }))))
    ),
    resend: (id: string) => run(HttpClientRequest.post(`${control}/callbacks/${id}/resend`)),
    orders: run(HttpClientRequest.get(`${control}/orders`))
  }
}

const Notice = Schema.Struct({
  id: Schema.String,
  reference: Schema.String,
  state: Schema.String
})
