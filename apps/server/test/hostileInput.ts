export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/** Part of every text below: an answer that refuses must not repeat what it was given. */
export const marker = "Marker7f3a"

/** What no field expects, and what has broken other programs. */
export const hostileValues: ReadonlyArray<Json> = [
  null,
  true,
  -1,
  0.5,
  2 ** 53 + 2,
  1e308,
  "",
  [],
  {},
  [[{ [marker]: marker }]],
  `nul\u0000${marker}`,
  `surrogate\ud800${marker}`,
  `'; DROP TABLE trade.orders; -- ${marker}`,
  `\${${marker}}%s%n../../etc/passwd\r\nx-injected: 1`,
  marker.repeat(2000)
]

const isObject = (json: Json): json is { readonly [key: string]: Json } =>
  typeof json === "object" && json !== null && !Array.isArray(json)

const isArray = (json: Json): json is ReadonlyArray<Json> => Array.isArray(json)

const without = (json: { readonly [key: string]: Json }, key: string) =>
  Object.fromEntries(Object.entries(json).filter(([name]) => name !== key))

/** Every form of `json` in which one part is missing, hostile, or accompanied by what does not belong there. */
export const spoil = (json: Json): ReadonlyArray<Json> => {
  if (isObject(json)) {
    return [
      ...hostileValues,
      { ...json, [`extra ${marker}`]: marker },
      ...Object.entries(json).flatMap(([key, part]) => [
        without(json, key),
        ...spoil(part).map((spoiled) => ({ ...json, [key]: spoiled }))
      ])
    ]
  }
  if (isArray(json)) {
    const [first] = json
    return [
      ...hostileValues,
      ...(first === undefined ? [] : [Array.from({ length: 2000 }, () => first), ...spoil(first).map((part) => [part])])
    ]
  }
  return hostileValues
}

/** Bodies that are no JSON, or JSON that parsers dislike. */
export const malformedBodies: ReadonlyArray<string> = [
  "{",
  `{"${marker}":`,
  "not json",
  "\u0000",
  "{'single': 'quotes'}",
  `{"a":1e999,"a":NaN}`,
  "[".repeat(20_000),
  "\ufeff{}x"
]

/** `{"??":1}` with two bytes that are no UTF-8. */
export const invalidUtf8 = new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])

/** Valid JSON that no endpoint takes. */
export const wrongBodies: ReadonlyArray<string> = ["null", "42", `"${marker}"`, "[]", "true", "[{}]"]

/** What stands in a path where an id belongs. */
export const hostileSegments: ReadonlyArray<string> = [
  "abc",
  "0",
  "-1",
  "null",
  "%00",
  "%ED%A0%80",
  "%FF",
  "%ZZ",
  "%2e%2e%2f",
  encodeURIComponent("' OR 1=1 --"),
  "019a0000-0000-4000-8000-000000000000",
  "x".repeat(3000)
]

/** What stands in a query where something else belongs. */
export const hostileQueryValues: ReadonlyArray<string> = [
  "",
  "abc",
  "-1",
  "0",
  "101",
  "1e3",
  "99999999999999999999",
  "%00",
  "%ED%A0%80",
  "%FF",
  "%ZZ",
  encodeURIComponent("'; DROP TABLE catalog.products; --"),
  "x".repeat(3000)
]
