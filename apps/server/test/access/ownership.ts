import { missingId } from "../endpointCases.ts"
import type { Json } from "../hostileInput.ts"
import type { Belongings } from "./victims.ts"

/** How a stranger asks for what is somebody else's; or why there is nothing to ask for. */
export type Reach<A> = ((belongings: Belongings) => A) | { readonly open: string }

interface Aim {
  readonly params: Readonly<Record<string, string>>
  readonly body?: Json
}

const settlement = ({ settlementId }: Belongings) => ({ params: { id: settlementId } })
const published = { open: "anybody may look at what is for sale" }
const byTicket = { open: "who holds a ticket may pay with it; tickets have a suite of their own" }
const notice = { open: "a notice is believed for its signature; the conformance kit forges them" }
const nobodys = { open: "categories are the mall's, and only its administrators' to change" }
const provider = { open: "a provider is the mall's; what is linked is found by its owner alone" }
const onlyRead = { open: "who has the token of a guest's cart has the cart" }

const order = ({ orderId }: Belongings): Aim => ({ params: { id: orderId } })
const unpaidOrder = ({ unpaidOrderId }: Belongings): Aim => ({ params: { id: unpaidOrderId } })
const payment = ({ paymentId }: Belongings): Aim => ({ params: { id: paymentId } })
const shopPayment = ({ shopPaymentId }: Belongings): Aim => ({ params: { id: shopPaymentId } })
const ofReturn = ({ orderId, returnId }: Belongings): Aim => ({ params: { id: orderId, returnId } })
const product = ({ productId }: Belongings): Aim => ({ params: { id: productId } })
const sku = ({ productId, skuId }: Belongings): Aim => ({ params: { id: productId, skuId } })
const address = ({ addressId }: Belongings): Aim => ({ params: { id: addressId } })
const staff = ({ staffId }: Belongings): Aim => ({ params: { userId: staffId, role: "merchant" } })
const dispute = ({ disputeId }: Belongings): Aim => ({ params: { id: disputeId } })
const fxQuote = ({ fxQuoteId }: Belongings): Aim => ({ params: { id: fxQuoteId } })
const withdrawal = ({ withdrawalId }: Belongings): Aim => ({ params: { id: withdrawalId } })
const application = ({ applicationId }: Belongings): Aim => ({ params: { id: applicationId } })
const cartLine = { open: "a cart is found by its owner alone: the SKU is anybody's" }

