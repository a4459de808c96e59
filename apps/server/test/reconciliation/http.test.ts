import { assert, layer } from "@effect/vitest"
import { ChannelId } from "@mall/domain/payments/Payment"
import { BillDay } from "@mall/domain/treasury/Bill"
import { Run, RunDetails } from "@mall/domain/treasury/Run"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { Clock, Context, Effect, Layer, Schema } from "effect"
import { call } from "../rawHttp.ts"
import { eventually, signIn } from "../shoppers.ts"

class Mall extends Context.Service<Mall, TestServer>()("@mall/server/test/reconciliation/Mall") {
  static readonly layer = Layer.effect(
    Mall,
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const environment = { ACCESS_LOG: "false", LOG_LEVEL: "Error", RECONCILIATION_CATCH_UP_DAYS: "0" }
      return Mall.of(yield* startServer({ database, environment }))
    })
  )
}

const decodeRun = Schema.decodeEffect(Schema.fromJsonString(Schema.toCodecJson(Run)))
const decodeDetails = Schema.decodeEffect(Schema.fromJsonString(Schema.toCodecJson(RunDetails)))

/** So many days ago. */
const dayBefore = (days: number) =>
  Effect.map(Clock.currentTimeMillis, (now) =>
    BillDay.make(new Date(now - days * 86_400_000).toISOString().slice(0, 10))
  )

layer(Mall.layer, { excludeTestServices: true, timeout: "60 seconds" })("A run that is asked for", (it) => {
  it.effect("over HTTP is answered at once with where to look, and seen to by a worker", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const { token } = yield* signIn(url, "admin@demo.mall")
      const asked = {
        ...({ method: "POST", path: "/api/v1/reconciliation/runs", token } as const),
        body: `{"channel":"stripe","day":"${yield* dayBefore(3)}"}`,
        headers: { "idempotency-key": "run-1" }
      }
      const answer = yield* call(url, asked)
      assert.strictEqual(answer.status, 202)
      const run = yield* decodeRun(answer.text)
      assert.strictEqual(answer.headers["location"], `/api/v1/reconciliation/runs/${run.id}`)
      assert.strictEqual(run.status, "queued")
      const again = yield* call(url, asked)
      assert.deepStrictEqual([again.status, again.headers["location"]], [202, answer.headers["location"]])
      assert.strictEqual((yield* decodeRun(again.text)).id, run.id)
      const done = yield* eventually(
        call(url, { method: "GET", path: answer.headers["location"] ?? "", token }).pipe(
          Effect.flatMap(({ text }) => decodeDetails(text))
        ),
        ({ status }) => status === "completed",
        "the run to be completed"
      )
      assert.deepInclude(done, { lines: 0, attempt: 1, failure: null, merchantId: null })
      assert.deepStrictEqual(
        done.history.map(({ actor, toStatus }) => `${toStatus} ${actor.replace(/^user:.*/, "user")}`),
        ["queued user", "running worker:reconciliation", "completed user"]
      )
    })
  )

  it.effect("over RPC is the same, and no channel and no day of the future is taken", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const { admin } = yield* signIn(url, "admin@demo.mall")
      const day = yield* dayBefore(4)
      const { id } = yield* admin["admin.recon.run"]({ channel: ChannelId.make("paypal"), day })
      const same = yield* admin["admin.recon.runs"]({ channel: ChannelId.make("paypal"), day })
      assert.deepStrictEqual(
        same.data.map((run) => run.id),
        [id]
      )
      yield* eventually(
        admin["admin.recon.show"]({ run: id }),
        ({ status }) => status === "completed",
        "the run to be completed"
      )
      const refused = yield* Effect.flip(admin["admin.recon.run"]({ channel: ChannelId.make("barter"), day }))
      assert.strictEqual(refused._tag, "NoChannelBill")
      const early = { channel: ChannelId.make("paypal"), day: BillDay.make("2098-01-01") }
      assert.strictEqual((yield* Effect.flip(admin["admin.recon.run"](early)))._tag, "DayNotOver")
    })
  )
})
