import { Schema } from "effect"
import { Problem } from "../kernel/Problem.ts"
import { AccountCode } from "./Account.ts"
import { TransferId } from "./Transfer.ts"

/** The id is of a transfer with other content. */
export class TransferIdReused extends Problem<TransferIdReused>()("TransferIdReused", {
  status: 422,
  title: "This transfer id was used for another transfer",
  fields: { transferId: TransferId }
}) {}

/** Debits and credits of a currency differ, an account comes twice, or what is posted is more than what was pending. */
export class TransferMalformed extends Problem<TransferMalformed>()("TransferMalformed", {
  status: 422,
  title: "The transfer does not add up",
  fields: { transferId: TransferId, reason: Schema.String },
  detail: ({ reason }) => reason
}) {}

/** The account may not be overdrawn, and would be. */
export class AccountOverdrawn extends Problem<AccountOverdrawn>()("AccountOverdrawn", {
  status: 409,
  title: "The account has not enough",
  fields: { account: AccountCode },
  detail: ({ account }) => `${account} would be overdrawn`
}) {}

export class AccountClosed extends Problem<AccountClosed>()("AccountClosed", {
  status: 409,
  title: "The account is closed",
  fields: { account: AccountCode },
  detail: ({ account }) => `${account} is closed`
}) {}

/** Nothing is asked of the account until a person thaws it; what has happened is still written down. */
export class AccountFrozen extends Problem<AccountFrozen>()("AccountFrozen", {
  status: 409,
  title: "The account is frozen",
  fields: { account: AccountCode },
  detail: ({ account }) => `${account} is frozen until somebody thaws it`
}) {}

/** A sum would pass 2^53 − 1 minor units. */
export class BalanceTooLarge extends Problem<BalanceTooLarge>()("BalanceTooLarge", {
  status: 422,
  title: "The balance would be beyond what can be kept exactly",
  fields: { account: AccountCode },
  detail: ({ account }) => `The balance of ${account} would be beyond what can be kept exactly`
}) {}

export class PendingTransferNotFound extends Problem<PendingTransferNotFound>()("PendingTransferNotFound", {
  status: 404,
  title: "There is no such pending transfer",
  fields: { transferId: TransferId }
}) {}

/** It was posted or voided before, or its time is up. */
export class PendingTransferOver extends Problem<PendingTransferOver>()("PendingTransferOver", {
  status: 409,
  title: "The pending transfer came to its end",
  fields: { transferId: TransferId, outcome: Schema.Literals(["posted", "voided", "expired"]) }
}) {}

export class LedgerAccountNotFound extends Problem<LedgerAccountNotFound>()("LedgerAccountNotFound", {
  status: 404,
  title: "There is no such account",
  fields: { account: Schema.String },
  detail: ({ account }) => `There is no account ${account}`
}) {}

export class TransferNotFound extends Problem<TransferNotFound>()("TransferNotFound", {
  status: 404,
  title: "There is no such transfer",
  fields: { transferId: TransferId }
}) {}

/** It is closed already, or something is on it or pending. */
export class AccountNotClosable extends Problem<AccountNotClosable>()("AccountNotClosable", {
  status: 409,
  title: "The account cannot be closed",
  fields: { account: AccountCode, reason: Schema.String },
  detail: ({ reason }) => reason
}) {}

/** It is not frozen, or its balance does not agree with its entries, which has to be put right first. */
export class AccountNotThawable extends Problem<AccountNotThawable>()("AccountNotThawable", {
  status: 409,
  title: "The account cannot be thawed",
  fields: { account: AccountCode, reason: Schema.String },
  detail: ({ reason }) => reason
}) {}

/** What may keep a transfer from being posted. */
export const postErrors = [
  TransferIdReused,
  TransferMalformed,
  AccountOverdrawn,
  AccountClosed,
  AccountFrozen,
  BalanceTooLarge,
  PendingTransferNotFound,
  PendingTransferOver
] as const
export type PostRefused = InstanceType<(typeof postErrors)[number]>
