import { Context, DateTime, Duration, Effect, Layer, Ref, Schema } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"

const published: Readonly<Record<string, string>> = {
  ...{ USD: "1.0812", JPY: "162.35", CZK: "25.284", DKK: "7.4581", GBP: "0.83520", HUF: "408.15", PLN: "4.3478" },
  ...{ RON: "4.9762", SEK: "11.5870", CHF: "0.9355", ISK: "144.90", NOK: "11.7040", TRY: "36.4470", AUD: "1.6188" },
  ...{ BRL: "6.1530", CAD: "1.4755", CNY: "7.8240", HKD: "8.4136", IDR: "17156.40", ILS: "4.0190", INR: "91.2655" },
  ...{ KRW: "1512.60", MXN: "21.9900", MYR: "4.8330", NZD: "1.8445", PHP: "63.770", SGD: "1.4532", THB: "37.520" },
  ZAR: "19.6310"
}

/** What the file says next: other rates, another day, or an answer as it comes when something is wrong. */
export const EcbChange = Schema.Struct({
  rates: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  day: Schema.optionalKey(Schema.String),
  answer: Schema.optionalKey(Schema.Literals(["file", "unavailable", "cut", "entity"]))
})
export type EcbChange = typeof EcbChange.Type

/** The European Central Bank's file of euro reference rates. */
export class Ecb extends Context.Service<
  Ecb,
  {
    change(change: EcbChange): Effect.Effect<void>
    readonly clear: Effect.Effect<void>
    readonly answer: Effect.Effect<HttpServerResponse.HttpServerResponse>
  }
>()("@mall/sandbox/Ecb") {
  static readonly layer = Layer.effect(
    Ecb,
    Effect.gen(function* () {
      const state = yield* Ref.make<EcbChange>({})
      return Ecb.of({
        change: (change) => Ref.update(state, (before) => ({ ...before, ...change })),
        clear: Ref.set(state, {}),
        answer: Effect.gen(function* () {
          const { answer = "file", day = yield* lastDay, rates } = yield* Ref.get(state)
          const text = fileOf(day, { ...published, ...rates })
          if (answer === "unavailable") return HttpServerResponse.empty({ status: 503 })
          if (answer === "cut") return xml(text.slice(0, text.length / 2))
          if (answer === "entity") return xml(withEntity(text))
          return xml(text)
        })
      })
    })
  )
}

/** The newest working day whose rates are out: they come about 16:00 in Frankfurt. */
const lastDay = Effect.map(DateTime.nowAsDate, (now) => {
  let moment = now.getTime() - Duration.toMillis(Duration.hours(15))
  while ([0, 6].includes(new Date(moment).getUTCDay())) moment -= Duration.toMillis(Duration.days(1))
  return new Date(moment).toISOString().slice(0, 10)
})

const fileOf = (day: string, rates: Readonly<Record<string, string>>) => `<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
\t<gesmes:subject>Reference rates</gesmes:subject>
\t<gesmes:Sender>
\t\t<gesmes:name>European Central Bank</gesmes:name>
\t</gesmes:Sender>
\t<Cube>
\t\t<Cube time='${day}'>
${Object.entries(rates)
  .map(([currency, rate]) => `\t\t\t<Cube currency='${currency}' rate='${rate}'/>`)
  .join("\n")}
\t\t</Cube>
\t</Cube>
</gesmes:Envelope>
`

const withEntity = (text: string) =>
  text
    .replace("<gesmes:Envelope", `<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<gesmes:Envelope`)
    .replace("European Central Bank", "&x;")

const xml = (text: string) => HttpServerResponse.text(text, { contentType: "text/xml" })

/** `GET /ecb/stats/eurofxref/eurofxref-daily.xml`. */
export const layerHttp = HttpRouter.use((router) =>
  Effect.flatMap(Ecb, ({ answer }) => router.add("GET", "/ecb/stats/eurofxref/eurofxref-daily.xml", answer))
)
