import { randomUUID } from "node:crypto"
import process from "node:process"
import { measureCallbacks } from "./callbacks.ts"
import type { Callbacks } from "./callbacks.ts"
import { measureBareJourneys, measureHashing, measureInserts } from "./limits.ts"
import { flow, hammer, send, steady } from "./load.ts"
import type { Figure } from "./load.ts"
import { measureAdded, measureDeadChannel, measureStatus } from "./payments.ts"
import { measureLedger } from "./ledger.ts"
import { measureRisk, tellRisk } from "./risk.ts"
import { measureRecon, tellRecon } from "./recon.ts"
import { measurePlacing } from "./placeOrder.ts"
import { measurePolicy } from "./policy.ts"
import { startBare, startServer, usage } from "./server.ts"
import type { Running } from "./server.ts"
import { anyBuyer, anyProduct, anySku, confirm, openShop, placeOrder, readUntilPaid } from "./shop.ts"
import type { Shop } from "./shop.ts"
import { measureSweep } from "./sweep.ts"
import { paidNotice, readNoticeKeys } from "./wechatNotices.ts"

// Every figure is measured beside its limit, in one run, on one machine that the load generator shares.
// `npm run bench -- --seconds 5 --only verify,journey --sweep 100000`

const option = (name: string) => {
  const index = process.argv.indexOf(`--${name}`)
  return index < 0 ? undefined : process.argv[index + 1]
}
const seconds = Number(option("seconds") ?? 5)
const only = option("only")?.split(",")
const wanted = (name: string) => only === undefined || only.includes(name)

interface Row {
  readonly name: string
  readonly figure: Figure
  readonly limit: number | undefined
  readonly limitName: string
  readonly target: string
  readonly cpu: number
  readonly memory: number
}

const rows: Array<Row> = []

const format = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(1))

const print = (row: Row) => {
  const { figure, limit } = row
  const share = limit === undefined ? "–" : `${(figure.perSecond / limit).toFixed(2)} ×`
  console.log(
    `| ${row.name} | ${format(figure.perSecond)}/s | ${format(figure.p50)} / ${format(figure.p99)} ms | ${figure.errors} | ` +
      `${limit === undefined ? "–" : `${format(limit)}/s ${row.limitName}`} | ${share} | ${row.target} | ` +
      `${row.cpu.toFixed(0)} % | ${row.memory.toFixed(0)} MB |`
  )
}

const measured = async (
  server: Running,
  row: Pick<Row, "name" | "limitName" | "target"> & { readonly limit: number | undefined },
  run: () => Promise<Figure>
) => {
  const pid = server.child.pid ?? 0
  const before = usage(pid)
  const begin = performance.now()
  const figure = await run()
  const after = usage(pid)
  const cpu = ((after.cpuSeconds - before.cpuSeconds) / ((performance.now() - begin) / 1000)) * 100
  const whole = { ...row, figure, cpu, memory: after.residentMb }
  rows.push(whole)
  print(whole)
}

/** The same bytes by a bare `node:http` server, with the same connections, right before. */
const againstBare = async (
  server: Running,
  name: string,
  path: string,
  headers: Record<string, string>,
  target: string
) => {
  const { body } = await send("GET", `${server.api}${path}`, { headers })
  const bare = await startBare(JSON.stringify(body))
  await hammer({ url: bare.url, seconds: 2 })
  const limit = await hammer({ url: bare.url, headers, seconds })
  bare.stop()
  await hammer({ url: `${server.api}${path}`, headers, seconds: 3 })
  await measured(server, { name, limit: limit.perSecond, limitName: "bare node:http", target }, () =>
    hammer({ url: `${server.api}${path}`, headers, seconds })
  )
}

const journey = (shop: Shop, server: Running) => {
  const keys = readNoticeKeys(server.dataFolder)
  return async () => {
    const buyer = anyBuyer(shop)
    await send("GET", `${shop.api}/api/v1/products?limit=20`)
    await send("GET", `${shop.api}/api/v1/products/${anyProduct(shop)}`)
    const cart = await send("POST", `${shop.api}/api/v1/carts`)
    await send("POST", `${shop.api}/api/v1/cart/items`, {
      headers: { "x-cart-token": cart.body.cartToken },
      body: { skuId: anySku(shop), quantity: 1 }
    })
    const checkout = await placeOrder(shop, buyer, anySku(shop))
    const number = await confirm(shop, buyer, checkout.payment.id)
    const notice = await paidNotice(keys, number, checkout.payment.amount.amount)
    const answer = await send("POST", `${shop.api}/callbacks/wechatpay`, { headers: notice.headers, raw: notice.body })
    return answer.status < 300 && (await readUntilPaid(shop, buyer, checkout.orders[0].id))
  }
}

