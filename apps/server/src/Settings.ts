import { Config, Effect, Option, Redacted, Schema } from "effect"
import * as path from "node:path"

/** What one process runs; `MALL_ROLES` lists them. */
const ServerRole = Schema.Literals(["api", "worker", "sandbox", "pay"])
type ServerRole = typeof ServerRole.Type

const roles = Config.Array(ServerRole, "MALL_ROLES").pipe(
  Config.withDefault<ReadonlyArray<ServerRole>>(["api", "worker", "sandbox"])
)

/** Settings that do not go together: the server does not start. */
export class UnusableSettings extends Schema.TaggedError<UnusableSettings>()("UnusableSettings", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** Where the pay platform of another process is, and the token that it knows this one by. */
export interface RemotePay {
  /** Without a slash at its end. */
  readonly baseUrl: string
  readonly token: Redacted.Redacted
}

const remotePay = Effect.gen(function* () {
  const url = yield* Config.option(Config.NonEmptyString("PAYMENTS_RPC_URL"))
  if (Option.isNone(url)) return undefined
  if (!/^https?:\/\/[^/?#\s]+\/*$/.test(url.value) || !URL.canParse(url.value)) {
    return yield* new UnusableSettings({
      reason:
        "The setting PAYMENTS_RPC_URL is wrong: it has to be the http or https address of a server, without a path."
    })
  }
  const token = yield* Config.option(Config.Redacted("PAYMENTS_RPC_TOKEN"))
  if (Option.isNone(token) || Redacted.value(token.value) === "") {
    return yield* new UnusableSettings({
      reason:
        "PAYMENTS_RPC_URL is set and PAYMENTS_RPC_TOKEN is not: the pay platform answers who has a service token, which `mall services issue mall payments` makes."
    })
  }
  const remote: RemotePay = { baseUrl: url.value.replace(/\/+$/, ""), token: token.value }
  return remote
})

/** What this process runs of the two products, and by which roles. */
export interface Running {
  /** `store` is the mall, which reaches the pay platform in another process; `pay` is that platform. */
  readonly product: "all" | "store" | "pay"
  readonly remotePay: RemotePay | undefined
  readonly has: (role: "api" | "worker" | "sandbox") => boolean
}

/** `pay` by itself answers and works, as a process without that role does by default. */
export const running = Effect.gen(function* () {
  const listed = yield* roles
  const remote = yield* remotePay
  const isPay = listed.includes("pay")
  if (isPay && remote !== undefined) {
    return yield* new UnusableSettings({
      reason: "PAYMENTS_RPC_URL is set beside the role pay: a process runs the pay platform or calls it, not both."
    })
  }
  const isWhole = isPay && !listed.includes("api") && !listed.includes("worker")
  const settled: Running = {
    product: isPay ? "pay" : remote === undefined ? "all" : "store",
    remotePay: remote,
    has: (role) => listed.includes(role) || (isWhole && role !== "sandbox")
  }
  return settled
})

export const apiPort = Config.Port("PORT").pipe(Config.withDefault(8080))
/** Where a worker that answers no requests answers probes, and shows its metrics. */
export const workerPort = Config.option(Config.Port("WORKER_PORT"))
export const sandboxPort = Config.Port("SANDBOX_PORT").pipe(Config.withDefault(8090))

/** Where the embedded database and the generated keys live. */
export const dataFolder = Effect.map(Config.String("MALL_DATA_DIR").pipe(Config.withDefault(".mall")), (folder) =>
  path.resolve(folder)
)

/** `demo` fills an empty mall with a demo shop and accounts; the default is `demo` on the embedded database, else `none`. */
export const seed = (isEmbedded: boolean) =>
  Config.Literals(["demo", "none"], "MALL_SEED").pipe(Config.withDefault<"demo" | "none">(isEmbedded ? "demo" : "none"))
