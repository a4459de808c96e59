import { assert, describe, it } from "@effect/vitest"
import { compare, documentedIn, readingsOf } from "../environment.ts"

describe("environment", () => {
  it("finds each variable that a Config reads, and where", () => {
    const source = `
      const port = Config.Port("PORT").pipe(Config.withDefault(8080))
      const secret = Config.option(Config.Redacted("MALL_SECRET_KEY"))
      const seed = Config.Literals(["DEMO", "none"], "MALL_SEED")
      const keys = Config.schema(
        Schema.fromJsonString(Keys),
        "PLATFORM_KEYS"
      )
      const other = Config.all({ a: Config.Int("A"), b: Config.Int("B") })
      const unrelated = decode("NOT_A_SETTING")
    `
    assert.deepStrictEqual(
      readingsOf("a.ts", source).map(({ name, line }) => [name, line]),
      [
        ["PORT", 2],
        ["MALL_SECRET_KEY", 3],
        ["MALL_SEED", 4],
        ["PLATFORM_KEYS", 5],
        ["A", 9],
        ["B", 9]
      ]
    )
  })

  it("finds the variables that a file reads through a function of its own", () => {
    const source = `
      const whole = (name: string, byDefault: number) =>
        Config.Int(name).pipe(Config.withDefault(byDefault))
      const limits = Config.all({ inFlight: whole("HTTP_MAX_IN_FLIGHT", 1024) })
    `
    assert.deepStrictEqual(
      readingsOf("a.ts", source).map(({ name, line }) => [name, line]),
      [["HTTP_MAX_IN_FLIGHT", 4]]
    )
  })

  it("reads the names in .env.example, whether they are set or show the default", () => {
    assert.deepStrictEqual(documentedIn("# A port.\n# PORT=8080\nREDIS_URL=\n#LOG_LEVEL=Info\n# not=this\n"), [
      "PORT",
      "REDIS_URL",
      "LOG_LEVEL"
    ])
  })

  it("tells what is read and not documented, and what is documented and not read", () => {
    const readings = [
      { name: "PORT", file: "a.ts", line: 1 },
      { name: "NEW", file: "b.ts", line: 2 }
    ]
    assert.deepStrictEqual(compare(readings, ["PORT", "OLD", "OTEL_SERVICE_NAME"]), {
      undocumented: [{ name: "NEW", file: "b.ts", line: 2 }],
      unread: ["OLD"]
    })
  })
})
