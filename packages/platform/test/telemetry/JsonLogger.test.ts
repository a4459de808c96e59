import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Context, Effect, Exit, Layer, Schema, Scope } from "effect"
import * as JsonLogger from "../../src/telemetry/JsonLogger.ts"
import { LineWriter } from "../../src/telemetry/LineWriter.ts"

const Line = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))

const run = Effect.fnUntraced(function* (program: Effect.Effect<unknown>, config: Record<string, string> = {}) {
  const written: Array<string> = []
  yield* program.pipe(
    Effect.provide(
      Layer.fresh(
        JsonLogger.layer.pipe(
          Layer.provide(LineWriter.layerTo((lines) => written.push(lines))),
          Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(config)))
        )
      )
    )
  )
  return written
    .join("")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => Schema.decodeSync(Line)(line))
})

describe("JsonLogger", () => {
  it.live("writes one object a line, with annotations and the cause", () =>
    Effect.gen(function* () {
      const lines = yield* run(
        Effect.logError("Defect\nin", "checkout", { orderId: "o1" }, Cause.die(new Error("broken"))).pipe(
          Effect.annotateLogs({ requestId: "r1" })
        )
      )
      assert.lengthOf(lines, 1)
      assert.strictEqual(lines[0]?.["level"], "error")
      assert.strictEqual(lines[0]?.["message"], "Defect\nin checkout")
      assert.strictEqual(lines[0]?.["requestId"], "r1")
      assert.deepStrictEqual(lines[0]?.["data"], { orderId: "o1" })
      assert.include(String(lines[0]?.["cause"]), "broken")
    })
  )

  it.live("says by its first line what a cause is that is logged without a word", () =>
    Effect.gen(function* () {
      const [line] = yield* run(Effect.logWarning(Cause.fail(new Error("the database is away"))))
      assert.strictEqual(line?.["message"], "Error: the database is away")
      assert.include(String(line?.["cause"]), "JsonLogger.test")
    })
  )

  it.live("keeps secrets and personal data out, at any depth", () =>
    Effect.gen(function* () {
      const [line] = yield* run(
        Effect.logInfo("signing in", { user: { email: "a@b.c", password: "hunter2", id: 7n } }).pipe(
          Effect.annotateLogs({ accessToken: "eyJ", Authorization: "Bearer x" })
        )
      )
      assert.deepStrictEqual(line?.["data"], { user: { email: "<redacted>", password: "<redacted>", id: "7" } })
      assert.deepStrictEqual([line?.["accessToken"], line?.["Authorization"]], ["<redacted>", "<redacted>"])
    })
  )

  it.live("shows no number of a payment card, wherever it stands", () =>
    Effect.gen(function* () {
      const card = "4111 1111 1111 1111"
      const bare = "5555555555554444"
      const lines = yield* run(
        Effect.logError(
          `refused ${card}, or ${bare}.`,
          { number: 4111111111111111, deep: [{ note: `pan=${bare};` }], big: 6011000990139424n },
          Cause.die(new Error(`charged 3782-822463-10005`))
        ).pipe(Effect.annotateLogs({ about: new Error(bare) }))
      )
      assert.lengthOf(lines, 1)
      const all = JSON.stringify(lines)
      assert.notMatch(all, /4111.?1111.?1111|5{12}|60110009|822463/)
      assert.strictEqual(lines[0]?.["message"], "refused <card *1111>, or <card *4444>.")
      assert.deepStrictEqual(lines[0]?.["data"], {
        number: "<card *1111>",
        deep: [{ note: "pan=<card *4444>;" }],
        big: "<card *9424>"
      })
    })
  )

  it.live("survives a message that cannot be shown, and honours LOG_LEVEL", () =>
    Effect.gen(function* () {
      const circle: Record<string, unknown> = {}
      circle["self"] = circle
      const lines = yield* run(
        Effect.all([Effect.logInfo("too low"), Effect.logWarning("kept"), Effect.logWarning(circle)]),
        { LOG_LEVEL: "Warn" }
      )
      assert.deepStrictEqual(
        lines.map((line) => line["message"]),
        ["kept", "a message that cannot be shown"]
      )
    })
  )
})

describe("LineWriter", () => {
  it.live("writes many lines at once, soon by itself, at once when much waits, and the rest at the end", () =>
    Effect.gen(function* () {
      const written: Array<string> = []
      const scope = yield* Scope.make()
      const services = yield* Layer.build(LineWriter.layerTo((lines) => written.push(lines))).pipe(Scope.provide(scope))
      const writer = Context.get(services, LineWriter)
      writer.write("a")
      writer.write("b")
      assert.deepStrictEqual(written, [])
      yield* Effect.suspend(() => (written.length > 0 ? Effect.void : Effect.fail("not yet"))).pipe(
        Effect.eventually,
        Effect.timeout("5 seconds")
      )
      assert.deepStrictEqual(written, ["a\nb\n"])
      writer.write("c".repeat(65_536))
      assert.lengthOf(written, 2)
      writer.write("d")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(written[2], "d\n")
    })
  )
})
