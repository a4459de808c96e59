import type { BillFormat } from "@mall/domain/treasury/Bill"
import type { BillContext, BillParser } from "./BillParser.ts"
import * as stripeBill from "./stripeBill.ts"
import * as wechatPayBill from "./wechatPayBill.ts"

/** A parser for each format, a new one for each bill. */
export const billParsers: Readonly<Record<BillFormat, (context: BillContext) => BillParser>> = {
  wechatpay_trade: wechatPayBill.make,
  stripe_balance: stripeBill.make
}
