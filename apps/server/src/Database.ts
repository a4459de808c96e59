import * as EmbeddedPostgres from "@mall/platform/EmbeddedPostgres"
import * as Sql from "@mall/platform/Sql"
import { Config, Context, Effect, Layer, Option } from "effect"
import type { Redacted } from "effect"
import * as path from "node:path"
import { dataFolder } from "./Settings.ts"

const locate = Effect.fnUntraced(function* <E, R>(
  embedded: (folder: string) => Effect.Effect<Redacted.Redacted, E, R>
) {
  const given = yield* Config.option(Config.Redacted("DATABASE_URL"))
  return Option.isSome(given)
    ? { url: given.value, isEmbedded: false }
    : { url: yield* embedded(path.join(yield* dataFolder, "postgres")), isEmbedded: true }
})

function poolOf(role: Sql.DatabaseRole, address: Config.Config<Redacted.Redacted>) {
  return Layer.unwrap(
    Effect.gen(function* () {
      const { url } = yield* Database
      const own = yield* Config.option(address)
      return Sql.layerUrl(
        Option.getOrElse(own, () => url),
        { role }
      )
    })
  )
}

/** Which database this process uses, and whether it is its own. */
export class Database extends Context.Service<
  Database,
  {
    readonly url: Redacted.Redacted
    readonly isEmbedded: boolean
  }
>()("@mall/server/Database") {
  /**
   * `DATABASE_URL`, else an embedded PostgreSQL of our own in the data folder, which ends with the scope. One that another
   * process runs there is an error.
   */
  static readonly layer = Layer.effect(
    Database,
    locate((folder) => Effect.map(EmbeddedPostgres.start({ folder }), ({ url }) => url))
  )

  /** The same for an operator's command, which joins the embedded database of a running server instead. */
  static readonly layerShared = Layer.effect(
    Database,
    locate((folder) =>
      Effect.flatMap(
        EmbeddedPostgres.running(folder),
        Option.match({
          onSome: Effect.succeed,
          onNone: () => Effect.map(EmbeddedPostgres.start({ folder }), ({ url }) => url)
        })
      )
    )
  )

  /** The pool on it of who owns the tables: for migrations and for operators. */
  static readonly pool = Layer.unwrap(Effect.map(Database, ({ url }) => Sql.layerUrl(url)))

  /** The pool of the mall, which has no rights on what is the pay platform's: `STORE_DATABASE_URL`, else the same address. */
  static readonly storePool = poolOf("mall_store", Config.Redacted("STORE_DATABASE_URL"))

  /** The pool of the pay platform, which has none on what is the mall's: `PAY_DATABASE_URL`, else the same address. */
  static readonly payPool = poolOf("mall_pay", Config.Redacted("PAY_DATABASE_URL"))
}
