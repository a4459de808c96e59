import { formatMajor } from "@mall/domain/kernel/Currency"
import type { Purpose } from "@mall/domain/ledger/Transfer"
import { payoutAccountNews } from "@mall/domain/treasury/PayoutTopics"
import { SettlementSettled } from "@mall/domain/treasury/Settlement"
import * as Subscription from "@mall/platform/Subscription"
import { Layer } from "effect"
import { writeToMerchant } from "./merchantMail.ts"

type AccountNews = (typeof payoutAccountNews.schema)["Type"]
type Settled = (typeof SettlementSettled.schema)["Type"]

const accountText = ({ currency, maskedNumber, what }: AccountNews) =>
  what === "added"
    ? {
        subject: "新增收款账户 / A bank account was added",
        text:
          `您的店铺添加了 ${currency} 收款账户 ${maskedNumber}，核实后即可收款。若非本人操作，请立即联系我们。\n\n` +
          `The account ${maskedNumber} was added for ${currency}. Once it is verified your money goes there. ` +
          `If it was not you, tell us at once.`
      }
    : {
        subject: "收款账户已启用 / A bank account is in use",
        text:
          `${currency} 款项从现在起汇入账户 ${maskedNumber}。若非本人操作，请立即联系我们。\n\n` +
          `From now on your ${currency} goes to the account ${maskedNumber}. If it was not you, tell us at once.`
      }

const names: Readonly<Record<Purpose, string>> = {
  capture: "收款 payments",
  surplus_capture: "重复收款 paid twice",
  refund: "退款 refunds",
  surplus_refund: "重复收款退回 given back of what was paid twice",
  dispute: "争议 disputes",
  fee: "手续费 fees",
  settlement: "结算 settlements",
  reserve: "保证金 reserves",
  reserve_release: "保证金释放 released reserves",
  payout: "付款 pay-outs",
  payout_return: "退回付款 returned pay-outs",
  conversion: "兑换 exchanges",
  adjustment: "调整 corrections"
}

const settlementText = (message: Settled) => {
  const { carriedIn, carriedOut, currency, cutOff, lines, net, reserve, settled } = message
  const amount = (units: number) => `${formatMajor(units, currency)} ${currency}`
  const rows: ReadonlyArray<readonly [string, number]> = [
    ["上期结转 carried in", carriedIn],
    ...lines.map(({ added, purpose, taken }) => [names[purpose], added - taken] as const),
    ["净额 net", net],
    ["保证金 held back", reserve],
    ["结转下期 carried into the next", carriedOut],
    ["本期结算 settled", settled]
  ]
  return {
    subject: `结算单 / Settlement of ${amount(settled)}`,
    text: [
      `截至 ${cutOff.toISOString()} 的结算单 ${message.id} / The settlement up to that time:`,
      "",
      ...rows.map(([name, units]) => `${name}: ${amount(units)}`)
    ].join("\n")
  }
}

/** Writes to a merchant about their money: what a settlement comes to, and where it goes. The id of a mail is the message's own. */
export const subscriptions = Layer.mergeAll(
  Subscription.layer({
    topic: payoutAccountNews,
    subscriber: "merchants",
    handler: (message) =>
      writeToMerchant(message.merchantId, { id: payoutAccountNews.id(message), ...accountText(message) })
  }),
  Subscription.layer({
    topic: SettlementSettled,
    subscriber: "merchants",
    handler: (message) =>
      writeToMerchant(message.merchantId, { id: SettlementSettled.id(message), ...settlementText(message) })
  })
)
