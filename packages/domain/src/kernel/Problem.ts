import type { Schema as SchemaTypes } from "effect"
import { Schema } from "effect"
import { HttpApiError } from "effect/http-api"

/** A problem's `type`: a stable name, not an address, so that it survives a change of host. */
type ProblemType<Tag extends string> = `urn:mall:problem:${Tag}`

type WithCode<Tag extends string, Fields> = Fields & { readonly code: SchemaTypes.tag<Tag> }

/**
 * Declares an error that a caller may see: an RFC 9457 problem with `code` (the stable machine name, equal to the tag),
 * `status`, `title`, a sentence in `detail`, and the fields the caller needs to react. The edge adds `traceId`.
 *
 * @example
 * class StockShort extends Problem<StockShort>()("StockShort", {
 *   status: 409,
 *   title: "Not enough stock",
 *   fields: { skuId: SkuId, available: Schema.Int },
 *   detail: ({ available }) => `Only ${available} left`
 * }) {}
 */
export const Problem =
  <Self = never>() =>
  <
    const Tag extends string,
    const Status extends number,
    const Fields extends HttpApiError.ProblemExtensionFields = {}
  >(
    tag: Tag,
    options: {
      readonly status: Status
      readonly title: string
      readonly fields?: Fields
      readonly detail?: (fields: Schema.Struct.Type<Fields>) => string
    }
  ): HttpApiError.ProblemClass<Self, Tag, ProblemType<Tag>, Status, WithCode<Tag, Fields>, {}> => {
    // oxlint-disable-next-line typescript/no-explicit-any -- a class with computed fields has no name in the type system
    const Base: any = HttpApiError.Problem<any>()(
      tag,
      { type: `urn:mall:problem:${tag}`, status: options.status, title: options.title },
      { ...options.fields, code: Schema.tag(tag) }
    )
    if (options.detail === undefined) return Base
    const detail: (fields: Schema.Struct.Type<Fields>) => string = options.detail
    // The sentence is made from the fields once, when the error is made; a decoded error keeps the one it came with.
    return class extends Base {
      constructor(fields: Schema.Struct.Type<Fields>, ...rest: ReadonlyArray<unknown>) {
        super({ detail: detail(fields), ...fields }, ...rest)
      }
    } as never
  }