const main = async () => {
  const needsPlacing = wanted("place")
  console.log("Measuring the limits of placing orders …")
  const placing = needsPlacing ? await measurePlacing(seconds) : undefined
  if (wanted("ledger")) {
    const { hot, mixed } = await measureLedger(seconds)
    for (const [name, { journal, ledger, naive }] of Object.entries({
      "1,000 accounts": mixed,
      "one hot account": hot
    })) {
      console.log(
        `Ledger, ${name}: ${format(ledger)} transfers/s, ${(ledger / naive).toFixed(2)} × the naive two updates at ` +
          `${format(naive)}/s (target 3,000/s); a transaction for each ${format(journal)}/s`
      )
    }
  }
  if (wanted("policy")) {
    const { againMillis, casbinPerSecond, compileMillis, perSecond } = await measurePolicy(Math.min(seconds, 3))
    console.log(
      `Policy, 1,000 rules, one core: ${perSecond.toFixed(0)} decisions/s (target 500,000), ready in ` +
        `${compileMillis.toFixed(0)} ms, after a change in ${againMillis.toFixed(0)} ms; casbin with the same rules: ${casbinPerSecond.toFixed(0)}/s`
    )
    if (only?.length === 1) return
  }
  if (wanted("risk")) for (const row of await measureRisk(seconds)) console.log(tellRisk(row))
  // a minute on its own, so only where it is asked for
  if (only?.includes("recon")) tellRecon(1_000_000, await measureRecon(1_000_000))
  if (only?.length === 1 && only.includes("recon")) return
  console.log("Starting the server …")
  const server = await startServer()
  try {
    const shop = await openShop(server.api, 32)
    const buyer = anyBuyer(shop)
    console.log(`\n| | rate | p50 / p99 | errors | limit | of the limit | target | server CPU | server memory |`)
    console.log(`|---|---|---|---|---|---|---|---|---|`)
    if (wanted("verify")) await againstBare(server, "verify a token", "/api/v1/auth/verify", buyer.headers, "0.4 ×")
    if (wanted("product")) {
      await againstBare(server, "product by id", `/api/v1/products/${anyProduct(shop)}`, {}, "0.4 ×")
    }
    if (wanted("list")) await againstBare(server, "list of 20", "/api/v1/products?limit=20", {}, "0.3 ×")
    if (wanted("login")) {
      const limit = await measureHashing(seconds)
      await measured(server, { name: "login", limit, limitName: "argon2id hashes", target: "–" }, () =>
        flow({
          workers: 8,
          seconds,
          step: async () =>
            (
              await send("POST", `${shop.api}/api/v1/auth/login`, {
                body: { email: "buyer@demo.mall", password: shop.demoPassword }
              })
            ).status === 200
        })
      )
    }
    if (placing !== undefined) {
      const place = (skuOf: () => string) => () =>
        flow({ workers: 64, seconds, step: async () => (await placeOrder(shop, anyBuyer(shop), skuOf())) !== null })
      await place(() => anySku(shop))()
      const limitName = "one statement per order, no HTTP"
      await measured(
        server,
        { name: "place order, mixed SKUs", limit: placing.mixed.single, limitName, target: "1.0 ×" },
        place(() => anySku(shop))
      )
      const hot = anySku(shop)
      await measured(
        server,
        { name: "place order, one hot SKU", limit: placing.hot.single, limitName, target: "2 ×" },
        place(() => hot)
      )
    }
    if (wanted("callback")) {
      const limit = await measureInserts(server.databaseUrl, 32, seconds)
      await measureCallbacks(server, shop, 1, 800, 32)
      const rounds = await measureCallbacks(server, shop, 3, 1440, 32)
      const told = (what: (round: Callbacks) => number) => rounds.map((round) => format(what(round))).join(", ")
      console.log(
        `\nCallbacks, three rounds: ${told(({ figure }) => figure.perSecond)}/s acknowledged (p99 ` +
          `${told(({ figure }) => figure.p99)} ms; durable inserts without HTTP ${format(limit)}/s), end to end ` +
          `${told(({ processed }) => processed)}/s until the payments had succeeded (target 800/s), ` +
          `${told(({ paid }) => paid)}/s until the orders were paid; ${told(({ lost }) => lost)} lost\n`
      )
    }
    if (wanted("status")) {
      await measured(server, { name: "status by ticket", limit: undefined, limitName: "", target: "–" }, () =>
        measureStatus(shop, 32, seconds)
      )
    }
    if (wanted("added")) {
      const added = await measureAdded(server, shop, 200, seconds)
      console.log(
        `\nAdded by our code at 200/s: ${added.create.toFixed(1)} ms to create, ${added.confirm.toFixed(1)} ms to confirm ` +
          `(target < 5 ms each; ${added.figure.errors} errors)`
      )
    }
    if (wanted("journey")) {
      const step = journey(shop, server)
      const limit = await measureBareJourneys(readNoticeKeys(server.dataFolder), 24, seconds)
      // so much code is not compiled in three seconds
      await flow({ workers: 24, seconds: 12, step })
      await measured(
        server,
        { name: "whole journey", limit, limitName: "the same requests, bare node:http", target: "250/s, p99 < 150 ms" },
        () => flow({ workers: 24, seconds: seconds * 2, step })
      )
    }
    if (wanted("mixed")) {
      await measured(server, { name: "mixed, 300 req/s", limit: undefined, limitName: "", target: "p99 < 50 ms" }, () =>
        steady({ perSecond: 300, seconds: seconds * 2, step: mixed(shop) })
      )
    }
    // it leaves payments that nobody makes, which are asked about for a while
    if (wanted("dead")) {
      const { mallBefore, mallDuring, otherBefore, otherDuring } = await measureDeadChannel(
        server,
        shop,
        // the slowest hundredth of ten a second is of a few only
        Math.max(40, seconds * 2),
        mixed(shop)
      )
      console.log(
        `\nA dead channel: p99 of another channel ${otherBefore.toFixed(0)} → ${otherDuring.toFixed(0)} ms ` +
          `(${(otherDuring / otherBefore).toFixed(2)} ×, target 1.5 ×), of the mall ${mallBefore.toFixed(0)} → ` +
          `${mallDuring.toFixed(0)} ms (${(mallDuring / mallBefore).toFixed(2)} ×, target 1.2 ×)`
      )
    }
    const sweepSize = option("sweep")
    if (sweepSize !== undefined) await measureSweep(server, shop, Number(sweepSize), mixed(shop))
    const { peakMb } = usage(server.child.pid ?? 0)
    console.log(
      `\nServer peak memory ${peakMb.toFixed(0)} MB (target < 350 MB); batches of spans sent: ${server.spansReceived()}`
    )
  } finally {
    await server.stop()
  }
}

/** What visitors do, in the proportions of a shop: mostly look, sometimes put into the cart, now and then buy. */
const mixed = (shop: Shop) => async (turn: number) => {
  const buyer = anyBuyer(shop)
  const kind = turn % 20
  if (kind < 8) return (await send("GET", `${shop.api}/api/v1/products/${anyProduct(shop)}`)).status === 200
  if (kind < 12) return (await send("GET", `${shop.api}/api/v1/products?limit=20`)).status === 200
  if (kind < 15) return (await send("GET", `${shop.api}/api/v1/auth/verify`, { headers: buyer.headers })).status === 200
  if (kind < 17)
    return (await send("GET", `${shop.api}/api/v1/orders?limit=5`, { headers: buyer.headers })).status === 200
  if (kind < 19) {
    const answer = await send("POST", `${shop.api}/api/v1/cart/items`, {
      headers: { ...buyer.headers, "idempotency-key": randomUUID() },
      body: { skuId: anySku(shop), quantity: 1 }
    })
    // a cart that has grown full is an answer like another
    return answer.status === 200 || answer.status === 422 || answer.status === 409
  }
  return (await placeOrder(shop, buyer, anySku(shop))) !== null
}

await main()
