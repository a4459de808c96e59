import { Effect, Option, Schema, Sink, Stream } from "effect"
import type { BillTerms, ChannelBill } from "../Channel.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure, fromNetwork } from "../channelFailure.ts"
import { parseFlatXml } from "./flatXml.ts"
import type { WechatPayV2Client } from "./WechatPayV2Client.ts"
import type { WechatPayV2Settings } from "./WechatPayV2Config.ts"

/** What is said in the place of a bill. It is not signed, and so believed in nothing but that there is no bill now. */
const Refusal = Schema.Struct({
  return_code: Schema.Literal("FAIL"),
  return_msg: Schema.String.check(Schema.isMaxLength(128))
})
const decodeRefusal = Schema.decodeUnknownEffect(Refusal)

// midnight of Beijing
export const wechatPayV2BillTerms: BillTerms = { format: "wechatpay_trade", offsetMinutes: 480 }
const longestRefusal = 4_096
const unreadable = fromNetwork("UNREADABLE_ANSWER")

const isXml = (start: Uint8Array) => /^\s*<xml>/.test(new TextDecoder().decode(start.subarray(0, 16)))

/** A sentence of the platform as a code of ours: `No Bill Exist` is `NO_BILL_EXIST`. */
const codeOf = (sentence: string) =>
  sentence
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, "_")
    .slice(0, 64)

const isEmptyDay = ({ reason }: ChannelError) => reason.code === "NO_BILL_EXIST"

const refusedBy = Effect.fnUntraced(function* (xml: Stream.Stream<Uint8Array, ChannelError>) {
  const text = yield* xml.pipe(
    Stream.limitBytes(longestRefusal, () => Stream.fail(unreadable)),
    Stream.decodeText(),
    Stream.mkString
  )
  const { return_msg } = yield* parseFlatXml(text, "xml").pipe(
    Effect.flatMap(decodeRefusal),
    Effect.mapError(() => unreadable)
  )
  return yield* channelFailure("notSent", codeOf(return_msg))
})

/**
 * The trade bill of the account, asked for with our signature. The platform signs neither the bill nor why there is none: what
 * it is worth is what TLS says of its host, and that its sums are those of its lines.
 */
export const wechatPayV2Bill = (
  { mchid }: WechatPayV2Settings,
  { download }: Pick<WechatPayV2Client, "download">
): ChannelBill => ({
  ...wechatPayV2BillTerms,
  account: mchid,
  download: Effect.fnUntraced(
    function* ({ day }) {
      const bytes = yield* download({
        path: "pay/downloadbill",
        fields: { bill_date: day.replaceAll("-", ""), bill_type: "ALL" }
      })
      const [first, rest] = yield* Stream.peel(bytes, Sink.head())
      if (Option.isNone(first)) return yield* unreadable
      const whole = Stream.concat(Stream.make(first.value), rest)
      return isXml(first.value) ? yield* refusedBy(whole) : Option.some(whole)
    },
    Effect.catchIf(isEmptyDay, () => Effect.succeedNone)
  )
})