/** One for each endpoint with a parameter or with somebody's id in its body. */
export const endpointReach: Readonly<Record<string, Reach<Aim>>> = {
  "DELETE /api/v1/users/me/sessions/:id": ({ sessionId }) => ({ params: { id: sessionId } }),
  "GET /api/v1/users/me/addresses/:id": address,
  "PUT /api/v1/users/me/addresses/:id": address,
  "DELETE /api/v1/users/me/addresses/:id": address,
  "GET /api/v1/products/:id": published,
  "PATCH /api/v1/products/:id": (all) => ({ ...product(all), body: { title: { zh: "偷", en: "stolen" } } }),
  "DELETE /api/v1/products/:id": product,
  "POST /api/v1/products/:id/publish": product,
  "POST /api/v1/products/:id/unpublish": product,
  "POST /api/v1/products/:id/skus": product,
  "PATCH /api/v1/products/:id/skus/:skuId": sku,
  "DELETE /api/v1/products/:id/skus/:skuId": sku,
  "PUT /api/v1/products/:id/skus/:skuId/stock": sku,
  "GET /api/v1/categories/:id": nobodys,
  "PATCH /api/v1/categories/:id": nobodys,
  "DELETE /api/v1/categories/:id": nobodys,
  "GET /demo/images/:name": published,
  "PATCH /api/v1/cart/items/:skuId": cartLine,
  "DELETE /api/v1/cart/items/:skuId": cartLine,
  "POST /api/v1/cart/merge": onlyRead,
  "POST /api/v1/checkout": ({ addressId, skuId }) => ({
    params: {},
    body: { items: [{ skuId, quantity: 1 }], addressId }
  }),
  "GET /api/v1/orders/:id": order,
  "PATCH /api/v1/orders/:id": unpaidOrder,
  "POST /api/v1/orders/:id/cancel": unpaidOrder,
  "POST /api/v1/orders/:id/ship": order,
  "POST /api/v1/orders/:id/deliver": order,
  "POST /api/v1/orders/:id/confirm-receipt": order,
  "POST /api/v1/orders/:id/returns": order,
  "GET /api/v1/orders/:id/returns": order,
  "GET /api/v1/orders/:id/returns/:returnId": ofReturn,
  "POST /api/v1/orders/:id/returns/:returnId/cancel": ofReturn,
  "POST /api/v1/orders/:id/returns/:returnId/approve": ofReturn,
  "POST /api/v1/orders/:id/returns/:returnId/reject": ofReturn,
  "POST /api/v1/orders/:id/returns/:returnId/receive": ofReturn,
  "POST /api/v1/orders/:id/returns/:returnId/refund": ofReturn,
  "GET /api/v1/payments/:id": shopPayment,
  "POST /api/v1/payments/:id/confirm": payment,
  "POST /api/v1/payments/:id/cancel": payment,
  "POST /api/v1/payments/:id/resume": payment,
  "POST /api/v1/payments/:id/refunds": shopPayment,
  "GET /api/v1/payments/:id/refunds": shopPayment,
  "GET /api/v1/payments/:id/refunds/:refundId": ({ refundId, shopPaymentId }) => ({
    params: { id: shopPaymentId, refundId }
  }),
  "PUT /api/v1/payments/:id/cancel-at": payment,
  "POST /api/v1/payments/:id/tickets": payment,
  "GET /pay/:ticket": byTicket,
  "POST /pay/:ticket": byTicket,
  "GET /pay/:ticket/status": byTicket,
  "GET /api/v1/payments/:id/status": shopPayment,
  "GET /api/v1/payments/disputes/:id": dispute,
  "POST /api/v1/payments/disputes/:id/evidence": dispute,
  "POST /api/v1/payments/disputes/:id/submit": dispute,
  "POST /api/v1/payments/disputes/:id/accept": dispute,
  "POST /api/h5/payments": ({ paymentReference }) => ({
    params: {},
    body: { orderNo: paymentReference, channel: "wechatpay" }
  }),
  "GET /api/h5/orders/:orderNo/status": ({ paymentReference }) => ({ params: { orderNo: paymentReference } }),
  "POST /api/h5/payments/:orderNo/resume": ({ paymentReference }) => ({ params: { orderNo: paymentReference } }),
  "POST /api/v1/merchants/me/api-keys/:id/rotate": ({ apiKeyId }) => ({ params: { id: apiKeyId } }),
  "POST /api/v1/merchants/me/api-keys/:id/revoke": ({ apiKeyId }) => ({ params: { id: apiKeyId } }),
  "GET /api/v1/auth/oidc/:provider": provider,
  "GET /api/v1/auth/oidc/:provider/callback": provider,
  "POST /api/v1/users/me/identities/:provider": provider,
  "DELETE /api/v1/users/me/identities/:provider": provider,
  "POST /api/v1/merchant/staff/:userId/roles": staff,
  "POST /api/v1/merchant/staff/:userId/roles/:role/revoke": staff,
  "GET /api/v1/ledger/accounts/:id/entries": ({ ledgerAccountId }) => ({ params: { id: ledgerAccountId } }),
  "GET /api/v1/fx/quotes/:id": fxQuote,
  "POST /api/v1/fx/quotes/:id/accept": fxQuote,
  "GET /api/v1/payout-accounts/:id": ({ payoutAccountId }) => ({ params: { id: payoutAccountId } }),
  "GET /api/v1/withdrawals/:id": withdrawal,
  "POST /api/v1/withdrawals/:id/cancel": withdrawal,
  "GET /api/v1/merchant/reconciliation/runs/:id": ({ runId }) => ({ params: { id: runId } }),
  "GET /api/v1/merchant/reconciliation/differences/:id": ({ differenceId }) => ({ params: { id: differenceId } }),
  "GET /api/v1/settlements/calendars/:name": { open: "business days are everybody's" },
  "GET /api/v1/settlements/:id": settlement,
  "GET /api/v1/settlements/:id/items": settlement,
  "GET /api/v1/settlements/:id/statement.csv": settlement,
  "GET /api/v1/merchants/applications/:id": application,
  "PUT /api/v1/merchants/applications/:id": application,
  "POST /api/v1/merchants/applications/:id/submit": application,
  "POST /api/v1/merchants/applications/:id/documents": application,
  "GET /api/v1/merchants/applications/:id/documents/:documentId": ({ applicationId, documentId }) => ({
    params: { id: applicationId, documentId }
  }),
  "PATCH /api/v1/merchants/me/shops/:id": ({ shopId }) => ({ params: { id: shopId } }),
  "GET /api/v1/merchants/me/shops/:id/history": ({ shopId }) => ({ params: { id: shopId } }),
  "POST /callbacks/:channel": notice,
  "POST /callbacks/:channel/:account": notice
}

