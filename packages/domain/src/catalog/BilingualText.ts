import { Schema } from "effect"
import { PlainText } from "../kernel/PlainText.ts"

/** A text that is shown, in at least one of the languages of the mall: the other may be empty. */
export const BilingualText = (maxLength: number) =>
  Schema.Struct({ zh: PlainText(maxLength), en: PlainText(maxLength) }).check(
    Schema.makeFilter(({ zh, en }) => zh.trim() !== "" || en.trim() !== "" || "needs a text in zh or in en")
  )
