import { assert, describe, it } from "@effect/vitest"
import { ChannelId } from "@mall/domain/payments/Payment"
import { freePort } from "@mall/testing/freePort"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { mallFolder } from "@mall/testing/mallFolder"
import { spawnServer, startServer } from "@mall/testing/TestServer"
import { Effect, Fiber, Redacted } from "effect"
import * as fs from "node:fs"
import * as net from "node:net"
import * as path from "node:path"
import * as process from "node:process"
import { call } from "./rawHttp.ts"
import { eventually, newBuyer, orderBecomes, sandboxAt, skusInStock } from "./shoppers.ts"

/** A port that another program listens on, as long as the scope is open. */
const busyPort = Effect.map(
  Effect.acquireRelease(
    Effect.callback<net.Server>((resume) => {
      const server = net.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
  ),
  (server) => {
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  }
)

const isListening = (port: number) =>
  Effect.callback<boolean>((resume) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.succeed(true))
    })
    socket.once("error", () => resume(Effect.succeed(false)))
  })

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** What a server that cannot start says, and with which code it ends. */
const failedStart = Effect.fnUntraced(function* (environment: Readonly<Record<string, string>>) {
  const server = yield* spawnServer({
    PORT: String(yield* freePort),
    SANDBOX_PORT: String(yield* freePort),
    HOST: "127.0.0.1",
    MALL_DATA_DIR: yield* mallFolder,
    ...environment
  })
  const { code } = yield* server.ended
  return { code, stderr: server.stderr }
}, Effect.scoped)

/** One sentence on standard error that names what is wrong, and an exit code that is not 0. */
const assertRefused = Effect.fnUntraced(function* (
  environment: Readonly<Record<string, string>>,
  expected: RegExp,
  secret = "Wr0ngPass"
) {
  const { code, stderr } = yield* failedStart(environment)
  assert.lengthOf(stderr, 1, stderr.join("\n"))
  assert.match(stderr[0] ?? "", expected)
  assert.match(stderr[0] ?? "", /\.$/)
  assert.notInclude(stderr[0] ?? "", secret)
  assert.strictEqual(code, 1)
})

describe("a server that cannot start says why in one sentence", () => {
  it.live(
    "where its port is busy",
    () =>
      Effect.gen(function* () {
        const DATABASE_URL = Redacted.value(yield* acquireDatabase)
        const port = yield* busyPort
        yield* assertRefused({ DATABASE_URL, PORT: String(port) }, new RegExp(`port ${port} is in use`))
        yield* assertRefused(
          { DATABASE_URL, SANDBOX_PORT: String(port) },
          new RegExp(`port ${port} is in use.*SANDBOX_PORT`)
        )
      }),
    60_000
  )

  it.live(
    "where the database is not there, or does not let it in",
    () =>
      Effect.gen(function* () {
        const url = new URL(Redacted.value(yield* acquireDatabase))
        const closed = yield* freePort
        yield* assertRefused({ DATABASE_URL: `postgres://mall:Wr0ngPass@127.0.0.1:${closed}/mall` }, /database/i)
        const stranger = new URL(url)
        stranger.username = "nobody_here"
        stranger.password = "Wr0ngPass"
        yield* assertRefused({ DATABASE_URL: stranger.href }, /database/i)
        const elsewhere = new URL(url)
        elsewhere.pathname = "no_such_database"
        yield* assertRefused({ DATABASE_URL: elsewhere.href }, /no_such_database/, decodeURIComponent(url.password))
        yield* assertRefused({ DATABASE_URL: "Wr0ngPass" }, /database .* not a URL/)
      }),
    60_000
  )

  it.live(
    "where its data folder is broken",
    () =>
      Effect.gen(function* () {
        const folder = yield* mallFolder
        const file = path.join(folder, "file")
        fs.writeFileSync(file, "")
        yield* assertRefused({ MALL_DATA_DIR: file }, new RegExp(`cannot use .*${file}`))
        fs.mkdirSync(path.join(folder, "postgres"))
        fs.writeFileSync(path.join(folder, "postgres", "notes.txt"), "mine")
        yield* assertRefused({ MALL_DATA_DIR: folder }, /data folder .* not a PostgreSQL cluster/)
      }),
    60_000
  )

  it.live(
    "where a setting has a value it cannot have",
    () =>
      Effect.gen(function* () {
        const DATABASE_URL = Redacted.value(yield* acquireDatabase)
        const settings = [
          ["PORT", "front door"],
          ["MALL_ROLES", "api,chef"],
          ["LOG_LEVEL", "loud"],
          ["ORDER_EXPIRY", "soon"]
        ] as const
        yield* Effect.forEach(
          settings,
          ([name, value]) => assertRefused({ DATABASE_URL, [name]: value }, new RegExp(name)),
          { concurrency: 2 }
        )
      }),
    90_000
  )

  it.live(
    "where it cannot tell which pay platform to call, or is that itself",
    () =>
      Effect.gen(function* () {
        const DATABASE_URL = Redacted.value(yield* acquireDatabase)
        const remote = { DATABASE_URL, PAYMENTS_RPC_URL: "http://127.0.0.1:9", PAYMENTS_RPC_TOKEN: "mst_Wr0ngPass" }
        const wrong: ReadonlyArray<readonly [Readonly<Record<string, string>>, RegExp]> = [
          [{ ...remote, MALL_ROLES: "pay" }, /PAYMENTS_RPC_URL is set beside the role pay/],
          [{ ...remote, PAYMENTS_RPC_URL: "pay platform" }, /PAYMENTS_RPC_URL is wrong/],
          [{ ...remote, PAYMENTS_RPC_URL: "ftp://127.0.0.1" }, /PAYMENTS_RPC_URL is wrong/],
          [{ ...remote, PAYMENTS_RPC_TOKEN: "" }, /PAYMENTS_RPC_TOKEN is not: .* service token/],
          [{ ...remote, PAYMENTS_RPC_CA_FILE: "/nowhere/ca.crt" }, /nowhere\/ca.crt of PAYMENTS_RPC_CA_FILE/],
          [{ ...remote, PAYMENTS_RPC_CERT_FILE: import.meta.filename }, /PAYMENTS_RPC_CERT_FILE/]
        ]
        yield* Effect.forEach(wrong, ([environment, expected]) => assertRefused(environment, expected), {
          concurrency: 2
        })
      }),
    90_000
  )
})

