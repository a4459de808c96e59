import { assert, layer } from "@effect/vitest"
import { AlertId } from "@mall/domain/operations/Alert"
import type { AlertKind } from "@mall/domain/operations/Alert"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { ConfigProvider, Context, Effect, Fiber, Latch, Layer, Logger, Metric, Schema } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { SqlClient } from "effect/sql"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { createServer } from "node:http"
import { alertRules } from "../../src/alerts/alertRules.ts"
import type { CallerSignal, Counts, Signal } from "../../src/alerts/alertRules.ts"
import { AlertNotifier } from "../../src/alerts/AlertNotifier.ts"
import { Alerts } from "../../src/alerts/Alerts.ts"
import { CallerCounts } from "../../src/alerts/CallerCounts.ts"
import * as AlertSweeps from "../../src/alerts/AlertSweeps.ts"
import { SignalCounts } from "../../src/alerts/SignalCounts.ts"
import { Sweeps } from "../../src/Sweeps.ts"
import { RequestInfo } from "../../src/http/RequestInfo.ts"

const Message = Schema.Struct({
  msgtype: Schema.Literal("text"),
  text: Schema.Struct({ content: Schema.String, mentioned_list: Schema.Array(Schema.String) })
})

/** A group robot of WeCom. */
class Robot extends Context.Service<
  Robot,
  { readonly received: Array<typeof Message.Type>; errcode: number; readonly url: string }
>()("@mall/platform/test/alerts/Robot") {
  static readonly layer = Layer.effect(
    Robot,
    Effect.map(HttpServer.HttpServer, (server) =>
      Robot.of({ received: [], errcode: 0, url: `${HttpServer.formatAddress(server.address)}/send?key=a-secret-key` })
    )
  )
}

const Receiver = HttpRouter.serve(
  HttpRouter.use((router) =>
    Effect.flatMap(Robot, (robot) =>
      router.add(
        "POST",
        "/send",
        Effect.gen(function* () {
          const message = yield* HttpServerRequest.schemaBodyJson(Message)
          if (robot.errcode === 0) robot.received.push(message)
          return HttpServerResponse.jsonUnsafe({ errcode: robot.errcode, errmsg: robot.errcode === 0 ? "ok" : "no" })
        }).pipe(Effect.orDie)
      )
    )
  ),
  { disableListenLog: true, disableLogger: true }
)

/** One process of many on one database, with metrics of its own. */
const aProcess = (url?: string) =>
  Layer.build(
    Alerts.layer.pipe(
      Layer.provideMerge(Layer.merge(SignalCounts.layer, CallerCounts.layer)),
      Layer.provide(CircuitBreaker.layerStoreMemory()),
      Layer.provide(
        ConfigProvider.layer(
          ConfigProvider.fromUnknown({
            ...(url === undefined ? {} : { ALERTS_WECOM_URL: url }),
            DOWNSTREAM_WECOM_MAX_ATTEMPTS: "1"
          })
        )
      ),
      Layer.provideMerge(Layer.succeed(Metric.MetricRegistry, new Map())),
      Layer.fresh
    )
  )

const gain = (id: string, count: number, attributes: Record<string, string> = {}) =>
  Metric.update(Metric.counter(id, { incremental: true, attributes }), count)

const clear = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql`TRUNCATE platform.signal_counts, platform.caller_counts, platform.alerts`
)

const Test = Receiver.pipe(
  Layer.provideMerge(Robot.layer),
  Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
  Layer.provideMerge(TestDatabase),
  // what is refused on purpose would fill the report
  Layer.provideMerge(Logger.layer([]))
)

const otherId = AlertId.make("019a0000-0000-7000-8000-000000000000")

const none: Counts = { perMinute: 0, fiveMinutes: 0, hour: 0 }

