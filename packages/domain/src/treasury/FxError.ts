import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { Problem } from "../kernel/Problem.ts"
import { AccountClosed, AccountFrozen, AccountOverdrawn, BalanceTooLarge } from "../ledger/LedgerError.ts"
import { FxQuoteId } from "./FxQuote.ts"
import { FxRateId, FxRateStatus } from "./FxRate.ts"

const pair = { from: Currency, to: Currency }

/** No source has a rate of the pair, not even over the euro. */
export class FxRateMissing extends Problem<FxRateMissing>()("FxRateMissing", {
  status: 422,
  title: "There is no rate of these currencies",
  fields: pair,
  detail: ({ from, to }) => `There is no rate from ${from} to ${to}`
}) {}

/** Nothing is exchanged by a rate that is too old; a newer one may come. */
export class FxRateStale extends Problem<FxRateStale>()("FxRateStale", {
  status: 503,
  title: "The rate of these currencies is too old",
  fields: { ...pair, validFrom: Schema.Date },
  detail: ({ from, to, validFrom }) => `The rate from ${from} to ${to} is of ${validFrom.toISOString()}`
}) {}

/** So little that nothing is left of it, or more than can be kept exactly. */
export class FxAmountOutOfRange extends Problem<FxAmountOutOfRange>()("FxAmountOutOfRange", {
  status: 422,
  title: "The amount is too small or too large to be exchanged",
  fields: { reason: Schema.String },
  detail: ({ reason }) => reason
}) {}

export class FxQuoteNotFound extends Problem<FxQuoteNotFound>()("FxQuoteNotFound", {
  status: 404,
  title: "There is no such quote",
  fields: { quoteId: FxQuoteId }
}) {}

export class FxQuoteExpired extends Problem<FxQuoteExpired>()("FxQuoteExpired", {
  status: 409,
  title: "The quote has expired",
  fields: { quoteId: FxQuoteId, expiredAt: Schema.Date },
  detail: ({ expiredAt }) => `The rate was kept until ${expiredAt.toISOString()}`
}) {}

/** The platform would have given away more of the currency than it may. */
export class FxLiquidityShort extends Problem<FxLiquidityShort>()("FxLiquidityShort", {
  status: 409,
  title: "The platform does not sell so much of this currency",
  fields: { currency: Currency },
  detail: ({ currency }) => `Not so much ${currency} is sold now`
}) {}

/** The caller is not of a shop for which they may exchange. */
export class NoShopToExchangeFor extends Problem<NoShopToExchangeFor>()("NoShopToExchangeFor", {
  status: 403,
  title: "The caller exchanges for no shop"
}) {}

export class FxRateNotFound extends Problem<FxRateNotFound>()("FxRateNotFound", {
  status: 404,
  title: "There is no such rate",
  fields: { rateId: FxRateId }
}) {}

export class FxRateDecided extends Problem<FxRateDecided>()("FxRateDecided", {
  status: 409,
  title: "The rate waits for nobody",
  fields: { rateId: FxRateId, state: FxRateStatus },
  detail: ({ state }) => `The rate is ${state}`
}) {}

/** Who brought a rate does not approve it. */
export class SecondPersonForRate extends Problem<SecondPersonForRate>()("SecondPersonForRate", {
  status: 403,
  title: "A second person approves a rate",
  fields: { rateId: FxRateId }
}) {}

/** The source did not answer, or not with what it publishes. Nothing of the answer was used. */
export class FxSourceUnavailable extends Problem<FxSourceUnavailable>()("FxSourceUnavailable", {
  status: 503,
  title: "The source gave no rates",
  fields: { source: Schema.String, reason: Schema.String },
  detail: ({ reason, source }) => `${source} gave no rates: ${reason}`
}) {}

/** It would change what was agreed before. */
export class FxSpreadBackdated extends Problem<FxSpreadBackdated>()("FxSpreadBackdated", {
  status: 422,
  title: "A spread is in force from now on, not from before"
}) {}

export const quoteErrors = [NoShopToExchangeFor, FxRateMissing, FxRateStale, FxAmountOutOfRange] as const
export type QuoteRefused = InstanceType<(typeof quoteErrors)[number]>

export const acceptErrors = [
  NoShopToExchangeFor,
  FxQuoteNotFound,
  FxQuoteExpired,
  FxLiquidityShort,
  AccountOverdrawn,
  AccountClosed,
  AccountFrozen,
  BalanceTooLarge
] as const
export type AcceptRefused = InstanceType<(typeof acceptErrors)[number]>

export const rateDecisionErrors = [FxRateNotFound, FxRateDecided, SecondPersonForRate] as const
export type RateDecisionRefused = InstanceType<(typeof rateDecisionErrors)[number]>