describe("a server that is told to stop", () => {
  it.live(
    "at SIGTERM answers what it has begun, then leaves no process and no port behind",
    () =>
      Effect.gen(function* () {
        const server = yield* startServer()
        const sandbox = sandboxAt(server.sandboxUrl)
        const buyer = yield* newBuyer(server.url, "patient")
        const [sku] = yield* skusInStock(buyer, 1)
        assert.isDefined(sku)
        const { payment } = yield* buyer.mall.checkout.checkout({
          payload: { items: [{ skuId: sku.id, quantity: 1 }], addressId: buyer.addressId }
        })
        const lock = fs.readFileSync(path.join(server.dataFolder, "postgres", "postmaster.pid"), "utf8")
        const database = Number(lock.split("\n")[0])
        assert.isTrue(isAlive(database))

        yield* sandbox.fault({ operation: "create", fault: { kind: "delay", milliseconds: 1500, when: "after" } })
        const confirming = yield* Effect.forkChild(
          buyer.mall.payments.confirm({ params: { id: payment.id }, payload: { channel: ChannelId.make("wechatpay") } })
        )
        yield* eventually(sandbox.orders, (orders) => !orders.includes('"data":[]'), "the channel to work on it")
        yield* server.current().signal("SIGTERM")
        assert.strictEqual((yield* Fiber.join(confirming)).action.type, "qr")
        const { code } = yield* server.current().ended
        assert.include([0, 130, 143], code)
        assert.deepStrictEqual(server.current().stderr, [])
        assert.isFalse(isAlive(database))
        assert.isFalse(yield* isListening(server.port))
        assert.isFalse(yield* isListening(server.sandboxPort))
      }),
    90_000
  )

  it.live(
    "at SIGINT ends as well",
    () =>
      Effect.gen(function* () {
        const server = yield* startServer({ database: yield* acquireDatabase, environment: { MALL_SEED: "none" } })
        const worries = server.current().stdout.filter((line) => /"level":"(warn|error|fatal)"/.test(line))
        assert.deepStrictEqual(worries, [])
        yield* server.current().signal("SIGINT")
        const { code } = yield* server.current().ended
        assert.include([0, 130], code)
        assert.deepStrictEqual(server.current().stderr, [])
        assert.isFalse(yield* isListening(server.port))
      }),
    60_000
  )
})

describe("a process that runs a part", () => {
  it.live(
    "serves requests with the role api, and expires what is not paid with the role worker",
    () =>
      Effect.gen(function* () {
        const database = yield* acquireDatabase
        const api = yield* startServer({ database, roles: "api" })
        assert.strictEqual((yield* call(api.url, { method: "GET", path: "/readyz" })).status, 200)
        assert.isFalse(yield* isListening(api.sandboxPort))
        const worker = yield* startServer({ database, roles: "worker" })
        assert.isFalse(yield* isListening(worker.port))
        assert.isFalse(yield* isListening(worker.sandboxPort))
        const probed = yield* freePort
        yield* startServer({ database, roles: "worker", environment: { WORKER_PORT: String(probed) } })
        const ask = (path: string) => call(`http://127.0.0.1:${probed}`, { method: "GET", path })
        assert.strictEqual((yield* ask("/readyz")).status, 200)
        assert.strictEqual((yield* ask("/api/v1/products")).status, 404)
        yield* eventually(
          Effect.map(ask("/metrics"), ({ text }) => text),
          (text) => ["queue_dead{", "sweep_last_success_timestamp_seconds{"].every((name) => text.includes(name)),
          "the worker to show its metrics"
        )

        const buyer = yield* newBuyer(api.url, "parted")
        const [sku] = yield* skusInStock(buyer, 1)
        assert.isDefined(sku)
        const { orders } = yield* buyer.mall.checkout.checkout({
          payload: {
            items: [{ skuId: sku.id, quantity: 1 }],
            addressId: buyer.addressId,
            paymentMethod: "demo-quick"
          }
        })
        const [order] = orders
        assert.isDefined(order)
        yield* orderBecomes(buyer, order.id, "canceled")
      }),
    90_000
  )
})
