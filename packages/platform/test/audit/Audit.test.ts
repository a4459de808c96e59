import { assert, layer } from "@effect/vitest"
import { CurrentUser, Principal, SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { AuditChain } from "@mall/platform/audit/AuditChain"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { AuditTrail } from "@mall/platform/audit/AuditTrail"
import { CurrentActor } from "@mall/platform/audit/CurrentActor"
import { CurrentRequest, RequestInfo } from "@mall/platform/http/RequestInfo"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"

const Audit = Layer.mergeAll(AuditTrail.layer, AuditChain.layer).pipe(Layer.provideMerge(TestDatabase))

const newUserId = generator(UserId)
const newSessionId = generator(SessionId)
const newMerchantId = generator(MerchantId)

const resource = (id: string) => ({ type: "product", id })

const write = Effect.fnUntraced(function* (...ids: ReadonlyArray<string>) {
  const audit = yield* makeAuditRecorder
  for (const id of ids) yield* audit.record({ action: "product.create", resource: resource(id), after: { id } })
})

const sealAll = Effect.gen(function* () {
  const chain = yield* AuditChain
  while ((yield* chain.seal(100)) > 0) {}
})

/** What a superuser can do who means harm. */
const tamper = (statement: (sql: SqlClient.SqlClient) => Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`ALTER TABLE platform.audit_entries DISABLE TRIGGER ALL`
    yield* sql`ALTER TABLE platform.audit_chain DISABLE TRIGGER ALL`
    yield* statement(sql)
    yield* sql`ALTER TABLE platform.audit_entries ENABLE ALWAYS TRIGGER audit_entries_append_only`
    yield* sql`ALTER TABLE platform.audit_chain ENABLE ALWAYS TRIGGER audit_chain_append_only`
  })

const entryOf = Effect.fnUntraced(function* (id: string) {
  const trail = yield* AuditTrail
  const { data } = yield* trail.list("all", { resourceType: "product", resourceId: id })
  return data
})

