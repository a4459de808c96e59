import { sealNotice } from "@mall/sandbox/wechatpay/WechatPaySignature"
import type { WechatPayKeys } from "@mall/sandbox/wechatpay/WechatPayKeys"
import { Effect } from "effect"
import { createPrivateKey, createPublicKey, randomUUID } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"

export interface SignedNotice {
  readonly headers: Record<string, string>
  readonly body: string
}

/** Signs notices as the sandbox of `dataFolder` does, so that callbacks can be measured without the sandbox. */
export const readNoticeKeys = (dataFolder: string): WechatPayKeys => {
  const file = path.join(dataFolder, "sandbox/wechatpay/platform.json")
  const identity = JSON.parse(fs.readFileSync(file, "utf8"))
  return {
    account: identity,
    merchantPublicKey: createPublicKey(identity.merchantPrivateKeyPem),
    publicKeySeal: { serial: identity.platformSerial, privateKey: createPrivateKey(identity.platformPrivateKeyPem) }
  }
}

/** The signed notice that `number` (an attempt's id without dashes) was paid in full. */
export const paidNotice = (keys: WechatPayKeys, number: string, amount: number): Promise<SignedNotice> => {
  const createdAt = new Date().toISOString()
  return Effect.runPromise(
    sealNotice(
      keys,
      keys.publicKeySeal,
      {
        id: randomUUID(),
        event: "TRANSACTION.SUCCESS",
        createdAt,
        payload: {
          appid: keys.account.appid,
          mchid: keys.account.mchid,
          out_trade_no: number,
          transaction_id: `4200${number.slice(-28)}`,
          trade_type: "NATIVE",
          trade_state: "SUCCESS",
          trade_state_desc: "支付成功",
          bank_type: "OTHERS",
          success_time: createdAt.replace(/\.\d+Z$/, "+00:00"),
          payer: { openid: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" },
          amount: { total: amount, payer_total: amount, currency: "CNY", payer_currency: "CNY" }
        }
      },
      "支付成功",
      undefined
    )
  )
}
