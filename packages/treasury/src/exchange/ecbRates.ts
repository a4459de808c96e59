import { Currency } from "@mall/domain/kernel/Currency"
import { Rate } from "@mall/domain/treasury/FxRate"
import { Effect, Option, Schema, Stream } from "effect"
import { Xml } from "effect/encoding"

/** Many times what the file has. */
const maxSize = 65_536
/** The envelope, all days, a day, a rate. */
const maxDepth = 4

/** The file is not as the European Central Bank publishes it: nothing of it counts. */
class EcbMalformed extends Schema.TaggedError<EcbMalformed>()("EcbMalformed", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

export interface EcbRates {
  /** When they are valid from: noon UTC of their day, about when the central banks agree on them. */
  readonly validFrom: Date
  /** What one euro costs. */
  readonly rates: ReadonlyArray<{ readonly quote: Currency; readonly rate: string }>
}

const day = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/
const isKnown = Schema.is(Currency)
const isRate = Schema.is(Rate)
const fail = (reason: string) => Effect.fail(new EcbMalformed({ reason }))

const elementsOf = ({ children }: Xml.Element) =>
  children.flatMap((child) => (typeof child === "string" ? [] : [child])).filter(({ name }) => name === "Cube")

const readDay = Effect.fnUntraced(function* (element: Xml.Element) {
  const time = element.attributes["time"] ?? ""
  const validFrom = new Date(`${time}T12:00:00Z`)
  if (!day.test(time) || validFrom.toISOString().slice(0, 10) !== time) return yield* fail("its day is none")
  const seen = new Set<string>()
  const rates: Array<EcbRates["rates"][number]> = []
  for (const { attributes } of elementsOf(element)) {
    const { currency = "", rate = "" } = attributes
    if (!/^[A-Z]{3}$/.test(currency) || seen.has(currency)) return yield* fail(`the currency "${currency.slice(0, 8)}"`)
    if (!isRate(rate)) return yield* fail(`the rate of ${currency}`)
    seen.add(currency)
    // it publishes some that nobody is paid in here
    if (isKnown(currency) && currency !== "EUR") rates.push({ quote: currency, rate })
  }
  if (rates.length === 0) return yield* fail("it has no rates")
  const read: EcbRates = { validFrom, rates }
  return read
})

/** Reads `eurofxref-daily.xml`. A document type, an entity, a rate that is none or a currency twice refuses all of it. */
export const readEcbRates = Effect.fn("readEcbRates")(
  function* (text: string) {
    const envelope = yield* Stream.make(text).pipe(
      Stream.pipeThroughChannel(Xml.decodeString({ maxDepth, maxTokenSize: maxSize })),
      Stream.tap((event) => (event._tag === "Doctype" ? fail("it has a document type") : Effect.void)),
      Stream.pipeThroughChannel(Xml.elements(["gesmes:Envelope"], { maxElementSize: maxSize })),
      Stream.runHead
    )
    const all = Option.match(envelope, { onNone: () => [], onSome: elementsOf })
    const days = all.flatMap(elementsOf)
    const [first] = days
    if (first === undefined || days.length !== 1) return yield* fail("it does not have one day")
    return yield* readDay(first)
  },
  Effect.catchIf(
    (error) => error instanceof Xml.XmlError,
    ({ kind }) => fail(`it is no XML that is read here (${kind})`)
  )
)
