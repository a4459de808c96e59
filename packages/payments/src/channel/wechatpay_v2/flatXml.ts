import { Effect, Option, Schema, Stream } from "effect"
import { Xml } from "effect/encoding"

/** Larger than any message of the platform. */
const maxSize = 65_536
/** The root, its fields, and nothing below. */
const maxDepth = 2

/** Not a flat XML document: damaged, nested, with a name twice, with a document type or an entity of its own, or too large. */
class XmlUnreadable extends Schema.TaggedError<XmlUnreadable>()("XmlUnreadable", {}) {}

export type Fields = Readonly<Record<string, string>>

/**
 * The texts below the root `root`, by name, as they are: `0100` stays a text. A name that comes twice is refused, for which of the
 * two is meant, and which is signed, is open to doubt.
 */
export const parseFlatXml = Effect.fnUntraced(
  function* (text: string, root: string) {
    const elements = yield* Stream.make(text).pipe(
      Stream.pipeThroughChannel(Xml.decodeString({ maxDepth, maxTokenSize: maxSize })),
      Stream.tap((event) => (event._tag === "Doctype" ? Effect.fail(new XmlUnreadable()) : Effect.void)),
      Stream.pipeThroughChannel(Xml.elements([root], { maxElementSize: maxSize })),
      Stream.runHead
    )
    if (Option.isNone(elements)) return yield* new XmlUnreadable()
    const fields: Record<string, string> = Object.create(null)
    for (const child of elements.value.children) {
      if (typeof child === "string") {
        if (child.trim() !== "") return yield* new XmlUnreadable()
        continue
      }
      const { children, name } = child
      if (name in fields || !children.every((part) => typeof part === "string")) return yield* new XmlUnreadable()
      fields[name] = children.join("")
    }
    const parsed: Fields = fields
    return parsed
  },
  Effect.catchIf(
    (error) => error instanceof Xml.XmlError,
    () => Effect.fail(new XmlUnreadable())
  )
)
