import { Schema } from "effect"
import { PlainText } from "./PlainText.ts"

/** A text in the languages of the mall; each may be empty where a seller gives only one. */
export const LocalizedText = Schema.Struct({
  zh: PlainText(500),
  en: PlainText(500)
}).annotate({ identifier: "LocalizedText" })
export type LocalizedText = typeof LocalizedText.Type
