import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Authorization } from "@mall/domain/identity/Authorization"
import { Principal, SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { RequiredPermission } from "@mall/domain/identity/Permission"
import { Forbidden } from "@mall/domain/kernel/EdgeError"
import { generator } from "@mall/domain/kernel/Id"
import { Idempotent, Operation } from "@mall/domain/kernel/Operation"
import { Problem } from "@mall/domain/kernel/Problem"
import { withStrictText } from "@mall/platform/http/strictText"
import { Idempotency } from "@mall/platform/Idempotency"
import { IdempotentLayer, MisplacedIdempotent } from "@mall/platform/IdempotentLayer"
import { TestDatabase } from "@mall/testing/TestDatabase"
import * as TestAuthorization from "@mall/testing/TestAuthorization"
import { assert, layer } from "@effect/vitest"
import {
  Cause,
  ConfigProvider,
  Context,
  Effect,
  Exit,
  Fiber,
  Latch,
  Layer,
  Option,
  Queue,
  Schedule,
  Schema
} from "effect"
import { HttpClient, HttpClientRequest, HttpRouter, HttpServerRequest } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { SqlClient } from "effect/sql"
import { createHash } from "node:crypto"

class Declined extends Problem<Declined>()("Declined", {
  status: 402,
  title: "The card was declined",
  fields: { attempt: Schema.Int }
}) {}

const Work = Schema.Struct({
  act: Schema.Literals(["answer", "decline", "forbid", "break", "recover", "wait", "large"]),
  note: Schema.optionalKey(Schema.String)
})
const Done = Schema.Struct({ operationId: Schema.String, run: Schema.Int, text: Schema.String })

const work = HttpApiEndpoint.post("work", "/work", { payload: Work, success: Done, error: [Declined, Forbidden] })

const api = HttpApi.make("test").add(
  HttpApiGroup.make("desk")
    .add(work.middleware(Idempotent).middleware(Authorization).annotate(RequiredPermission, "account"))
    .add(
      HttpApiEndpoint.post("open", "/open", { payload: Work, success: Done, error: [Declined, Forbidden] }).middleware(
        Idempotent
      )
    )
    .add(
      HttpApiEndpoint.post("close", "/close", {
        payload: Work,
        success: Done,
        error: [Declined, Forbidden]
      }).middleware(Idempotent)
    )
)

/** What the handler does is watched and held from here. */
class Desk extends Context.Service<
  Desk,
  { runs: Array<string>; readonly started: Queue.Queue<string>; readonly gate: Latch.Latch }
>()("test/Desk") {
  static readonly layer = Layer.effect(
    Desk,
    Effect.gen(function* () {
      return { runs: [], started: yield* Queue.unbounded<string>(), gate: yield* Latch.make() }
    })
  )
}

const handle = Effect.fnUntraced(function* ({ payload }: { readonly payload: typeof Work.Type }) {
  const desk = yield* Desk
  const { id } = yield* Operation
  const run = desk.runs.push(id)
  yield* Queue.offer(desk.started, id)
  switch (payload.act) {
    case "decline":
      return yield* new Declined({ attempt: run })
    case "forbid":
      return yield* new Forbidden({ permission: "account" })
    case "break":
      return yield* Effect.die(new Error("broken"))
    case "recover": {
      const before = desk.runs.filter((other) => other === id).length
      if (before === 1) return yield* Effect.die(new Error("broken"))
      if (before === 2) return yield* new Forbidden({ permission: "account" })
      break
    }
    case "wait":
      yield* desk.gate.await
  }
  return { operationId: id, run, text: payload.act === "large" ? "x".repeat(3000) : "" }
})

const Handlers = HttpApiBuilder.group(api, "desk", (handlers) =>
  handlers.handleAll({ work: handle, open: handle, close: handle })
)

const Server = HttpRouter.serve(
  HttpApiBuilder.layer(api).pipe(Layer.provide(Handlers), Layer.provide([IdempotentLayer, TestAuthorization.layer])),
  {
    disableLogger: true,
    disableListenLog: true,
    // as the edge does
    middleware: (app) => Effect.updateService(app, HttpServerRequest.HttpServerRequest, withStrictText)
  }
).pipe(
  Layer.provideMerge(NodeHttpServer.layerTest),
  Layer.provideMerge([Desk.layer, Idempotency.layer]),
  Layer.provide(
    ConfigProvider.layerAdd(ConfigProvider.fromUnknown({ IDEMPOTENCY_MAX_BODY: "2 KiB" }), { asPrimary: true })
  ),
  Layer.provideMerge(TestDatabase)
)

const newUser = Effect.gen(function* () {
  return TestAuthorization.tokenOf(
    new Principal({
      userId: yield* generator(UserId),
      sessionId: yield* generator(SessionId),
      roles: ["customer"],
      merchantId: Option.none(),
      expiresAt: new Date(0)
    })
  )
})

const post = Effect.fnUntraced(function* (
  body: unknown,
  options: { readonly key?: string; readonly token?: string; readonly path?: string }
) {
  const client = yield* HttpClient.HttpClient
  const response = yield* HttpClientRequest.post(
    options.path ?? (options.token === undefined ? "/open" : "/work")
  ).pipe(
    HttpClientRequest.bodyJsonUnsafe(body),
    options.key === undefined ? (self) => self : HttpClientRequest.setHeader("idempotency-key", options.key),
    options.token === undefined ? (self) => self : HttpClientRequest.bearerToken(options.token),
    client.execute
  )
  return { status: response.status, headers: response.headers, text: yield* response.text }
})

/** Bytes that are no UTF-8, said to be JSON. */
const postGarbled = Effect.fnUntraced(function* (key: string, token: string) {
  const client = yield* HttpClient.HttpClient
  const response = yield* HttpClientRequest.post("/work").pipe(
    HttpClientRequest.bodyUint8Array(
      Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
      "application/json"
    ),
    HttpClientRequest.setHeader("idempotency-key", key),
    HttpClientRequest.bearerToken(token),
    client.execute
  )
  return response.status
})

const codeOf = (text: string) =>
  Schema.decodeSync(Schema.fromJsonString(Schema.Struct({ code: Schema.String })))(text).code

const runsDuring = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const desk = yield* Desk
  const before = desk.runs.length
  const result = yield* effect
  return [result, desk.runs.slice(before)] as const
})

