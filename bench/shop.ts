import { randomUUID } from "node:crypto"
import { send } from "./load.ts"
import type { Answer } from "./load.ts"

export interface Buyer {
  readonly headers: Record<string, string>
  readonly addressId: string
}

export interface Shop {
  readonly api: string
  readonly products: ReadonlyArray<string>
  readonly skus: ReadonlyArray<string>
  readonly buyers: ReadonlyArray<Buyer>
  readonly demoPassword: string
}

export const demoPassword = "demo-correct-horse-battery"

const expect = (answer: Answer, status: number, what: string) => {
  if (answer.status !== status) throw new Error(`${what}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

const login = async (api: string, email: string, password: string) =>
  expect(await send("POST", `${api}/api/v1/auth/login`, { body: { email, password } }), 200, "login")

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** Registers a buyer with an address, as a visitor would. */
const openBuyer = async (api: string, index: number): Promise<Buyer> => {
  const email = `bench-${index}-${randomUUID().slice(0, 8)}@example.com`
  const password = `tangerine-${index}-glacier-umbrella`
  expect(await send("POST", `${api}/api/v1/users`, { body: { email, password } }), 201, "register")
  const headers = bearer((await login(api, email, password)).accessToken)
  const address = await send("POST", `${api}/api/v1/users/me/addresses`, {
    headers,
    body: {
      recipient: "Li Lei",
      phone: "+86 10 5555 0100",
      countryCode: "CN",
      region: "北京市",
      city: "北京",
      street: "长安街 1 号",
      postalCode: "100000"
    }
  })
  return { headers, addressId: expect(address, 201, "address").id }
}

/** The demo shop with stock that does not run out, and so many buyers. */
export const openShop = async (api: string, buyerCount: number): Promise<Shop> => {
  const admin = bearer((await login(api, "admin@demo.mall", demoPassword)).accessToken)
  const products: Array<string> = []
  const skus: Array<string> = []
  for (let after: string | null = ""; after !== null;) {
    const query: string = after === "" ? "" : `&after=${after}`
    const page: any = expect(await send("GET", `${api}/api/v1/products?limit=100${query}`), 200, "list")
    products.push(...page.data.map(({ id }: { id: string }) => id))
    after = page.nextCursor
  }
  for (const id of products) {
    const product = expect(await send("GET", `${api}/api/v1/products/${id}`), 200, "product")
    for (const sku of product.skus) {
      const stock = `${api}/api/v1/products/${id}/skus/${sku.id}/stock`
      expect(await send("PUT", stock, { headers: admin, body: { onHand: 1_000_000_000 } }), 200, "stock")
      skus.push(sku.id)
    }
  }
  const buyers: Array<Buyer> = []
  for (let index = 0; index < buyerCount; index++) buyers.push(await openBuyer(api, index))
  return { api, products, skus, buyers, demoPassword }
}

const pick = <A>(all: ReadonlyArray<A>): A => {
  const one = all[Math.floor(Math.random() * all.length)]
  if (one === undefined) throw new Error("nothing to pick from")
  return one
}

export const anyBuyer = (shop: Shop) => pick(shop.buyers)
export const anyProduct = (shop: Shop) => pick(shop.products)
export const anySku = (shop: Shop) => pick(shop.skus)

/** Places an order of two lines, one of them `first`, with an Idempotency-Key; answers with the checkout. */
export const placeOrder = async (shop: Shop, buyer: Buyer, first: string, method?: string) => {
  const items = [...new Set([first, anySku(shop)])].map((skuId) => ({ skuId, quantity: 1 }))
  const answer = await send("POST", `${shop.api}/api/v1/checkout`, {
    headers: { ...buyer.headers, "idempotency-key": randomUUID() },
    body: { items, addressId: buyer.addressId, ...(method === undefined ? {} : { paymentMethod: method }) }
  })
  return expect(answer, 201, "checkout")
}

/** Chooses WeChat Pay; answers with the number that the channel knows the attempt by. */
export const confirm = async (shop: Shop, buyer: Buyer, paymentId: string): Promise<string> => {
  const answer = await send("POST", `${shop.api}/api/v1/payments/${paymentId}/confirm`, {
    headers: { ...buyer.headers, "idempotency-key": randomUUID() },
    body: { channel: "wechatpay" }
  })
  return expect(answer, 200, "confirm").attempt.id.replaceAll("-", "")
}

/** Reads the order until it is paid, as often as a page would that wants to seem quick. */
export const readUntilPaid = async (shop: Shop, buyer: Buyer, orderId: string) => {
  for (let turn = 0; turn < 100; turn++) {
    const order = expect(
      await send("GET", `${shop.api}/api/v1/orders/${orderId}`, { headers: buyer.headers }),
      200,
      "order"
    )
    if (order.status === "paid") return true
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return false
}