layer(Audit, { excludeTestServices: true })("the audit trail", (it) => {
  it.effect("says who, from where and in which trace, and keeps only what differs", () =>
    Effect.gen(function* () {
      const audit = yield* makeAuditRecorder
      const merchantId = yield* newMerchantId
      const userId = yield* newUserId
      const principal = new Principal({
        userId,
        sessionId: yield* newSessionId,
        roles: ["customer", "merchant"],
        merchantId: Option.some(merchantId),
        expiresAt: yield* DateTime.nowAsDate
      })
      yield* audit
        .record({
          action: "product.update",
          resource: resource("tea"),
          merchantId,
          reason: "paid by 4111 1111 1111 1111",
          before: { title: "tea", price: { amount: 1 }, apiKey: "a", phone: "+8613800138000", same: [1] },
          after: { title: "green tea", price: { amount: 1 }, apiKey: "b", phone: "+8613800139999", same: [1] }
        })
        .pipe(
          Effect.provideService(CurrentUser, principal),
          Effect.provideService(CurrentRequest, new RequestInfo("r-1", "t-1", "203.0.113.77", "203.0.113.77"))
        )
      const entry = yield* Effect.fromNullishOr((yield* entryOf("tea"))[0])
      assert.deepStrictEqual(entry.actor, { kind: "user", id: userId, roles: ["customer", "merchant"] })
      assert.deepStrictEqual(entry.origin, {
        network: "203.0.113.0/24",
        userAgent: null,
        requestId: "r-1",
        traceId: "t-1"
      })
      assert.deepStrictEqual(entry.before, { title: "tea", apiKey: "<redacted>", phone: "***8000" })
      assert.deepStrictEqual(entry.after, { title: "green tea", apiKey: "<redacted>", phone: "***9999" })
      assert.strictEqual(entry.reason, "paid by <card *1111>")
    })
  )

  it.effect("keeps fields under whatever name people gave them", () =>
    Effect.gen(function* () {
      const audit = yield* makeAuditRecorder
      const options = Object.fromEntries(
        ["__proto__", "constructor", "toString", "valueOf"].map((name) => [name, "red"])
      )
      yield* audit.record({ action: "product.create", resource: resource("named"), after: { options } })
      const entry = yield* Effect.fromNullishOr((yield* entryOf("named"))[0])
      assert.deepStrictEqual(entry.after, { options })
    })
  )

  it.effect("keeps nothing of what was rolled back, or of what changed nothing", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      const undone = write("undone").pipe(Effect.andThen(Effect.fail("no" as const)), sql.withTransaction)
      assert.strictEqual(yield* Effect.flip(undone), "no")
      const same = { title: "tea", at: new Date(0) }
      const act = { action: "product.update", resource: resource("same"), before: same, after: { ...same } } as const
      yield* audit.record(act)
      assert.deepStrictEqual([yield* entryOf("undone"), yield* entryOf("same")], [[], []])
    })
  )

  it.effect("names the operator of a command, and the mall itself where nobody acts", () =>
    Effect.gen(function* () {
      yield* write("by olga").pipe(Effect.provideService(CurrentActor, { kind: "operator", id: "olga", roles: [] }))
      yield* write("by nobody")
      const actors = [...(yield* entryOf("by olga")), ...(yield* entryOf("by nobody"))].map(({ actor }) => actor.id)
      assert.deepStrictEqual(actors, ["olga", "system"])
    })
  )

  it.effect("shows a merchant its own, nothing to who is staff of none, and pages", () =>
    Effect.gen(function* () {
      const trail = yield* AuditTrail
      const audit = yield* makeAuditRecorder
      const [own, other] = [yield* newMerchantId, yield* newMerchantId]
      for (const [id, merchantId] of [["a", own] as const, ["b", other] as const, ["c", own] as const]) {
        yield* audit.record({ action: "product.create", resource: resource(id), merchantId })
      }
      const first = yield* trail.list(Option.some(own), { limit: 1 })
      const rest = yield* trail.list(Option.some(own), { limit: 5, after: first.nextCursor ?? "" })
      const seen = [...first.data, ...rest.data].map((entry) => entry.resource.id)
      assert.deepStrictEqual([seen, rest.nextCursor], [["c", "a"], null])
      const foreign = yield* trail.list(Option.some(own), { merchantId: other })
      assert.deepStrictEqual(foreign.data, [])
      assert.deepStrictEqual((yield* trail.list(Option.none(), {})).data, [])
      assert.strictEqual((yield* Effect.flip(trail.list("all", { after: "x" })))._tag, "InvalidCursor")
    })
  )

  it.effect("finds by time, by who and by what", () =>
    Effect.gen(function* () {
      const trail = yield* AuditTrail
      const from = yield* DateTime.nowAsDate
      yield* write("now").pipe(Effect.provideService(CurrentActor, { kind: "operator", id: "otto", roles: [] }))
      const found = yield* trail.list("all", { from, actor: "otto", action: "product.create" })
      assert.strictEqual(found.data.length, 1)
      assert.deepStrictEqual((yield* trail.list("all", { until: from, actor: "otto" })).data, [])
      assert.deepStrictEqual((yield* trail.list("all", { from, actor: "otto", action: "user.ban" })).data, [])
    })
  )

  it.effect("is refused every change of what was written, even to the owner of the tables", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* write("fixed")
      yield* sealAll
      for (const table of ["audit_entries", "audit_chain"]) {
        const name = sql.literal(table)
        const column = sql.literal(table === "audit_entries" ? "reason" : "sealed_at")
        const changes = [
          sql`UPDATE platform.${name} SET ${column} = NULL`,
          sql`DELETE FROM platform.${name}`,
          sql`TRUNCATE platform.${name}`
        ]
        for (const change of changes) {
          const error = yield* Effect.flip(change)
          assert.include(String(error.reason.cause), `${table} is append-only`)
        }
      }
    })
  )
})

