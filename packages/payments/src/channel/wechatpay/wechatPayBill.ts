import { BillMalformed } from "@mall/domain/treasury/ReconciliationError"
import { Effect, Option, Schema, Stream } from "effect"
import { createHash } from "node:crypto"
import type { BillTerms, ChannelBill } from "../Channel.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure } from "../channelFailure.ts"
import type { WechatPayClient } from "./WechatPayClient.ts"
import type { WechatPaySettings } from "./WechatPayConfig.ts"

const BillAnswer = Schema.Struct({
  hash_type: Schema.Literal("SHA1"),
  hash_value: Schema.String.check(Schema.isPattern(/^[0-9a-fA-F]{40}$/)),
  download_url: Schema.String.check(Schema.isMaxLength(2048))
})

// midnight of Beijing
export const wechatPayBillTerms: BillTerms = { format: "wechatpay_trade", offsetMinutes: 480 }

/** The channel has no bill of a day on which nothing happened. */
const isEmptyDay = ({ reason }: ChannelError) => reason.code === "NO_STATEMENT_EXIST"

type BillFile = Parameters<WechatPayClient["download"]>[0]

/** The file below our address, so that no answer leads us to another host with our signature. */
const fileBelow = (base: string, address: string): Effect.Effect<BillFile, ChannelError> => {
  const ours = URL.parse(base)
  const given = URL.parse(address)
  if (ours === null || given === null || given.origin !== ours.origin || !given.pathname.startsWith(ours.pathname)) {
    return Effect.fail(channelFailure("unknown", "BILL_AT_ANOTHER_HOST"))
  }
  return Effect.succeed({
    path: given.pathname.slice(ours.pathname.length),
    query: Object.fromEntries(given.searchParams)
  })
}

/** The bytes, which fail at their end where their hash is not the one that was announced. */
const checked = <E>(bytes: Stream.Stream<Uint8Array, E>, expected: string) =>
  Stream.suspend(() => {
    const hash = createHash("sha1")
    const check = Effect.suspend(() =>
      hash.digest("hex") === expected.toLowerCase()
        ? Effect.void
        : Effect.fail(new BillMalformed({ line: 0, reason: "its bytes have another hash than the channel announced" }))
    )
    return bytes.pipe(
      Stream.tap((part) => Effect.sync(() => hash.update(part))),
      Stream.concat(Stream.drain(Stream.fromEffect(check)))
    )
  })

/** The trade bill of the account: asked for with our signature, announced with the platform's, fetched and compared. */
export const wechatPayBill = (
  { baseUrl, mchid }: WechatPaySettings,
  { call, download }: WechatPayClient
): ChannelBill => ({
  ...wechatPayBillTerms,
  account: mchid,
  download: Effect.fnUntraced(
    function* ({ day }) {
      const { download_url, hash_value } = yield* call({
        operation: "bill",
        method: "get",
        path: `bill/tradebill?bill_date=${day}&bill_type=ALL`,
        answer: BillAnswer
      })
      const bytes = yield* download(yield* fileBelow(baseUrl, download_url))
      return Option.some(checked(bytes, hash_value))
    },
    Effect.catchIf(isEmptyDay, () => Effect.succeedNone)
  )
})
