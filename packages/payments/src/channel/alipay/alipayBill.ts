import { Effect, Option, Schema } from "effect"
import type { BillTerms, ChannelBill } from "../Channel.ts"
import type { ChannelError } from "../ChannelError.ts"
import { fromNetwork } from "../channelFailure.ts"
import type { AlipayClient } from "./AlipayClient.ts"
import type { AlipaySettings } from "./AlipayConfig.ts"
import { unpackBill } from "./billArchive.ts"

const BillAnswer = Schema.Struct({ billDownloadUrl: Schema.String.check(Schema.isMaxLength(4096)) })

// midnight of Beijing
export const alipayBillTerms: BillTerms = { format: "alipay_trade", offsetMinutes: 480 }

/** Alipay has no bill of a day on which nothing happened, or has not written it yet. */
const isEmptyDay = ({ reason }: ChannelError) => reason.code === "isp.bill_not_exist"

/** The file at the host that bills are at, and always by TLS there, though Alipay names it without. */
const fileAt = (origin: string, address: string): Effect.Effect<string, ChannelError> => {
  const ours = URL.parse(origin)
  const given = URL.parse(address)
  return ours === null || given === null || given.host !== ours.host
    ? Effect.fail(fromNetwork("BILL_AT_ANOTHER_HOST"))
    : Effect.succeed(new URL(`${given.pathname}${given.search}`, ours).href)
}

/** The business details of the account: an address that Alipay signs and that lasts for half a minute, and an archive at it. */
export const alipayBill = (
  { billOrigin, sellerId }: AlipaySettings,
  { call, download }: Pick<AlipayClient, "call" | "download">
): ChannelBill => ({
  ...alipayBillTerms,
  account: sellerId,
  download: Effect.fnUntraced(
    function* ({ day }) {
      const { billDownloadUrl } = yield* call({
        operation: "bill",
        method: "alipay.data.dataservice.bill.downloadurl.query",
        bizContent: { bill_type: "trade", bill_date: day },
        answer: BillAnswer
      })
      return Option.some(unpackBill(yield* download(yield* fileAt(billOrigin, billDownloadUrl))))
    },
    Effect.catchIf(isEmptyDay, () => Effect.succeedNone)
  )
})
