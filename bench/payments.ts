import { randomUUID } from "node:crypto"
import { flow, send, steady } from "./load.ts"
import type { Figure } from "./load.ts"
import type { Running } from "./server.ts"
import { anyBuyer, confirm, placeOrder, anySku } from "./shop.ts"
import type { Shop } from "./shop.ts"

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

const signInMerchant = async (shop: Shop) => {
  const { body } = await send("POST", `${shop.api}/api/v1/auth/login`, {
    body: { email: "merchant@demo.mall", password: shop.demoPassword }
  })
  return bearer(body.accessToken)
}

/** Seconds and number of calls that a channel's operation took so far, as the server measures them. */
const channelTime = async (server: Running, channel: string, operation: string) => {
  const { body } = await send("GET", `${server.api}/metrics`)
  const read = (part: "sum" | "count") =>
    String(body)
      .split("\n")
      .filter((line) => line.startsWith(`downstream_request_duration_seconds_${part}{`))
      .filter((line) => line.includes(`name="${channel}"`) && line.includes(`operation="${operation}"`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0)
  return { seconds: read("sum"), calls: read("count") }
}

const create = async (shop: Shop, merchant: Record<string, string>) => {
  const { body, status } = await send("POST", `${shop.api}/api/v1/payments`, {
    headers: { ...merchant, "idempotency-key": randomUUID() },
    body: { amount: { amount: 1999, currency: "CNY" }, reference: randomUUID(), description: "bench" }
  })
  if (status !== 201) throw new Error(`create: ${status}`)
  return body as { readonly id: string; readonly ticket: string }
}

const start = async (shop: Shop, merchant: Record<string, string>, id: string, channel: string, method?: string) =>
  (
    await send("POST", `${shop.api}/api/v1/payments/${id}/confirm`, {
      headers: { ...merchant, "idempotency-key": randomUUID() },
      body: { channel, ...(method === undefined ? {} : { method }) }
    })
  ).status

export interface Added {
  readonly create: number
  readonly confirm: number
  readonly figure: Figure
}

/** Milliseconds, on average, that our own code adds to creating and to confirming a payment at `perSecond`, the channel's time taken off. */
export const measureAdded = async (server: Running, shop: Shop, perSecond: number, seconds: number): Promise<Added> => {
  const merchant = await signInMerchant(shop)
  const spent = { create: 0, confirm: 0, count: 0 }
  const step = async () => {
    const begin = performance.now()
    const { id } = await create(shop, merchant)
    const created = performance.now()
    const status = await start(shop, merchant, id, "wechatpay")
    spent.create += created - begin
    spent.confirm += performance.now() - created
    spent.count++
    return status === 200
  }
  await steady({ perSecond, seconds: 2, step })
  Object.assign(spent, { create: 0, confirm: 0, count: 0 })
  const before = await channelTime(server, "wechatpay", "create")
  const figure = await steady({ perSecond, seconds, step })
  const after = await channelTime(server, "wechatpay", "create")
  const atChannel = ((after.seconds - before.seconds) / Math.max(1, after.calls - before.calls)) * 1000
  return { create: spent.create / spent.count, confirm: spent.confirm / spent.count - atChannel, figure }
}

/** Pages that poll by their tickets, each answer's ticket asked with next, from an address that changes before its limit. */
export const measureStatus = async (shop: Shop, workers: number, seconds: number): Promise<Figure> => {
  const merchant = await signInMerchant(shop)
  const pages = await Promise.all(Array.from({ length: workers }, () => create(shop, merchant)))
  const tickets = pages.map(({ ticket }) => ticket)
  return flow({
    workers,
    seconds,
    step: async (worker, turn) => {
      const address = Math.floor(turn / 100)
      const { body, status } = await send(
        "GET",
        `${shop.api}/api/v1/payments/${pages[worker]?.id}/status?ticket=${tickets[worker]}`,
        { headers: { "x-forwarded-for": `10.${worker}.${address >> 8}.${address & 255}` } }
      )
      tickets[worker] = body.ticket
      return status === 200
    }
  })
}

export interface DeadChannel {
  readonly otherBefore: number
  readonly otherDuring: number
  readonly mallBefore: number
  readonly mallDuring: number
}

/**
 * The p99, in milliseconds, of confirming at a channel that works and of the mall, while another channel beside it, which is asked as
 * often, answers as it should and while it never does.
 */
export const measureDeadChannel = async (
  server: Running,
  shop: Shop,
  seconds: number,
  mixed: (turn: number) => Promise<boolean>
): Promise<DeadChannel> => {
  const merchant = await signInMerchant(shop)
  const buyer = async () => {
    const who = anyBuyer(shop)
    const checkout = await placeOrder(shop, who, anySku(shop))
    await confirm(shop, who, checkout.payment.id)
    return true
  }
  const beside = async () => {
    const { id } = await create(shop, merchant)
    await start(shop, merchant, id, "alipay", "precreate")
    return true
  }
  const all = () =>
    Promise.all([
      steady({ perSecond: 10, seconds, step: buyer }),
      steady({ perSecond: 100, seconds, step: mixed }),
      steady({ perSecond: 10, seconds, step: beside })
    ])
  await all()
  const [otherBefore, mallBefore] = await all()
  // answers only after every timeout, so that each call takes all the time it is given
  await send("POST", `${server.sandbox}/control/faults`, {
    body: { channel: "alipay", operation: "create", fault: { kind: "delay", milliseconds: 30_000, when: "before" } }
  })
  const [otherDuring, mallDuring] = await all()
  await send("DELETE", `${server.sandbox}/control/faults`)
  return {
    otherBefore: otherBefore.p99,
    otherDuring: otherDuring.p99,
    mallBefore: mallBefore.p99,
    mallDuring: mallDuring.p99
  }
}