/** What the rules say where this was counted, and the busiest caller did so much in an hour. */
const alarms = (
  counts: Partial<Record<Signal, Partial<Counts>>>,
  hours: Partial<Record<CallerSignal, number>> = {}
): ReadonlyArray<AlertKind> =>
  alertRules
    .filter(({ judge }) =>
      judge({
        counts: (signal) => ({ ...none, ...counts[signal] }),
        busiest: (signal) => ({ caller: "user 1", hour: hours[signal] ?? 0 })
      })
    )
    .map(({ kind }) => kind)

/** An answer of `status` by `route` to who calls from `address`. */
const answered = (route: string, status: number, address: string, userId?: string) =>
  Effect.map(CallerCounts, ({ record }) => {
    const info = new RequestInfo("r", "t", address, address)
    info.userId = userId
    record(route, status, info)
  })

const times = (count: number) => Array.from({ length: count }, (_, index) => index)

layer(Test, { excludeTestServices: true })("Alerts", (it) => {
  it.effect("go by the thresholds of the source documents, above them and not at them (13.09)", () =>
    Effect.sync(() => {
      const shares = (failures: number, all: number) =>
        alarms({ signature_failures: { fiveMinutes: failures }, callbacks: { fiveMinutes: all } })
      assert.deepStrictEqual(shares(1, 100), [])
      assert.deepStrictEqual(shares(2, 100), ["signature_failures"])
      const tickets = (failures: number, all: number) =>
        alarms({ ticket_failures: { fiveMinutes: failures }, tickets_shown: { fiveMinutes: all } })
      assert.deepStrictEqual(tickets(5, 100), [])
      assert.deepStrictEqual(tickets(6, 100), ["ticket_failures"])
      assert.deepStrictEqual(alarms({ duplicate_callbacks: { perMinute: 10 } }), [])
      assert.deepStrictEqual(alarms({ duplicate_callbacks: { perMinute: 11 } }), ["duplicate_callbacks"])
      assert.deepStrictEqual(alarms({}, { order_probes: 100, token_failures: 50 }), [])
      assert.deepStrictEqual(alarms({}, { order_probes: 101, token_failures: 51 }), [
        "order_enumeration",
        "token_abuse"
      ])
      assert.deepStrictEqual(
        alertRules.map(({ kind, severity }) => `${severity} ${kind}`),
        [
          "P0 signature_failures",
          "P1 duplicate_callbacks",
          "P1 ticket_failures",
          "P2 order_enumeration",
          "P2 token_abuse"
        ]
      )
    })
  )

  it.effect("add up what several processes count, each thing once", () =>
    Effect.gen(function* () {
      yield* clear
      const count = Effect.fnUntraced(function* (repeated: number) {
        const counts = yield* SignalCounts
        yield* gain("payment_callback_duplicate", repeated, { channel: "alipay" })
        yield* gain("http_requests_total", 500, { path: "/callbacks/:channel", status: "200" })
        yield* Effect.all([counts.flush, counts.flush], { concurrency: "unbounded" })
        yield* counts.flush
        return yield* counts.read
      })
      yield* Effect.provide(count(6), yield* aProcess())
      const { counts } = yield* Effect.provide(count(5), yield* aProcess())
      assert.deepStrictEqual([counts("duplicate_callbacks").hour, counts("callbacks").hour], [11, 1_000])
      const judge = Effect.flatMap(Alerts, ({ judge }) => judge)
      const opened = yield* Effect.all([judge, judge, judge], { concurrency: "unbounded" }).pipe(
        Effect.provide(yield* aProcess())
      )
      assert.deepStrictEqual(opened.toSorted(), [0, 0, 1])
    })
  )

  it.effect(
    "count probes and bad tokens of each caller by itself, over all processes, and name who it is (13.09)",
    () =>
      Effect.gen(function* () {
        yield* clear
        const order = "/api/v1/orders/:id"
        const flushed = Effect.gen(function* () {
          const [counts, callers] = [yield* SignalCounts, yield* CallerCounts]
          yield* counts.writeCallers(callers.take())
          yield* counts.writeCallers(callers.take())
        })
        const serve = Effect.fnUntraced(function* (probes: number) {
          // a hundred people who each mistype a number once, and have a token that is over
          yield* Effect.forEach(times(100), (n) => answered(order, 404, `198.51.100.${n}`))
          yield* Effect.forEach(times(100), (n) => answered(order, 401, `198.51.100.${n}`))
          yield* Effect.forEach(times(60), () => answered("/api/v1/auth/login", 401, "203.0.113.9"))
          yield* Effect.forEach(times(probes), () => answered(order, 404, "203.0.113.7"))
          yield* Effect.forEach(times(probes), () => answered(order, 200, "203.0.113.7"))
          yield* flushed
        })
        yield* Effect.provide(serve(60), yield* aProcess())
        yield* Effect.provide(serve(40), yield* aProcess())
        const process = yield* aProcess()
        const { list } = yield* Effect.provide(Alerts, process)
        const judge = Effect.flatMap(Alerts, ({ judge }) => judge).pipe(Effect.provide(process))
        assert.strictEqual(yield* judge, 0)

        yield* Effect.provide(serve(1), process)
        // one signed-in user, wherever they come from
        yield* Effect.forEach(times(51), (n) => answered(order, 401, `198.51.100.${n}`, "019a-user")).pipe(
          Effect.andThen(flushed),
          Effect.provide(process)
        )
        assert.strictEqual(yield* judge, 2)
        const told = (yield* list({ isOpen: true })).data.map(({ message }) => message)
        assert.include(told.join(), "101 requests of network 203.0.113.0/24 in an hour")
        assert.include(told.join(), "51 requests of user 019a-user in an hour")
        assert.notInclude(told.join(), "203.0.113.7")
      })
  )

  it.effect("remember a bounded number of callers, and what could not be written", () =>
    Effect.gen(function* () {
      const { giveBack, take } = yield* CallerCounts
      yield* Effect.forEach(times(3_000), (n) => answered("/api/v1/orders/:id", 404, `2001:db8:0:${n}::/64`))
      yield* answered("/api/v1/orders/:id", 404, "2001:db8:0:1::/64")
      const taken = take()
      assert.lengthOf(taken, 2_000)
      assert.deepStrictEqual(take(), [])
      giveBack(taken)
      assert.deepStrictEqual(take()[1], { signal: "order_probes", caller: "ip:2001:db8:0:1::/64", count: 2 })
    }).pipe(Effect.provide(CallerCounts.layer))
  )

  it.effect(
    "tell people once, again after an hour, not once somebody takes care, and when it is over (13.08, 13.10 P0-5, 13.10 P2-7)",
    () =>
      Effect.gen(function* () {
        yield* clear
        const robot = yield* Robot
        const sql = yield* SqlClient.SqlClient
        const process = yield* aProcess(robot.url)
        yield* Effect.gen(function* () {
          const alerts = yield* Alerts
          yield* gain("payment_signature_failure", 3, { channel: "wechatpay" })
          assert.strictEqual(yield* alerts.judge, 1)
          robot.errcode = 45_009
          assert.strictEqual(yield* alerts.tell(10), 0)
          robot.errcode = 0
          const told = Effect.andThen(sql`UPDATE platform.alerts SET notice_due_at = opened_at`, alerts.tell(10))
          assert.deepStrictEqual(
            (yield* Effect.all([told, alerts.tell(10), alerts.tell(10)], { concurrency: "unbounded" })).toSorted(),
            [0, 0, 1]
          )
          assert.deepStrictEqual([yield* alerts.judge, yield* alerts.tell(10)], [0, 0])
          assert.lengthOf(robot.received, 1)
          assert.deepStrictEqual(robot.received[0]?.text.mentioned_list, ["@all"])
          assert.include(robot.received[0]?.text.content ?? "", "[P0] signature_failures\n3 of 3 notices")

          const anHourLater = sql`UPDATE platform.alerts SET notified_at = notified_at - interval '61 minutes'`
          yield* anHourLater
          yield* alerts.judge
          assert.strictEqual(yield* alerts.tell(10), 1)
          const [open] = (yield* alerts.list({ isOpen: true })).data
          assert.isDefined(open)
          const taken = yield* alerts.acknowledge(open.id, "operator:olga")
          assert.strictEqual((yield* alerts.acknowledge(open.id, "operator:otto")).acknowledgedBy, "operator:olga")
          assert.isNotNull(taken.acknowledgedAt)
          yield* anHourLater
          yield* alerts.judge
          assert.strictEqual(yield* alerts.tell(10), 0)

          yield* sql`UPDATE platform.signal_counts SET minute = minute - interval '2 hours'`
          assert.deepStrictEqual([yield* alerts.judge, yield* alerts.tell(10), yield* alerts.tell(10)], [1, 1, 0])
          assert.include(robot.received.at(-1)?.text.content ?? "", "[resolved] signature_failures")
          assert.deepStrictEqual(robot.received.at(-1)?.text.mentioned_list, [])
          assert.lengthOf((yield* alerts.list({ isOpen: true })).data, 0)
          const nobody = yield* Effect.flip(alerts.acknowledge(otherId, "operator:olga"))
          assert.strictEqual(nobody._tag, "AlertNotFound")
        }).pipe(Effect.provide(process))
      })
  )

  it.effect("forget counts of yesterday, and callers after two hours", () =>
    Effect.gen(function* () {
      yield* clear
      const sql = yield* SqlClient.SqlClient
      const process = yield* aProcess()
      const { purge } = yield* Effect.provide(SignalCounts, process)
      yield* sql`
        INSERT INTO platform.signal_counts (signal, minute, count)
        SELECT 'callbacks', now() - make_interval(hours => n), 1 FROM generate_series(1, 30) AS n`
      yield* sql`
        INSERT INTO platform.caller_counts (since, signal, caller, count)
        SELECT now() - make_interval(hours => n), 'order_probes', 'ip:203.0.113.7', 1 FROM generate_series(1, 5) AS n`
      assert.deepStrictEqual([yield* purge(5), yield* purge(5)], [5, 2])
      assert.lengthOf(yield* sql`SELECT FROM platform.caller_counts`, 1)

      // as a worker does it by itself
      yield* sql`UPDATE platform.caller_counts SET since = now() - interval '121 minutes'`
      const sweeps = yield* Layer.build(AlertSweeps.layer.pipe(Layer.provideMerge(Layer.fresh(Sweeps.layer)))).pipe(
        Effect.provideContext(process)
      )
      const run = Effect.flatMap(Sweeps, (all) => all.run("signal_counts", "test"))
      yield* Effect.provide(run, Context.merge(process, sweeps))
      assert.lengthOf(yield* sql`SELECT FROM platform.caller_counts`, 0)
    }).pipe(Effect.scoped)
  )

  it.effect("tell of news that came while people were told of what was before", () =>
    Effect.gen(function* () {
      yield* clear
      const [isTelling, mayEnd] = [yield* Latch.make(), yield* Latch.make()]
      const told: Array<string> = []
      const slow = AlertNotifier.of({
        isThere: true,
        tell: ({ message }) =>
          Effect.sync(() => told.push(message)).pipe(Effect.andThen(isTelling.open), Effect.andThen(mayEnd.await))
      })
      const process = yield* Layer.build(
        Alerts.layerNoDeps.pipe(Layer.provide(Layer.merge(SignalCounts.layer, Layer.succeed(AlertNotifier, slow))))
      )
      const { report, tell } = yield* Effect.provide(Alerts, process)
      const see = (message: string, isNews: boolean) =>
        report({ kind: "doctor_violation", subject: "books", severity: "P0", message, isNews })
      yield* see("one account is wrong", true)
      const telling = yield* Effect.forkChild(tell(10))
      yield* isTelling.await
      yield* see("two accounts are wrong", true)
      yield* mayEnd.open
      assert.strictEqual(yield* Fiber.join(telling), 1)
      assert.strictEqual(yield* tell(10), 1)
      yield* see("two accounts are wrong", false)
      assert.strictEqual(yield* tell(10), 0)
      assert.deepStrictEqual(told, ["one account is wrong", "two accounts are wrong"])
    })
  )
})
