import { Config, Effect, Schema } from "effect"
import * as path from "node:path"

/** What one process runs; `MALL_ROLES` lists them. */
export const ServerRole = Schema.Literals(["api", "worker", "sandbox"])
export type ServerRole = typeof ServerRole.Type

export const roles = Config.Array(ServerRole, "MALL_ROLES").pipe(
  Config.withDefault<ReadonlyArray<ServerRole>>(["api", "worker", "sandbox"])
)

export const apiPort = Config.Port("PORT").pipe(Config.withDefault(8080))
export const sandboxPort = Config.Port("SANDBOX_PORT").pipe(Config.withDefault(8090))

/** Where the embedded database and the generated keys live. */
export const dataFolder = Effect.map(Config.String("MALL_DATA_DIR").pipe(Config.withDefault(".mall")), (folder) =>
  path.resolve(folder)
)

/** `demo` fills an empty mall with a demo shop and accounts; the default is `demo` on the embedded database, else `none`. */
export const seed = (isEmbedded: boolean) =>
  Config.Literals(["demo", "none"], "MALL_SEED").pipe(Config.withDefault<"demo" | "none">(isEmbedded ? "demo" : "none"))
