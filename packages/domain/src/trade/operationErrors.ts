import { AddressNotFound } from "../identity/AddressBook.ts"
import { CurrencyMismatch } from "../kernel/Money.ts"
import { PaymentsUnavailable, PaymentUndecided } from "../payments/PaymentGateway.ts"
import {
  ReturnIdTaken,
  ReturnNotFound,
  ReturnQuantityExceeded,
  ReturnStateConflict,
  ReturnWindowPassed
} from "./Return.ts"
import {
  CartEmpty,
  CartLimitExceeded,
  CheckoutIdTaken,
  CouponsNotAccepted,
  OrderNotFound,
  OrderStateConflict,
  PriceChanged,
  ProductUnavailable,
  StockShort,
  TotalTooLarge
} from "./TradeError.ts"

/** What a checkout may fail with, over HTTP and RPC alike. */
export const checkoutErrors = [
  AddressNotFound,
  CartEmpty,
  CartLimitExceeded,
  CheckoutIdTaken,
  CouponsNotAccepted,
  CurrencyMismatch,
  PaymentsUnavailable,
  PriceChanged,
  ProductUnavailable,
  StockShort,
  TotalTooLarge
] as const

/** What a step of an order may fail with. */
export const stepErrors = [OrderNotFound, OrderStateConflict] as const

/** What asking for a return may fail with. */
export const returnRequestErrors = [...stepErrors, ReturnIdTaken, ReturnQuantityExceeded, ReturnWindowPassed] as const

/** What a step of a return may fail with. */
export const returnErrors = [ReturnNotFound, ReturnStateConflict] as const

export const cancelErrors = [...stepErrors, PaymentUndecided] as const