layer(Audit, { excludeTestServices: true })("the chain over the audit trail", (it) => {
  it.effect("is whole, link by link, however many processes seal at once", () =>
    Effect.gen(function* () {
      const chain = yield* AuditChain
      assert.deepStrictEqual(yield* chain.head, Option.none())
      yield* Effect.forEach(
        Array.from({ length: 30 }, (_, index) => `p${index}`),
        (id) => write(id),
        { concurrency: 8 }
      )
      assert.strictEqual((yield* chain.verify({})).unsealed, 30)
      const sealed = yield* Effect.all([chain.seal(20), chain.seal(20), chain.seal(20)], { concurrency: 3 })
      assert.strictEqual(
        sealed.reduce((sum, count) => sum + count),
        30
      )
      const { broken, checked, head, unsealed } = yield* chain.verify({})
      assert.deepStrictEqual([broken, checked, unsealed], [null, 30, 0])
      assert.deepStrictEqual(Option.getOrNull(yield* chain.head), head)
      assert.strictEqual((yield* chain.verify({ from: 21 })).checked, 10)
    })
  )

  it.effect("stays whole across pages, and with text of any kind", () =>
    Effect.gen(function* () {
      const chain = yield* AuditChain
      const audit = yield* makeAuditRecorder
      const after = { "10": 1, "9": { b: [null, true], a: "茶 👍🏽 \u007f" }, at: new Date(1), much: 1.5e300, zero: -0 }
      const acts = yield* Effect.forEach(Array.from({ length: 1_001 }), () =>
        audit.prepare({ action: "product.import", resource: resource("茶"), after })
      )
      yield* audit.insert(acts.flat())
      yield* sealAll
      const { broken, checked } = yield* chain.verify({})
      assert.deepStrictEqual([broken, checked], [null, 1_031])
    })
  )

  it.effect("shows who rewrote it from a head that was kept elsewhere", () =>
    Effect.gen(function* () {
      const chain = yield* AuditChain
      const kept = yield* Effect.fromOption(yield* chain.head)
      assert.isNull((yield* chain.verify({ head: kept })).broken)
      const other = { ...kept, hash: "0".repeat(64) }
      const rewritten = yield* chain.verify({ head: other })
      assert.deepInclude(rewritten.broken, { what: "head", position: kept.position })
      const truncated = yield* chain.verify({ head: { ...kept, position: kept.position + 5 } })
      assert.deepInclude(truncated.broken, { what: "missing", position: kept.position + 1 })
    })
  )

  it.effect("names the entry that was taken away before it had its place, and the one that nobody wrote", () =>
    Effect.gen(function* () {
      const chain = yield* AuditChain
      yield* write("loose")
      const { id } = yield* Effect.fromNullishOr((yield* entryOf("loose"))[0])
      yield* tamper((sql) => sql`DELETE FROM platform.audit_unsealed WHERE entry_id = ${id}`)
      assert.deepInclude((yield* chain.verify({})).broken, { what: "foreign", entryId: id })
      yield* tamper((sql) => sql`INSERT INTO platform.audit_unsealed VALUES (${id})`)
      yield* tamper((sql) => sql`DELETE FROM platform.audit_entries WHERE id = ${id}`)
      assert.deepInclude((yield* chain.verify({})).broken, { what: "erased", position: null, entryId: id })
      yield* tamper((sql) => sql`DELETE FROM platform.audit_unsealed WHERE entry_id = ${id}`)
      assert.isNull((yield* chain.verify({})).broken)
    })
  )

  it.effect("names the first entry that was altered, erased or taken out of the chain", () =>
    Effect.gen(function* () {
      const chain = yield* AuditChain
      const at = (position: number) => ({ what: "altered", position }) as const
      yield* tamper(
        (sql) => sql`
          UPDATE platform.audit_entries SET actor_id = 'somebody else'
          WHERE id = (SELECT entry_id FROM platform.audit_chain WHERE position = 700)`
      )
      assert.deepInclude((yield* chain.verify({})).broken, at(700))
      yield* tamper(
        (sql) => sql`
          UPDATE platform.audit_entries SET actor_kind = 'system', after = '[1]'
          WHERE id = (SELECT entry_id FROM platform.audit_chain WHERE position = 600)`
      )
      assert.deepInclude((yield* chain.verify({})).broken, at(600))
      yield* tamper(
        (sql) => sql`
          DELETE FROM platform.audit_entries
          WHERE id = (SELECT entry_id FROM platform.audit_chain WHERE position = 500)`
      )
      assert.deepInclude((yield* chain.verify({})).broken, { what: "erased", position: 500 })
      yield* tamper((sql) => sql`DELETE FROM platform.audit_chain WHERE position = 400`)
      assert.deepInclude((yield* chain.verify({})).broken, { what: "missing", position: 400 })
      assert.deepInclude((yield* chain.verify({ from: 401 })).broken, { what: "missing", position: 400 })
    })
  )
})
