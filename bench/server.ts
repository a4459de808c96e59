import { fork, spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import * as fs from "node:fs"
import * as http from "node:http"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import process from "node:process"
import { bundle } from "../scripts/bundle.mjs"
import { smallMemory } from "../scripts/smallMemory.mjs"

const root = path.join(import.meta.dirname, "..")

const freePort = () =>
  new Promise<number>((resolve) => {
    const probe = net.createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/** Takes spans and forgets them, as a collector that keeps up does. */
const startCollector = () =>
  new Promise<{ readonly url: string; readonly close: () => void; readonly received: () => number }>((resolve) => {
    let received = 0
    const server = http.createServer((request, response) => {
      received++
      request.resume()
      request.on("end", () => response.writeHead(200, { "content-type": "application/json" }).end("{}"))
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resolve({ url: `http://127.0.0.1:${port}`, close: () => server.close(), received: () => received })
    })
  })

export interface Running {
  readonly api: string
  readonly sandbox: string
  readonly dataFolder: string
  readonly databaseUrl: string
  readonly child: ChildProcess
  readonly spansReceived: () => number
  readonly stop: () => Promise<void>
}

/** A port that is open may not be served yet: who asks then gets no answer at all. */
const alive = (url: string) =>
  fetch(url, { signal: AbortSignal.timeout(500) }).then(
    ({ status }) => status === 200,
    () => false
  )

const untilUp = async (child: ChildProcess, url: string, what: string) => {
  while (child.exitCode === null && !(await alive(url))) await new Promise((resolve) => setTimeout(resolve, 100))
  if (child.exitCode !== null) throw new Error(`${what} did not start`)
}

const end = async (child: ChildProcess) => {
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  child.kill("SIGTERM")
  await ended
}

/**
 * API and worker in one process, with everything on: authentication, rate limits (raised, not off), access log to a file,
 * metrics, one trace in ten sent to a collector; `environment` besides. The channels' stand-ins are other companies, and a process of their own.
 */
export const startServer = async (environment: Readonly<Record<string, string>> = {}): Promise<Running> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mall-bench-"))
  fs.chmodSync(folder, 0o755)
  const dataFolder = path.join(folder, "data")
  // before the sandbox makes it for itself alone: root's database runs as another user
  fs.mkdirSync(dataFolder, { mode: 0o755 })
  const collector = await startCollector()
  const [port, sandboxPort] = [await freePort(), await freePort()]
  const log = fs.openSync(path.join(folder, "server.log"), "w")
  const places = { PORT: String(port), SANDBOX_PORT: String(sandboxPort), MALL_DATA_DIR: dataFolder }
  const sandbox = spawn(process.execPath, [path.join(root, "apps/sandbox/src/main.ts")], {
    cwd: root,
    stdio: ["ignore", log, "inherit"],
    env: { ...process.env, ...places, SANDBOX_REFUND_DELAY: "100 millis" }
  })
  await untilUp(sandbox, `http://127.0.0.1:${sandboxPort}/`, "The sandbox")
  const child = spawn(process.execPath, [await bundle(root)], {
    cwd: root,
    stdio: ["ignore", log, "inherit"],
    env: {
      ...smallMemory(process.env),
      ...places,
      MALL_ROLES: "api,worker",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      // the load generator speaks for many addresses where one alone may not ask so often
      TRUSTED_PROXIES: "127.0.0.0/8",
      ALIPAY_TIMEOUT: "3 seconds",
      // and few buyers pay more often than any person would
      ...Object.fromEntries(
        ["CUSTOMER", "NETWORK", "SMALL", "GUEST"].map((name) => [`RISK_${name}_TRIES`, "100000000"])
      ),
      ...Object.fromEntries(
        ["IP_PER_SECOND", "IP_BURST", "USER_PER_SECOND", "USER_BURST", "AUTH_PER_MINUTE", "REGISTER_PER_MINUTE"].map(
          (name) => [`RATE_LIMIT_${name}`, "100000000"]
        )
      ),
      ...environment
    }
  })
  const api = `${environment["TLS_CERT_FILE"] === undefined ? "http" : "https"}://127.0.0.1:${port}`
  await untilUp(child, `${api}/readyz`, `The server (see ${folder}/server.log)`)
  const stateFolder = fs.existsSync(path.join(dataFolder, "postgres/mall.json"))
    ? path.join(dataFolder, "postgres")
    : undefined
  const databaseUrl =
    stateFolder === undefined
      ? ""
      : String(JSON.parse(fs.readFileSync(path.join(stateFolder, "mall.json"), "utf8")).url)
  return {
    api,
    sandbox: `http://127.0.0.1:${sandboxPort}`,
    dataFolder,
    databaseUrl,
    child,
    spansReceived: collector.received,
    stop: async () => {
      await end(child)
      await end(sandbox)
      collector.close()
      fs.rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** A bare `node:http` server answering `body`, in a process of its own: what HTTP figures are held against. */
export const startBare = (body: string): Promise<{ readonly url: string; readonly stop: () => void }> =>
  new Promise((resolve) => {
    const child = fork(path.join(import.meta.dirname, "bare.ts"), [body])
    child.once("message", (message: { readonly port: number }) =>
      resolve({ url: `http://127.0.0.1:${message.port}/`, stop: () => child.kill() })
    )
  })

const ticksPerSecond = 100

/** CPU seconds used and resident megabytes of a process, as Linux counts them. */
export const usage = (pid: number) => {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8")
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const status = fs.readFileSync(`/proc/${pid}/status`, "utf8")
  const megabytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    residentMb: megabytes("VmRSS"),
    peakMb: megabytes("VmHWM")
  }
}
