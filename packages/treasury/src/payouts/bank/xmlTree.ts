import { Effect, Option, Schema, Stream } from "effect"
import { Xml } from "effect/encoding"

const maxSize = 4_194_304

/** Not a well-formed document with the root that was expected, or with a document type, or too large or too deep. */
export class XmlUnreadable extends Schema.TaggedError<XmlUnreadable>()("XmlUnreadable", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

/** The root of a document, which must have this name and be of this namespace. */
export const parseXml = Effect.fnUntraced(
  function* (text: string, root: string, namespace: string) {
    const elements = yield* Stream.make(text).pipe(
      Stream.pipeThroughChannel(Xml.decodeString({ maxDepth: 16, maxTokenSize: 65_536 })),
      Stream.tap((event) =>
        event._tag === "Doctype" ? Effect.fail(new XmlUnreadable({ reason: "it has a document type" })) : Effect.void
      ),
      Stream.pipeThroughChannel(Xml.elements([root], { maxElementSize: maxSize })),
      Stream.runCollect
    )
    const [element, second] = Array.from(elements)
    if (element === undefined || second !== undefined || element.attributes["xmlns"] !== namespace) {
      return yield* new XmlUnreadable({ reason: `it is no ${root} of ${namespace}` })
    }
    return element
  },
  Effect.catchIf(
    (error) => error instanceof Xml.XmlError,
    ({ message }) => Effect.fail(new XmlUnreadable({ reason: message }))
  )
)

const isElement = (child: Xml.Element | string): child is Xml.Element => typeof child !== "string"

/** What is found by going down these names: at each all elements of it. */
export const elementsAt = (element: Xml.Element, ...names: ReadonlyArray<string>): ReadonlyArray<Xml.Element> =>
  names.reduce<ReadonlyArray<Xml.Element>>(
    (found, name) => found.flatMap(({ children }) => children.filter(isElement).filter((child) => child.name === name)),
    [element]
  )

/** The text of the only element there; none where there is none, or more than one, or not only text in it. */
export const textAt = (element: Xml.Element, ...names: ReadonlyArray<string>): Option.Option<string> => {
  const [found, second] = elementsAt(element, ...names)
  if (found === undefined || second !== undefined || found.children.some(isElement)) return Option.none()
  return Option.some(found.children.join("").trim())
}
