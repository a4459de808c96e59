import type { BillLine } from "@mall/domain/treasury/Bill"
import { Option, Result, Schema } from "effect"
import type { BillParser } from "./BillParser.ts"
import { lineParser, malformed } from "./lines.ts"

const End = Schema.Struct({ object: Schema.Literal("end"), count: Schema.Int })
const decodeEnd = Schema.decodeUnknownOption(Schema.fromJsonString(End))

/** What is known of a line besides its number. */
export type Told = Omit<BillLine, "line">

/**
 * A parser of bills that are an object a line, and a last line that says how many there were. `noun` is what an object is;
 * `tell` says what one means, or why it is refused.
 */
export const objectLines = <A>(
  noun: string,
  schema: Schema.Codec<A, unknown>,
  tell: (object: A) => Result.Result<Told, string>
): BillParser => {
  const decode = Schema.decodeUnknownOption(Schema.fromJsonString(schema))
  let isEnded = false
  let count = 0
  return lineParser(
    (text, number, keep) => {
      if (isEnded) return malformed(number, "there is something behind the end")
      const object = decode(text)
      if (Option.isSome(object)) {
        const told = tell(object.value)
        if (Result.isFailure(told)) return malformed(number, told.failure)
        count += 1
        keep({ line: number, ...told.success })
        return undefined
      }
      const end = decodeEnd(text)
      if (Option.isNone(end)) return malformed(number, `it is no ${noun}`)
      isEnded = true
      return end.value.count === count ? undefined : malformed(number, `there are ${count}, not ${end.value.count}`)
    },
    () => isEnded
  )
}
