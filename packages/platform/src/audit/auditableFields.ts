import { maskAccount, maskEmail, maskInText, maskName, maskPhone, maskText } from "@mall/domain/kernel/mask"
import { Equal, Schema } from "effect"
import { withoutSecrets } from "../telemetry/withoutSecrets.ts"

/** A record of a domain, as it stands in code. */
export type AuditedRecord = object

type Fields = Readonly<Record<string, Schema.Json>>

const Text = Schema.fromJsonString(Schema.Unknown)
const encode = Schema.encodeSync(Text)
const decode = Schema.decodeSync(Text)
const isText = Schema.is(Schema.String)
const isFields = Schema.is(Schema.Record(Schema.String, Schema.Json))

/** Personal data by the names of our own fields. A map: people name fields too, and may call one `constructor`. */
const masks: ReadonlyMap<string, (value: string) => string> = new Map([
  ["email", maskEmail],
  ["phone", maskPhone],
  ["recipient", maskName],
  ["street", maskText],
  ["postalCode", maskText],
  ["payerAccount", maskAccount],
  // an id of ours, which says nothing of a person
  ["userId", (id: string) => id]
])

const mask = (name: string, value: unknown) => (isText(value) ? masks.get(name)?.(value) : undefined)

/** The same in what people wrote, wherever it stands. */
const maskTexts = (value: Schema.Json): Schema.Json => {
  if (isText(value)) return maskInText(value)
  if (Array.isArray(value)) return value.map(maskTexts)
  if (!isFields(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, maskTexts(each)]))
}

/** What of a record may be kept: as JSON, without secrets, with masks over personal data. */
const fieldsOf = (record: AuditedRecord | null): Fields | null => {
  if (record === null) return null
  const kept = maskTexts(withoutSecrets(decode(encode(record)), mask))
  return isFields(kept) ? kept : null
}

const pick = (fields: Fields, names: ReadonlyArray<string>): Fields =>
  Object.fromEntries(names.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]] as const])))

/**
 * The fields of both records that differ; all of one where the other is null; undefined where nothing differs. What differs
 * behind its mask only is there too, looking the same.
 */
export const changedFields = (before: AuditedRecord | null, after: AuditedRecord | null) => {
  const [was, is] = [fieldsOf(before), fieldsOf(after)]
  if (before === null || after === null || was === null || is === null) return { before: was, after: is }
  const plain = [decode(encode(before)), decode(encode(after))] as const
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])]
  const changed = names.filter((name) => !Equal.equals(at(plain[0], name), at(plain[1], name)))
  return changed.length === 0 ? undefined : { before: pick(was, changed), after: pick(is, changed) }
}

const at = (record: unknown, name: string): unknown =>
  typeof record === "object" && record !== null ? Reflect.get(record, name) : undefined
