import { formatMajor } from "@mall/domain/kernel/Currency"
import type { Locale } from "@mall/domain/identity/User"
import type { Purpose } from "@mall/domain/ledger/Transfer"
import type { MerchantMoneyMail } from "@mall/domain/merchants/MerchantTopics"
import type { Letter } from "./merchantMail.ts"

type About = MerchantMoneyMail["about"]
type AccountNews = Extract<About, { readonly _tag: "PayoutAccount" }>["news"]
type Settled = Extract<About, { readonly _tag: "Settlement" }>["news"]
type Letters = Readonly<Record<Locale, Letter>>

const accountLetters = ({ currency, maskedNumber, what }: AccountNews): Letters =>
  what === "added"
    ? {
        zh: {
          subject: "新增收款账户",
          text: `您的店铺添加了 ${currency} 收款账户 ${maskedNumber}，核实后即可收款。若非本人操作，请立即联系我们。`
        },
        en: {
          subject: "A bank account was added",
          text:
            `The account ${maskedNumber} was added for ${currency}. Once it is verified your money goes there. ` +
            `If it was not you, tell us at once.`
        }
      }
    : {
        zh: {
          subject: "收款账户已启用",
          text: `${currency} 款项从现在起汇入账户 ${maskedNumber}。若非本人操作，请立即联系我们。`
        },
        en: {
          subject: "A bank account is in use",
          text: `From now on your ${currency} goes to the account ${maskedNumber}. If it was not you, tell us at once.`
        }
      }

const purposes: Readonly<Record<Locale, Readonly<Record<Purpose, string>>>> = {
  zh: {
    ...{ capture: "收款", surplus_capture: "重复收款", refund: "退款", surplus_refund: "重复收款退回" },
    ...{ dispute: "争议", fee: "手续费", settlement: "结算", reserve: "保证金", reserve_release: "保证金释放" },
    ...{ payout: "付款", payout_return: "退回付款", conversion: "兑换", adjustment: "调整" }
  },
  en: {
    ...{ capture: "payments", surplus_capture: "paid twice", refund: "refunds" },
    ...{ surplus_refund: "given back of what was paid twice", dispute: "disputes", fee: "fees" },
    ...{ settlement: "settlements", reserve: "reserves", reserve_release: "released reserves", payout: "pay-outs" },
    ...{ payout_return: "returned pay-outs", conversion: "exchanges", adjustment: "corrections" }
  }
}

const words = {
  zh: { carriedIn: "上期结转", net: "净额", reserve: "保证金", carriedOut: "结转下期", settled: "本期结算" },
  en: {
    ...{ carriedIn: "carried in", net: "net", reserve: "held back", carriedOut: "carried into the next" },
    settled: "settled"
  }
}

const settlementText = (locale: Locale, message: Settled) => {
  const amount = (units: number) => `${formatMajor(units, message.currency)} ${message.currency}`
  const word = words[locale]
  const rows: ReadonlyArray<readonly [string, number]> = [
    [word.carriedIn, message.carriedIn],
    ...message.lines.map(({ added, purpose, taken }) => [purposes[locale][purpose], added - taken] as const),
    [word.net, message.net],
    [word.reserve, message.reserve],
    [word.carriedOut, message.carriedOut],
    [word.settled, message.settled]
  ]
  return rows.map(([name, units]) => `${name}: ${amount(units)}`).join("\n")
}

const settlementLetters = (message: Settled): Letters => {
  const sum = `${formatMajor(message.settled, message.currency)} ${message.currency}`
  const until = message.cutOff.toISOString()
  return {
    zh: {
      subject: `结算单 ${sum}`,
      text: `截至 ${until} 的结算单 ${message.id}：\n\n${settlementText("zh", message)}`
    },
    en: {
      subject: `Settlement of ${sum}`,
      text: `The settlement ${message.id} up to ${until}:\n\n${settlementText("en", message)}`
    }
  }
}

/** What is written about a merchant's money, in each language. */
export const lettersOf = (about: About): Letters =>
  about._tag === "PayoutAccount" ? accountLetters(about.news) : settlementLetters(about.news)
