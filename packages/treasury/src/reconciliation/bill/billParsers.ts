import type { BillFormat } from "@mall/domain/treasury/Bill"
import * as alipayBill from "./alipayBill.ts"
import type { BillContext, BillParser } from "./BillParser.ts"
import * as chainBill from "./chainBill.ts"
import * as paypalBill from "./paypalBill.ts"
import * as stripeBill from "./stripeBill.ts"
import * as wechatPayBill from "./wechatPayBill.ts"

/** A parser for each format, a new one for each bill. */
export const billParsers: Readonly<Record<BillFormat, (context: BillContext) => BillParser>> = {
  wechatpay_trade: wechatPayBill.make,
  alipay_trade: alipayBill.make,
  stripe_balance: stripeBill.make,
  paypal_transactions: paypalBill.make,
  chain_transfers: chainBill.make
}
