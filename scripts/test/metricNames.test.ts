import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Yaml } from "effect/encoding"
import * as fs from "node:fs"
import * as path from "node:path"

const repository = path.dirname(path.dirname(import.meta.dirname))
const read = (file: string) => fs.readFileSync(path.join(repository, file), "utf8")

/** Source texts of the program: what a metric is called, and its labels, stand in them in quotation marks or as keys. */
const sources = ["packages", "apps"].flatMap((folder) =>
  fs.globSync(`${folder}/*/src/**/*.ts`, { cwd: repository }).map((file) => read(file))
)
const declares = (name: string) => sources.some((text) => text.includes(`"${name}"`) || text.includes(`\`${name}\``))
const hasLabel = (name: string) => sources.some((text) => new RegExp(`[{ ,"]${name}[",: }]`).test(text))

/** What Prometheus itself says of what it scrapes. */
const scraped = new Set(["up"])
const scrapedLabels = new Set(["instance", "job", "le"])
const words = new Set(["and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool"])

/** Which series an expression reads, and which of their labels it names. */
const readOf = (expression: string) => {
  const labels = new Set<string>()
  const bare = expression
    .replaceAll(/\{([^}]*)\}/g, (_, matchers: string) => {
      for (const [, label = ""] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)) labels.add(label)
      return ""
    })
    .replaceAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g, (_, list: string) => {
      for (const label of list.split(",")) labels.add(label.trim())
      return ""
    })
    .replaceAll(/\[[^\]]*\]|"[^"]*"/g, "")
  const names = [...bare.matchAll(/\b([a-zA-Z_:][\w:]*)\b(?!\s*\()/g)].map(([, name = ""]) => name)
  return { names: names.filter((name) => !words.has(name)), labels: [...labels] }
}

const Alerts = Schema.Struct({
  groups: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      rules: Schema.Array(
        Schema.Struct({
          alert: Schema.String,
          expr: Schema.String,
          labels: Schema.Struct({ severity: Schema.Literals(["P0", "P1", "P2"]) }),
          annotations: Schema.Struct({ summary: Schema.String })
        })
      )
    })
  )
})

const rules = Effect.map(
  Schema.decodeUnknownEffect(Alerts)(Yaml.parse(read("deploy/prometheus/alerts.yml"))),
  ({ groups }) => groups.flatMap((group) => group.rules.map(({ alert, expr }) => ({ where: alert, expression: expr })))
)

const panels = fs.globSync("deploy/grafana/dashboards/*.json", { cwd: repository }).flatMap((file) =>
  [...read(file).matchAll(/"expr": "((?:[^"\\]|\\.)*)"/g)].map(([, text = ""]) => ({
    where: path.basename(file),
    expression: text.replaceAll('\\"', '"')
  }))
)

const unknownIn = (each: { readonly where: string; readonly expression: string }) => {
  const { labels, names } = readOf(each.expression)
  const series = names.filter(
    (name) => !scraped.has(name) && !declares(name) && !declares(name.replace(/_(bucket|sum|count)$/, ""))
  )
  const unlabelled = labels.filter((label) => !scrapedLabels.has(label) && !hasLabel(label))
  return [...series, ...unlabelled].map((name) => `${each.where}: ${name}`)
}

describe("the metrics that are looked at", () => {
  it.effect("by alert rules are those that the program has", () =>
    Effect.gen(function* () {
      const all = yield* rules
      assert.isAbove(all.length, 15)
      assert.deepStrictEqual(all.flatMap(unknownIn), [])
    })
  )

  it("by dashboards are those that the program has", () => {
    assert.isAbove(panels.length, 40)
    assert.deepStrictEqual(panels.flatMap(unknownIn), [])
  })

  it.each([
    ["docker-compose.yml", "prometheus.yml", []],
    ["deploy/two-processes.yml", "two-processes.yml", ["docker-compose.yml"]]
  ] as const)("are fetched from every process of ours in %s", (compose, config, bases) => {
    const targets = [...bases, compose].flatMap((file) =>
      [...read(file).matchAll(/^ {2}([a-z]+):\n(?: {4}.*\n)+/gm)].flatMap(([text, name = ""]) => {
        const [, port] = /^ {6}PORT: "(\d+)"$/m.exec(text) ?? []
        return port === undefined ? [] : [`"${name}:${port}"`]
      })
    )
    assert.isNotEmpty(targets)
    assert.include(read(`deploy/prometheus/${config}`), `targets: [${targets.join(", ")}]`)
    assert.include(read(compose), `--config.file=/etc/prometheus/${config}`)
  })

  it("are told apart from functions, labels and times", () => {
    const { labels, names } = readOf(
      'sum by (queue) (rate(some_total{status=~"5..", path!="/x"}[5m])) > 0.01 and other_bucket'
    )
    assert.deepStrictEqual(names, ["some_total", "other_bucket"])
    assert.deepStrictEqual(labels, ["status", "path", "queue"])
    assert.deepStrictEqual(unknownIn({ where: "here", expression: "sum(no_such_metric)" }), ["here: no_such_metric"])
  })
})