const ofOrder = ({ orderId }: Belongings) => ({ id: orderId })
const ofUnpaidOrder = ({ unpaidOrderId }: Belongings) => ({ id: unpaidOrderId })
const ofPayment = ({ paymentId }: Belongings) => ({ id: paymentId })
const ofProduct = ({ productId }: Belongings) => ({ id: productId })
const ofSku = ({ productId, skuId }: Belongings) => ({ id: productId, skuId })
const ofAddress = ({ addressId }: Belongings) => ({ id: addressId })
const ofDispute = ({ disputeId }: Belongings) => ({ id: disputeId })
const ofSettlement = ({ settlementId }: Belongings) => ({ id: settlementId })
const ofKey = ({ apiKeyId }: Belongings) => ({ id: apiKeyId })
const ofWithdrawal = ({ withdrawalId }: Belongings) => ({ id: withdrawalId })
const ofStaff = ({ staffId }: Belongings) => ({ userId: staffId, role: "merchant" })
const ofApplication = ({ applicationId }: Belongings) => ({ id: applicationId })
const ofReturned = ({ orderId, returnId }: Belongings) => ({ id: orderId, returnId })

/** One for each Rpc whose payload names a thing by its id: the fields that aim at somebody else's. */
export const rpcReach: Readonly<Record<string, Reach<Readonly<Record<string, Json>>>>> = {
  "products.get": published,
  "sessions.revoke": ({ sessionId }) => ({ sessionId }),
  "addresses.create": ofAddress,
  "addresses.replace": ofAddress,
  "addresses.delete": ofAddress,
  "payments.show": ({ shopPaymentId }) => ({ id: shopPaymentId }),
  "payments.confirm": ofPayment,
  "payments.resume": ofPayment,
  "payments.cancel": ofPayment,
  "payments.scheduleCancel": ofPayment,
  "payments.ticket": ofPayment,
  "payments.status": ({ shopPaymentId }) => ({ id: shopPaymentId }),
  "cart.add": cartLine,
  "cart.set": cartLine,
  "cart.remove": cartLine,
  checkout: ({ addressId, skuId }) => ({ request: { items: [{ skuId, quantity: 1 }], addressId } }),
  "orders.get": ofOrder,
  "orders.edit": ofUnpaidOrder,
  "orders.cancel": ofUnpaidOrder,
  "orders.confirmReceipt": ofOrder,
  "returns.request": ofOrder,
  "returns.list": ofOrder,
  "returns.cancel": ofReturned,
  "products.getOwn": ofProduct,
  "products.create": { open: "the product is made for the caller's own shop" },
  "products.update": ofProduct,
  "products.publish": ofProduct,
  "products.unpublish": ofProduct,
  "products.archive": ofProduct,
  "products.addSku": (all) => ({ ...ofProduct(all), operationId: missingId }),
  "products.updateSku": ofSku,
  "products.archiveSku": ofSku,
  "products.setStock": ofSku,
  "disputes.show": ofDispute,
  "disputes.addEvidence": ofDispute,
  "disputes.submit": ofDispute,
  "disputes.accept": ofDispute,
  "orders.getSold": ofOrder,
  "orders.ship": ofOrder,
  "orders.deliver": ofOrder,
  "orders.cancelSold": ofUnpaidOrder,
  "returns.approve": ofReturned,
  "returns.reject": ofReturned,
  "returns.receive": ofReturned,
  "returns.refundAgain": ofReturned,
  "recon.run": ({ runId }) => ({ id: runId }),
  "recon.difference": ({ differenceId }) => ({ id: differenceId }),
  "settlements.show": ofSettlement,
  "settlements.items": ofSettlement,
  "apiKeys.create": { open: "the key is made for the caller's own shop" },
  "apiKeys.rotate": ofKey,
  "apiKeys.revoke": ofKey,
  "payouts.addAccount": { open: "the account is added to the caller's own shop" },
  "payouts.show": ofWithdrawal,
  "withdrawals.create": { open: "the money is the caller's own shop's" },
  "withdrawals.cancel": ofWithdrawal,
  "staff.grant": ofStaff,
  "staff.revoke": ofStaff,
  "fx.quote": ({ fxQuoteId }) => ({ id: fxQuoteId }),
  "fx.accept": ({ fxQuoteId }) => ({ id: fxQuoteId }),
  "applications.apply": { open: "with the id of another's application there is one of the caller's own, or none" },
  "applications.show": ofApplication,
  "applications.edit": ofApplication,
  "applications.submit": ofApplication,
  "applications.addDocument": ofApplication,
  "merchant.recheck": { open: "the merchant is the caller's own" },
  "merchant.shops.create": { open: "the shop is opened for the caller's own merchant" },
  "merchant.shops.edit": ({ shopId }) => ({ id: shopId }),
  "audit.list": { open: "whatever is asked for, the trail of the caller's own shop is looked at" }
}
