import { Schema } from "effect"

/** Rows as one JSON parameter: the statement's text, and so its plan, is the same for any number of them. */
export const rowsJson = <S extends Schema.Codec<unknown, unknown>>(row: S) =>
  Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Schema.Array(row))))
