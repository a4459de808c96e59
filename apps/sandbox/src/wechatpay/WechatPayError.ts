import { Schema } from "effect"

/** An error as WeChat Pay answers it: an HTTP status and `{code, message, detail?}`. */
export class WechatPayError extends Schema.TaggedError<WechatPayError>()("WechatPayError", {
  status: Schema.Int,
  code: Schema.String,
  text: Schema.String,
  detail: Schema.optionalKey(Schema.JsonObject)
}) {
  override get message() {
    return `${this.code}: ${this.text}`
  }
}

const make = (status: number, code: string, text: string) => (detail?: Schema.JsonObject) =>
  new WechatPayError({ status, code, text, ...(detail === undefined ? {} : { detail }) })

/** The code, status and text of each error that merchants meet, as WeChat Pay documents or answers them. */
export const errors = {
  parameter: (field: string, location: "body" | "query" | "header", issue: string) =>
    make(400, "PARAM_ERROR", `参数错误: ${field} ${issue}`)({ field, location, issue }),
  missingHeader: make(400, "PARAM_ERROR", "Http头缺少Accept或User-Agent"),
  contentType: make(400, "PARAM_ERROR", "Http头Content-Type必须为application/json"),
  malformedJson: make(400, "PARAM_ERROR", "请求体不是合法的JSON"),
  authorization: make(401, "SIGN_ERROR", "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"),
  timestamp: make(401, "SIGN_ERROR", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"),
  serial: make(401, "SIGN_ERROR", "商户证书序列号有误。请使用签名私钥匹配的证书序列号"),
  signature: make(401, "SIGN_ERROR", "错误的签名，验签失败"),
  replay: make(401, "SIGN_ERROR", "Http头Authorization中的nonce_str已被使用"),
  merchantUnknown: make(400, "MCH_NOT_EXISTS", "商户号不存在"),
  merchantMismatch: make(400, "PARAM_ERROR", "请求中的商户号与签名的商户号不一致"),
  appidMismatch: make(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配"),
  orderUnknown: make(404, "ORDER_NOT_EXIST", "订单不存在"),
  orderNumberUsed: make(403, "OUT_TRADE_NO_USED", "商户订单号重复"),
  orderPaid: make(400, "ORDERPAID", "该订单已支付"),
  orderClosed: make(400, "ORDER_CLOSED", "该订单已关闭"),
  resourceUnknown: make(404, "RESOURCE_NOT_EXISTS", "查询的资源不存在"),
  certificatesUnknown: make(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥"),
  noStatement: make(400, "NO_STATEMENT_EXIST", "账单文件不存在"),
  orderNotPaid: make(400, "INVALID_REQUEST", "订单未支付，不能退款"),
  refundTotal: make(400, "INVALID_REQUEST", "订单金额与原订单不一致"),
  refundExceeds: make(400, "INVALID_REQUEST", "申请退款金额超过订单可退金额"),
  refundNumberUsed: make(400, "INVALID_REQUEST", "商户退款单号重复，且参数与原退款单不一致"),
  refundsTooMany: make(400, "INVALID_REQUEST", "一笔支付订单部分退款次数不能超过50次")
}

const usual: Readonly<Record<number, { readonly code: string; readonly text: string }>> = {
  400: { code: "PARAM_ERROR", text: "参数错误" },
  401: { code: "SIGN_ERROR", text: "错误的签名，验签失败" },
  403: { code: "RULE_LIMIT", text: "业务规则限制" },
  404: { code: "RESOURCE_NOT_EXISTS", text: "查询的资源不存在" },
  429: { code: "FREQUENCY_LIMITED", text: "频率限制，请稍后再试" },
  500: { code: "SYSTEM_ERROR", text: "系统异常，请稍后重试" }
}

/** The error that WeChat Pay answers with `status`, or one with `code` where it is given. */
export const errorOf = (status: number, code?: string) => {
  const known = usual[status] ?? { code: "SYSTEM_ERROR", text: "系统异常，请稍后重试" }
  return make(status, code ?? known.code, known.text)()
}
