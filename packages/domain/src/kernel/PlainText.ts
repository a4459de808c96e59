import { Schema } from "effect"

/** PostgreSQL cannot hold NUL, nor a lone surrogate unchanged: both are refused at the edge instead of failing below. */
const isStorable = Schema.makeFilter(
  (text: string) => (!text.includes("\u0000") && text.isWellFormed()) || "must not contain NUL or lone surrogates"
)

/** Any text a person writes, up to `maxLength` UTF-16 units, that the database can hold as it is. */
export const PlainText = (maxLength: number) => Schema.String.check(Schema.isMaxLength(maxLength), isStorable)

/** The same, and not blank. */
export const NonBlankText = (maxLength: number) =>
  PlainText(maxLength).check(Schema.makeFilter((text: string) => text.trim() !== "" || "must not be blank"))
