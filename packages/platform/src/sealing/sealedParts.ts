import { Effect, Option, Schema } from "effect"
import type { PersonalDataKeys } from "./PersonalDataKeys.ts"
import { openRow } from "./PersonalDataTable.ts"
import type { PersonalDataTable, SealedRow } from "./PersonalDataTable.ts"

const Texts = Schema.fromJsonString(Schema.Record(Schema.String, Schema.NullOr(Schema.String)))
type Texts = typeof Texts.Type

const decode = Schema.decodeOption(Texts)
const encode = Schema.encodeSync(Texts)

const given = (texts: Texts): Texts => Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== null))

/** Several parts of a row that are sealed together: opened once, and as one. */
export interface SealedParts<Parts> {
  readonly text: (parts: Parts) => string
  /** What was sealed, and over it what stands in the clear: whatever wrote that knew of nothing sealed. */
  readonly read: (sealed: string | null, clear?: Partial<Parts>) => Parts
  /** The same as a text to seal, where what is in the clear is one. */
  readonly merge: (sealed: string | null, clear: string) => string
}

/** `none` has every part as null. A row of before may have sealed one part only, `alone`, which then is all of its text. */
export const sealedParts = <Parts extends Texts>(none: Parts, alone?: keyof Parts & string): SealedParts<Parts> => {
  const textsIn = (sealed: string | null): Texts => {
    if (sealed === null) return {}
    const texts = Option.getOrUndefined(decode(sealed))
    if (texts !== undefined) return texts
    if (alone === undefined) throw new Error("What was sealed is no record")
    return { [alone]: sealed }
  }
  return {
    text: (parts) => encode(parts),
    read: (sealed, clear = {}) => ({ ...none, ...given(textsIn(sealed)), ...given({ ...none, ...clear }) }),
    merge: (sealed, clear) => encode({ ...none, ...given(textsIn(sealed)), ...given(textsIn(clear)) })
  }
}

/** The parts of a row, opened once. What cannot be opened is a defect. */
export const openParts = <Parts>(
  keys: PersonalDataKeys["Service"],
  table: PersonalDataTable,
  parts: SealedParts<Parts>,
  row: SealedRow,
  clear: Partial<Parts>
) => Effect.map(openRow(keys, table, row), (sealed) => parts.read(sealed, clear))
