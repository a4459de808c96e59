import { assert, describe, it } from "@effect/vitest"
import { unpackBill } from "../../src/channel/alipay/billArchive.ts"
import { encodeGbk } from "@mall/sandbox/alipay/gbk"
import { Effect, Schema, Stream } from "effect"
import { Zip } from "effect/encoding"

const details = "#支付宝业务明细查询\r\n#账号：[2088]\r\n交易,茶\r\n"
const summary = "#支付宝业务汇总查询\r\n合计\r\n"

const archiveOf = (entries: Parameters<typeof Zip.file>[]) =>
  Stream.fromIterable(entries.map((entry) => Zip.file(...entry))).pipe(
    Stream.pipeThroughChannel(Zip.encode()),
    Stream.runCollect,
    Effect.map((parts) => Buffer.concat([...parts]))
  )

const usual = archiveOf([
  ["2088_details.csv", encodeGbk(details)],
  ["2088_summary.csv", encodeGbk(summary)]
])

const inPieces = (bytes: Uint8Array, length: number) =>
  Stream.fromIterable(
    Array.from({ length: Math.ceil(bytes.length / length) }, (_, index) =>
      bytes.slice(index * length, (index + 1) * length)
    )
  )

const unpack = (bytes: Uint8Array, options: { readonly length?: number; readonly largest?: number } = {}) =>
  unpackBill(inPieces(bytes, options.length ?? 1_000), options.largest).pipe(Stream.decodeText(), Stream.mkString)

const refusalOf = (bytes: Uint8Array, largest?: number) =>
  Effect.map(
    Effect.flip(unpack(bytes, largest === undefined ? {} : { largest })),
    ({ line, reason }) => `${line}: ${reason}`
  )

const Lines = Schema.Array(Schema.Literals(["交易,茶叶", "a", "退款 ￥，（元）", ""])).check(Schema.isMaxLength(40))
const Length = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))

describe("The archive of Alipay's bill", () => {
  it.effect.prop(
    "holds what was written, however it is cut into pieces",
    { lines: Lines, length: Length },
    ({ length, lines }) =>
      Effect.gen(function* () {
        const text = `${details}${lines.map((line) => `${line}\r\n`).join("")}`
        const bytes = yield* archiveOf([
          ["1.csv", encodeGbk(summary)],
          ["2.csv", encodeGbk(text)]
        ])
        assert.strictEqual(yield* unpack(bytes, { length }), text)
      })
  )

  it.effect("is read stored as well as deflated", () =>
    Effect.gen(function* () {
      const bytes = yield* archiveOf([["1.csv", encodeGbk(details), { method: "Store" }]])
      assert.strictEqual(yield* unpack(bytes), details)
    })
  )

  it.effect("is refused wherever a byte of its files is another one, or it is cut off", () =>
    Effect.gen(function* () {
      const whole = yield* archiveOf([["1.csv", encodeGbk(details), { method: "Store" }]])
      const start = Buffer.from(whole).indexOf("1.csv") + 5
      const end = Buffer.from(whole).indexOf("PK\u0001\u0002")
      for (let at = start + 20; at < end; at++) {
        const changed = Uint8Array.from(whole, (byte, index) => (index === at ? byte ^ 1 : byte))
        assert.match(yield* refusalOf(changed), /^\d+: /, `changed at ${at}`)
      }
      for (let length = 1; length < end; length++) {
        assert.match(yield* refusalOf(whole.subarray(0, length)), /^0: the archive /, `cut off at ${length}`)
      }
    })
  )

  it.effect("is refused with a wrong check sum", () =>
    Effect.gen(function* () {
      const bytes = Uint8Array.from(yield* usual)
      // the check sum stands in the local header
      bytes[14] = (bytes[14] ?? 0) ^ 1
      assert.strictEqual(yield* refusalOf(bytes), "0: the archive is damaged: Checksum")
    })
  )

  it.effect("is refused where it unpacks to more than a bill can be", () =>
    Effect.gen(function* () {
      const bomb = yield* archiveOf([["1.csv", encodeGbk(`${details}${"茶\r\n".repeat(400_000)}`)]])
      assert.isBelow(bomb.length, 20_000)
      assert.strictEqual(yield* refusalOf(bomb, 1_000_000), "0: the archive unpacks to more than 1000000 bytes")
      const hidden = yield* archiveOf([
        ["1.csv", encodeGbk(details)],
        ["2.csv", encodeGbk(`${summary}${"茶\r\n".repeat(400_000)}`)]
      ])
      assert.match(yield* refusalOf(hidden, 1_000_000), /unpacks to more/)
      const endless = yield* archiveOf([["1.csv", encodeGbk(`${details}${"茶".repeat(200_000)}`)]])
      assert.strictEqual(yield* refusalOf(endless), "4: it has no end")
    })
  )

  it.effect("is refused with the number of the line that is not in GBK", () =>
    Effect.gen(function* () {
      const bad = Buffer.concat([encodeGbk(details), Uint8Array.of(0x61, 0x81, 0x20, 0x0a), encodeGbk("end\r\n")])
      assert.strictEqual(yield* refusalOf(yield* archiveOf([["1.csv", bad]])), "4: it is not in GBK")
      const cut = Buffer.concat([encodeGbk(details), Uint8Array.of(0x81)])
      assert.strictEqual(yield* refusalOf(yield* archiveOf([["1.csv", cut]])), "4: it is not in GBK")
    })
  )

  it.effect("is refused with other files than those of a bill", () =>
    Effect.gen(function* () {
      const file = encodeGbk(details)
      assert.match(yield* refusalOf(yield* archiveOf([["1", encodeGbk(summary)]])), /has no details/)
      assert.match(
        yield* refusalOf(
          yield* archiveOf([
            ["1", file],
            ["2", file]
          ])
        ),
        /has the details twice/
      )
      assert.match(
        yield* refusalOf(
          yield* archiveOf([
            ["1", file],
            ["2", encodeGbk("other\n")]
          ])
        ),
        /^1: .*no part of a bill/
      )
      const many = Array.from({ length: 9 }, (_, index): [string, Uint8Array] => [
        `${index}`,
        encodeGbk(index === 0 ? details : summary)
      ])
      assert.match(yield* refusalOf(yield* archiveOf(many)), /files that no bill has/)
      assert.match(yield* refusalOf(new TextEncoder().encode("<html>Bad Gateway</html>")), /^0: the archive is damaged/)
    })
  )
})
