import { formatMajor } from "@mall/domain/kernel/Currency"
import type { Money } from "@mall/domain/kernel/Money"

export const languages = ["zh", "en"] as const
export type Language = (typeof languages)[number]

/** Every sentence of the cashier, in both languages. */
const texts = {
  title: { zh: "收银台", en: "Checkout" },
  amount: { zh: "应付金额", en: "Amount due" },
  order: { zh: "订单", en: "Order" },
  payBefore: { zh: "请于此前支付", en: "Pay before" },
  choose: { zh: "请选择支付方式", en: "Choose how to pay" },
  pay: { zh: "去支付", en: "Pay" },
  again: { zh: "继续支付", en: "Continue payment" },
  otherWay: { zh: "换一种支付方式", en: "Pay another way" },
  scan: { zh: "请用手机扫描二维码支付", en: "Scan this code with your phone to pay" },
  go: { zh: "前往支付页面", en: "Go on to pay" },
  goHint: { zh: "支付完成后请回到本页。", en: "Come back to this page when you have paid." },
  asking: { zh: "正在向支付渠道确认，请稍候。", en: "We are asking the payment channel. One moment." },
  waiting: { zh: "等待支付结果，本页会自动更新。", en: "Waiting for your payment; this page updates by itself." },
  succeeded: { zh: "支付成功", en: "Paid" },
  refunded: { zh: "已退款", en: "Refunded" },
  canceled: { zh: "支付已取消", en: "This payment was canceled" },
  expired: { zh: "支付时间已过", en: "The time to pay is over" },
  failed: { zh: "上一次支付没有成功，没有扣款。", en: "The last try did not work. Nothing was taken." },
  declined: {
    zh: "支付渠道拒绝了这次支付，没有扣款。请换一种方式。",
    en: "The payment was declined. Nothing was taken. Try another way."
  },
  unavailable: {
    zh: "该支付渠道暂时不可用，没有扣款。",
    en: "That way to pay is not available now. Nothing was taken."
  },
  undecided: {
    zh: "支付渠道还没有明确答复，请稍候再试。",
    en: "The payment channel has not answered clearly yet. Try again in a moment."
  },
  refused: { zh: "此付款无法受理。", en: "This payment is refused." },
  challenged: {
    zh: "请先登录商城再付款，或换一种支付方式。",
    en: "Please sign in to the shop and pay there, or choose another way to pay."
  },
  inReview: {
    zh: "付款正在审核中，请稍后再试。",
    en: "This payment is being reviewed. Please try again later."
  },
  underpaid: {
    zh: "到账金额不足，请把差额付到同一地址。逾期未付足的，已到账部分会退回。",
    en: "Less came than is due. Pay the rest to the same address; what came is returned if the rest does not come in time."
  },
  received: { zh: "已到账", en: "Received" },
  missing: { zh: "还差", en: "Missing" },
  payTo: { zh: "收款地址", en: "Address" },
  needsScript: {
    zh: "银行卡信息由支付机构的页面脚本收集，需要启用 JavaScript。请启用后重新打开本页，或换一种支付方式。",
    en: "The card form needs JavaScript. Switch it on and open this page again, or pay another way."
  },
  formMissing: {
    zh: "支付机构的页面没有加载成功。请刷新本页，或换一种支付方式。",
    en: "The card form could not be loaded. Reload this page, or pay another way."
  },
  formFailed: {
    zh: "这次支付没有成功。请检查后再试，或换一种支付方式。",
    en: "That did not work. Check what you entered and try again, or pay another way."
  },
  notOffered: { zh: "不能用这种方式支付。", en: "This payment cannot be made that way." },
  noWay: { zh: "目前没有可用的支付方式，请联系商家。", en: "There is no way to pay now. Please ask the shop." },
  back: { zh: "返回商家", en: "Back to the shop" },
  ticketTitle: { zh: "链接已失效", en: "This link is no longer good" },
  ticketText: {
    zh: "支付链接只能使用一次，且几分钟后失效。请回到商家页面重新打开收银台。",
    en: "A payment link works once and for a few minutes. Go back to the shop and open the checkout again."
  },
  switchTo: { zh: "English", en: "中文" }
} as const satisfies Record<string, Record<Language, string>>

export type TextKey = keyof typeof texts

export const textsOf =
  (language: Language) =>
  (key: TextKey): string =>
    texts[key][language]

const channelNames: Readonly<Record<string, Record<Language, string>>> = {
  wechatpay: { zh: "微信支付", en: "WeChat Pay" },
  wechatpay_v2: { zh: "微信支付", en: "WeChat Pay" },
  alipay: { zh: "支付宝", en: "Alipay" },
  paypal: { zh: "PayPal", en: "PayPal" },
  stripe: { zh: "银行卡", en: "Card" },
  crypto: { zh: "USDC 稳定币", en: "USDC" }
}

const methodNames: Readonly<Record<string, Record<Language, string>>> = {
  native: { zh: "扫码", en: "scan a code" },
  precreate: { zh: "扫码", en: "scan a code" },
  page: { zh: "网页", en: "on its page" },
  usdc: { zh: "链上转账", en: "transfer on the chain" }
}

/** What a way to pay is called; an unknown one by its ids. */
export const wayName = (language: Language, channel: string, method: string) => {
  const name = channelNames[channel]?.[language] ?? channel
  const way = methodNames[method]?.[language]
  return way === undefined ? name : `${name} · ${way}`
}

/** The language that a browser prefers, of those that there are; Chinese where it says nothing of either. */
export const preferred = (asked: string | undefined, acceptLanguage: string | undefined): Language => {
  const chosen = languages.find((language) => language === asked)
  if (chosen !== undefined) return chosen
  for (const part of (acceptLanguage ?? "").split(",")) {
    const tag = part.trim().slice(0, 2).toLowerCase()
    const found = languages.find((language) => language === tag)
    if (found !== undefined) return found
  }
  return "zh"
}

/** The amount as people write it. */
export const amountText = (language: Language, { amount, currency }: Money) => {
  const [whole = "", fraction] = formatMajor(amount, currency).split(".")
  const grouped = whole.replaceAll(/\B(?=(\d{3})+(?!\d))/g, ",")
  const number = fraction === undefined ? grouped : `${grouped}.${fraction}`
  return language === "zh" && currency === "CNY" ? `¥${number}` : `${currency} ${number}`
}

/** A time in the house's own zone, which the page names. */
export const timeText = (language: Language, at: Date) =>
  new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", {
    dateStyle: "medium",
    timeStyle: "short",
    timeZone: "Asia/Shanghai"
  }).format(at) + (language === "zh" ? "（北京时间）" : " (Beijing time)")