/** As if the process that holds the key had died and the lease had passed. */
const expireLease = (key: string) =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql`UPDATE platform.idempotency_keys SET lease_until = 'epoch' WHERE key = ${key}`
  )

layer(Server, { excludeTestServices: true })("Idempotent", (it) => {
  it.effect("gives the first answer again, with its status, type and body, and works once", () =>
    Effect.gen(function* () {
      const token = yield* newUser
      const again = post({ act: "answer" }, { token, key: "again" })
      const [[first, second], runs] = yield* runsDuring(Effect.all([again, again]))
      assert.strictEqual(first.status, 200)
      assert.isUndefined(first.headers["idempotency-replayed"])
      assert.strictEqual(second.headers["idempotency-replayed"], "true")
      assert.strictEqual(second.headers["content-type"], first.headers["content-type"])
      assert.deepStrictEqual([second.status, second.text], [first.status, first.text])
      assert.strictEqual(runs.length, 1)
    })
  )

  it.effect("works under the same operation id after a refusal too, where an earlier run may have done something", () =>
    Effect.gen(function* () {
      const token = yield* newUser
      const again = post({ act: "recover" }, { token, key: "refused meanwhile" })
      const [answers, runs] = yield* runsDuring(Effect.all([again, again, again]))
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        [500, 403, 200]
      )
      assert.lengthOf(new Set(runs), 1)
    })
  )

  it.effect("keeps the keys of two endpoints apart", () =>
    Effect.gen(function* () {
      const opened = yield* post({ act: "answer" }, { path: "/open", key: "two endpoints" })
      const closed = yield* post({ act: "answer" }, { path: "/close", key: "two endpoints" })
      assert.deepStrictEqual([opened.status, closed.status], [200, 200])
      assert.notStrictEqual(closed.text, opened.text)
    })
  )

  it.effect("replays a business error as the problem it was", () =>
    Effect.gen(function* () {
      const again = post({ act: "decline" }, { token: yield* newUser, key: "declined" })
      const [[first, second], runs] = yield* runsDuring(Effect.all([again, again]))
      assert.strictEqual(second.status, 402)
      assert.strictEqual(second.text, first.text)
      assert.strictEqual(second.headers["content-type"], "application/problem+json")
      assert.strictEqual(runs.length, 1)
    })
  )

  it.effect("does the work once when two requests race, and tells the other to come back", () =>
    Effect.gen(function* () {
      const desk = yield* Desk
      yield* desk.gate.close
      yield* Queue.clear(desk.started)
      const token = yield* newUser
      const before = desk.runs.length
      const first = yield* Effect.forkChild(post({ act: "wait" }, { token, key: "race" }))
      yield* Queue.take(desk.started)
      const racing = yield* Effect.all(
        Array.from({ length: 20 }, () => post({ act: "wait" }, { token, key: "race" })),
        { concurrency: "unbounded" }
      )
      for (const { headers, status, text } of racing) {
        assert.strictEqual(status, 409)
        assert.strictEqual(codeOf(text), "IdempotencyInFlight")
        assert.strictEqual(headers["retry-after"], "1")
      }
      yield* desk.gate.open
      const answer = yield* Fiber.join(first)
      assert.strictEqual((yield* post({ act: "wait" }, { token, key: "race" })).text, answer.text)
      assert.strictEqual(desk.runs.length, before + 1)
    })
  )

  it.effect("lets exactly one of many simultaneous requests through", () =>
    Effect.gen(function* () {
      const token = yield* newUser
      const [answers, runs] = yield* runsDuring(
        Effect.all(
          Array.from({ length: 50 }, () => post({ act: "answer" }, { token, key: "burst" })),
          { concurrency: "unbounded" }
        )
      )
      assert.strictEqual(runs.length, 1)
      assert.strictEqual(new Set(answers.filter(({ status }) => status === 200).map(({ text }) => text)).size, 1)
      assert.isEmpty(answers.filter(({ status }) => status !== 200 && status !== 409))
    })
  )

  it.effect("refuses a key that was used for another body, and one that is not printable", () =>
    Effect.gen(function* () {
      const token = yield* newUser
      yield* post({ act: "answer" }, { token, key: "reused" })
      const other = yield* post({ act: "answer", note: "more" }, { token, key: "reused" })
      assert.deepStrictEqual([other.status, codeOf(other.text)], [422, "IdempotencyKeyReused"])
      const query = yield* post({ act: "answer" }, { token, key: "reused", path: "/work?x=1" })
      assert.strictEqual(query.status, 422)
      const long = yield* post({ act: "answer" }, { token, key: "k".repeat(256) })
      assert.deepStrictEqual([long.status, codeOf(long.text)], [400, "InvalidIdempotencyKey"])
      const foreign = yield* post({ act: "answer" }, { token, key: "clé" })
      assert.strictEqual(foreign.status, 400)
    })
  )

  it.effect("keeps no hash that who guesses a request could make", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const text = JSON.stringify({ act: "answer" })
      const token = yield* newUser
      yield* post({ act: "answer" }, { token, key: "guessed" })
      const [row] = yield* sql<{ requestHash: string }>`
        SELECT request_hash FROM platform.idempotency_keys WHERE key = 'guessed'`
      const hashOf = (url: string) => createHash("sha256").update(`POST ${url}\n${text}`).digest("base64url")
      assert.notInclude(row?.requestHash ?? "", hashOf("/work"))
      // one of before there were keys is known all the same
      yield* sql`UPDATE platform.idempotency_keys SET request_hash = ${hashOf("/work")} WHERE key = 'guessed'`
      const again = yield* post({ act: "answer" }, { token, key: "guessed" })
      assert.strictEqual(again.headers["idempotency-replayed"], "true")
    })
  )

  it.effect("keeps the keys of callers and of endpoints apart", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* newUser, yield* newUser]
      const [, runs] = yield* runsDuring(
        Effect.all([
          post({ act: "answer" }, { token: first, key: "same" }),
          post({ act: "answer" }, { token: second, key: "same" }),
          post({ act: "answer" }, { token: first, key: "same", path: "/open" })
        ])
      )
      assert.strictEqual(new Set(runs).size, 3)
    })
  )

  it.effect("stores nothing without a key: each request is an operation of its own", () =>
    Effect.gen(function* () {
      const token = yield* newUser
      const [, runs] = yield* runsDuring(
        Effect.all([post({ act: "answer" }, { token }), post({ act: "answer" }, { token })])
      )
      assert.strictEqual(new Set(runs).size, 2)
    })
  )

  it.effect("forgets a request of the wrong shape and one that was forbidden", () =>
    Effect.gen(function* () {
      const token = yield* newUser
      assert.strictEqual((yield* post({ act: "dance" }, { token, key: "shape" })).status, 400)
      assert.strictEqual((yield* post({ act: "forbid" }, { token, key: "shape" })).status, 403)
      assert.strictEqual((yield* post({ act: "answer" }, { token, key: "shape" })).status, 200)
    })
  )

  it.effect("forgets a request whose body is no text", () =>
    Effect.gen(function* () {
      const token = yield* newUser
      assert.isAtLeast(yield* postGarbled("garbled", token), 400)
      assert.strictEqual((yield* post({ act: "answer" }, { token, key: "garbled" })).status, 200)
    })
  )

  it.effect("runs again under the same operation id after a defect and after an answer too large to keep", () =>
    Effect.gen(function* () {
      const token = yield* newUser
      for (const act of ["break", "large"]) {
        const again = post({ act }, { token, key: act })
        const [, runs] = yield* runsDuring(Effect.all([again, again]))
        assert.strictEqual(runs.length, 2)
        assert.strictEqual(runs[0], runs[1])
      }
    })
  )

  it.effect("lets a retry run at once, with the same operation id, when the caller had left", () =>
    Effect.gen(function* () {
      const desk = yield* Desk
      yield* desk.gate.close
      yield* Queue.clear(desk.started)
      const token = yield* newUser
      const left = yield* Effect.forkChild(post({ act: "wait" }, { token, key: "left" }))
      const operationId = yield* Queue.take(desk.started)
      yield* Fiber.interrupt(left)
      yield* desk.gate.open
      const answer = yield* post({ act: "wait" }, { token, key: "left" }).pipe(
        Effect.repeat({ until: ({ status }) => status !== 409, schedule: Schedule.spaced("10 millis") })
      )
      assert.strictEqual(answer.status, 200)
      assert.include(answer.text, operationId)
    })
  )

  it.effect("gives a key whose holder died to the retry, with the same operation id, and ignores the late answer", () =>
    Effect.gen(function* () {
      const desk = yield* Desk
      yield* desk.gate.close
      yield* Queue.clear(desk.started)
      const token = yield* newUser
      const retry = post({ act: "wait" }, { token, key: "crash" })
      const first = yield* Effect.forkChild(retry)
      const operationId = yield* Queue.take(desk.started)
      yield* expireLease("crash")
      const second = yield* Effect.forkChild(retry)
      assert.strictEqual(yield* Queue.take(desk.started), operationId)
      yield* desk.gate.open
      const answers = yield* Effect.all([Fiber.join(first), Fiber.join(second)])
      assert.strictEqual((yield* retry).text, answers[1].text)
    })
  )

  it.effect("does not start when it would not know who calls", () =>
    Effect.gen(function* () {
      const wrong = HttpApi.make("wrong").add(
        HttpApiGroup.make("desk").add(
          work.middleware(Authorization).middleware(Idempotent).annotate(RequiredPermission, "account")
        )
      )
      const exit = yield* HttpApiBuilder.layer(wrong).pipe(
        Layer.provide(
          HttpApiBuilder.group(wrong, "desk", (handlers) =>
            handlers.handleAll({ work: () => Effect.die("never called") })
          )
        ),
        Layer.provide([IdempotentLayer, TestAuthorization.layer]),
        Layer.provide(HttpRouter.layer),
        Layer.build,
        Effect.exit
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof MisplacedIdempotent)
    })
  )
})
