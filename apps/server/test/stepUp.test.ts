import { assert, layer } from "@effect/vitest"
import { ofHttpApi, ofRpcGroup } from "@mall/domain/identity/declarations"
import { isGranted } from "@mall/domain/identity/Permission"
import type { Permission, Role } from "@mall/domain/identity/Permission"
import { MallApi } from "@mall/domain/MallApi"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { Array, Context, Effect, Layer, Schema } from "effect"
import type { Rpc } from "effect/rpc"
import { SqlClient, SqlSchema } from "effect/sql"
import { MallRpcs } from "../src/HttpApp.ts"
import { callLine, endingRpcs } from "./badCalls.ts"
import { caseOf, requestTo } from "./badRequests.ts"
import { endpoints } from "./endpoints.ts"
import { payloadOf } from "./goodCalls.ts"
import { call } from "./rawHttp.ts"
import { signIn } from "./shoppers.ts"

interface Caller {
  readonly roles: ReadonlyArray<Role>
  readonly token: string
}

class Mall extends Context.Service<Mall, { readonly url: string; readonly callers: ReadonlyArray<Caller> }>()(
  "@mall/server/test/stepUp/Mall"
) {
  static readonly layer = Layer.unwrap(
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      // nobody else works on the database, so that what changes is what was asked for
      const { url } = yield* startServer({ database, roles: "api", environment: { ACCESS_LOG: "false" } })
      const callers: ReadonlyArray<Caller> = [
        { roles: ["customer", "merchant"], token: (yield* signIn(url, "merchant@demo.mall")).token },
        { roles: ["customer", "admin"], token: (yield* signIn(url, "admin@demo.mall")).token }
      ]
      return Layer.succeed(Mall, Mall.of({ url, callers })).pipe(
        Layer.provideMerge(Layer.orDie(Sql.layerUrl(database)))
      )
    })
  )
}

/** What must be proved, of every way in that says so. */
const dangerous = [...ofHttpApi(MallApi), ...ofRpcGroup(MallRpcs)].filter(({ stepUp }) => stepUp !== undefined)

const tokenFor = (callers: ReadonlyArray<Caller>, permission: Permission | undefined) =>
  callers.find(({ roles }) => permission !== undefined && isGranted(roles, permission))?.token

const rpcs = Array.fromIterable(MallRpcs.requests.values() as Iterable<Rpc.AnyWithProps>)

/** One well-formed call, and whether it ends the session of its caller. */
const callOf = (way: string, token: string | undefined) => {
  const endpoint = endpoints.find((each) => each.way === way)
  if (endpoint !== undefined) return { request: requestTo(endpoint, token), ends: caseOf(endpoint).ends === true }
  const tag = way.slice("rpc ".length)
  const rpc = rpcs.find(({ _tag }) => _tag === tag)
  const payload = rpc === undefined ? null : payloadOf(rpc)
  const request = { method: "POST", path: "/rpc", body: callLine(0, tag, payload, token) } as const
  return { request, ends: endingRpcs.has(tag) }
}

/** What each of them answers, those of whom `isAsked` says no left out: `StepUpRequired`, or the whole text. */
const answers = Effect.fnUntraced(function* (isAsked: (ends: boolean) => boolean) {
  const { callers, url } = yield* Mall
  const said = yield* Effect.forEach(dangerous, ({ permission, way }) => {
    const { ends, request } = callOf(way, tokenFor(callers, permission))
    if (!isAsked(ends)) return Effect.succeed([])
    return Effect.map(call(url, request), ({ status, text }) => {
      const isRefused = text.includes('"code":"StepUpRequired"') && text.includes('"status":401')
      return [[way, isRefused ? "StepUpRequired" : `${status} ${text.slice(0, 300)}`] as const]
    })
  })
  return said.flat()
})

/** When all sessions that there are last proved whose they are. */
const provedAgo = Effect.fnUntraced(function* (minutes: number) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE identity.sessions SET proved_at = now() - make_interval(mins => ${minutes})`
})

/** These count requests and refusals, or note when something was seen. */
const counters = new Set(["platform.caller_counts", "platform.signal_counts"])

/** A word for each table, another where anything in it is another. */
const state = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const Table = Schema.Struct({ name: Schema.String })
  const select = SqlSchema.findAll({
    Request: Schema.Void,
    Result: Table,
    execute: () => sql`
      SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
      WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY name`
  })
  const tables = (yield* select()).filter(({ name }) => !counters.has(name))
  return yield* Effect.forEach(tables, ({ name }) =>
    Effect.map(
      sql`SELECT md5(string_agg(t::text, '' ORDER BY t::text)) AS sum FROM ${sql.literal(name)} AS t`,
      ([row]) => [name, row?.["sum"]] as const
    )
  )
})

layer(Mall.layer, { excludeTestServices: true, timeout: "2 minutes" })(
  "whoever has not proved lately who they are",
  (it) => {
    it.effect("is refused all that is dangerous, and nothing happens", () =>
      Effect.gen(function* () {
        yield* provedAgo(11)
        const before = yield* state
        const said = yield* answers(() => true)
        assert.deepStrictEqual(
          said.filter(([, answer]) => answer !== "StepUpRequired"),
          []
        )
        assert.deepStrictEqual(yield* state, before)
        const ways = said.map(([way]) => way)
        assert.isAbove(ways.length, 30)
        assert.includeMembers(ways, [
          "POST /api/v1/payout-accounts",
          "POST /api/v1/withdrawals",
          "rpc payouts.addAccount",
          "rpc withdrawals.create",
          "rpc admin.payouts.verifyAccount"
        ])
      })
    )

    it.effect("gets past that once they have", () =>
      Effect.gen(function* () {
        yield* provedAgo(9)
        const said = yield* answers((ends) => !ends)
        assert.deepStrictEqual(
          said.filter(([, answer]) => answer === "StepUpRequired"),
          []
        )
      })
    )
  }
)
