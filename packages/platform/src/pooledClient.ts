import * as PgClient from "@effect/sql-pg/PgClient"
import type * as PgConnection from "@effect/sql-pg/PgConnection"
import * as PgPool from "@effect/sql-pg/PgPool"
import { Effect, identity, Stream } from "effect"
import { SqlClient, Statement } from "effect/sql"
import type { Connection } from "effect/sql/SqlConnection"
import { SqlError, UnknownError } from "effect/sql/SqlError"
import { outcomeUnknown } from "./lostConnection.ts"
import type { Lease } from "./telemetry/PoolMetrics.ts"

type TransformRows = Parameters<Connection["execute"]>[2]

const json = Statement.custom<PgClient.PgCustom>("PgJson")

/** A session as statements see it: those of a transaction, or one that is a transaction of its own. */
export class Session implements Connection {
  private readonly session: PgConnection.PgConnection
  private readonly isAlone: boolean
  private remark = ""
  private isLost = false

  constructor(session: PgConnection.PgConnection, { isAlone }: { readonly isAlone: boolean }) {
    this.session = session
    this.isAlone = isAlone
  }

  /** Without its connection a transaction has ended: PostgreSQL rolls it back by itself. */
  get mayRollBack() {
    return !this.isLost
  }

  private readonly failed = (error: SqlError) => {
    if (error.reason._tag === "ConnectionError") this.isLost = true
    return this.isAlone ? outcomeUnknown(error) : error
  }

  /** From now on each statement is another one for PostgreSQL than without `name`, and has a plan of its own. */
  planApart(name: string) {
    this.remark = `/* ${name} */ `
  }

  private rows(sql: string, params: ReadonlyArray<unknown>, transformRows: TransformRows, prepare: boolean) {
    return Effect.mapBoth(this.session.query(this.remark + sql, params, prepare), {
      onFailure: this.failed,
      onSuccess: ({ rows }) => (transformRows === undefined ? rows : transformRows(rows))
    })
  }

  execute(sql: string, params: ReadonlyArray<unknown>, transformRows: TransformRows) {
    return this.rows(sql, params, transformRows, true)
  }
  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transformRows: TransformRows) {
    return this.rows(sql, params, transformRows, false)
  }
  executeRaw(sql: string, params: ReadonlyArray<unknown>) {
    return Effect.mapError(this.session.query(this.remark + sql, params), this.failed)
  }
  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return Effect.mapError(this.session.queryValues(this.remark + sql, params), this.failed)
  }
  executeValuesUnprepared(sql: string, params: ReadonlyArray<unknown>) {
    return Effect.mapError(this.session.queryValues(this.remark + sql, params, false), this.failed)
  }
  executeStream(sql: string, params: ReadonlyArray<unknown>, transformRows: TransformRows) {
    const rows = Stream.mapError(this.session.stream(this.remark + sql, params), this.failed)
    return transformRows === undefined ? rows : Stream.flatMap(rows, (row) => Stream.fromIterable(transformRows([row])))
  }
}

const alone = (session: PgConnection.PgConnection): Connection => new Session(session, { isAlone: true })
const inTransaction = (session: PgConnection.PgConnection): Connection => new Session(session, { isAlone: false })

/** PostgreSQL answers `ROLLBACK` to the `COMMIT` of a transaction that has failed. */
const committed = (answer: unknown) =>
  typeof answer === "object" && answer !== null && "command" in answer && answer.command === "ROLLBACK"
    ? Effect.fail(
        new SqlError({
          reason: new UnknownError({
            cause: answer,
            message: "COMMIT rolled back a transaction that had failed",
            operation: "commit"
          })
        })
      )
    : Effect.void

/** The pool with each checkout counted, from the moment that somebody wants a connection. */
const counted = (pool: PgPool.PgPool, lease: () => Lease) => {
  const during = (checkout: PgPool.PgPool["get"]): PgPool.PgPool["get"] =>
    Effect.gen(function* () {
      const mine = lease()
      yield* Effect.addFinalizer(() => Effect.sync(() => mine.ended()))
      const session = yield* checkout
      mine.got()
      return session
    })
  return {
    get: during(pool.get),
    reserve: during(pool.reserve),
    use: <A, E, R>(f: (session: PgConnection.PgConnection) => Effect.Effect<A, E, R>) =>
      Effect.suspend(() => {
        const mine = lease()
        // per statement: the primitive form makes no effect to end it
        return Effect.onExitPrimitive(
          pool.use((session) => {
            mine.got()
            return f(session)
          }),
          () => {
            mine.ended()
            return undefined
          }
        )
      })
  }
}

/**
 * `PgClient.make` on a pool whose figures are seen, which its own does not show: each checkout of a connection takes a
 * `lease` first. `address` is shown in spans, and `adapt` changes how statements are written.
 */
export const make = Effect.fnUntraced(function* (
  options: PgClient.PgPoolConfig,
  address: URL | null,
  lease: () => Lease,
  adapt: (compiler: Statement.Compiler) => Statement.Compiler = identity
) {
  const { get, reserve, use } = counted(yield* PgPool.make(options), lease)
  const transactionAcquirer = Effect.map(reserve, inTransaction)
  const client = yield* SqlClient.make({
    driver: "pg",
    acquirer: Effect.map(get, alone),
    borrower: (f) => use((session) => f(alone(session))),
    transactionAcquirer,
    prepareTransactionControls: true,
    isTransaction: (connection) => !(connection instanceof Session) || connection.mayRollBack,
    commit: (connection) =>
      connection.executeRaw("COMMIT", []).pipe(Effect.mapError(outcomeUnknown), Effect.flatMap(committed)),
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
    compiler: adapt(PgClient.makeCompiler(options.transformQueryNames, options.transformJson)),
    transformRows:
      options.transformResultNames === undefined
        ? undefined
        : Statement.defaultTransforms(options.transformResultNames, options.transformJson).array,
    spanAttributes: [
      ["db.system.name", "postgresql"],
      ["db.namespace", address?.pathname.slice(1) ?? "postgres"],
      ["server.address", address?.hostname ?? "localhost"],
      ["server.port", Number(address?.port || "5432")]
    ]
  })
  return Object.assign(client, {
    [PgClient.TypeId]: PgClient.TypeId,
    config: options,
    json: (value: unknown) => Statement.fragment([json(value)]),
    listen: (channel: string) => Effect.flatMap(reserve, (session) => session.listen(channel)),
    notify: (channel: string, payload: string) =>
      Effect.asVoid(use((session) => session.query("SELECT pg_notify($1, $2)", [channel, payload])))
  }) satisfies PgClient.PgClient
})
