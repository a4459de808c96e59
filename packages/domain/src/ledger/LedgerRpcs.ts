import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { RequiredStepUp, RpcStepUp } from "../identity/StepUp.ts"
import { InvalidCursor, pageRequest } from "../kernel/Page.ts"
import { PlainText } from "../kernel/PlainText.ts"
import { Audited } from "../operations/Audit.ts"
import { Account, AccountCode, AccountKind, AccountPage, LedgerReport, TrialBalance } from "./Account.ts"
import { AccountFreeze, FreezeReason } from "./AccountFreezes.ts"
import { AccountNotThawable, LedgerAccountNotFound, postErrors, TransferNotFound } from "./LedgerError.ts"
import { NewAdjustment, Purpose, StatementPage, TransferDetails, TransferId, TransferPage } from "./Transfer.ts"

const time = Schema.optionalKey(Schema.DateFromString)
const accounts = { ...pageRequest, kind: Schema.optionalKey(AccountKind), at: time }
const statement = { ...pageRequest, account: AccountCode, from: time, to: time }
const transfers = {
  ...pageRequest,
  subject: Schema.optionalKey(PlainText(200)),
  purpose: Schema.optionalKey(Purpose)
}
const freezing = { account: AccountCode, ...FreezeReason.fields }
const statementErrors = Schema.Union([LedgerAccountNotFound, InvalidCursor])

/** What the staff of a merchant see of their own accounts. */
export class LedgerMerchantRpcs extends RpcGroup.make(
  Rpc.make("ledger.accounts", { payload: accounts, success: AccountPage, error: InvalidCursor }),
  Rpc.make("ledger.statement", { payload: statement, success: StatementPage, error: statementErrors }),
  Rpc.make("ledger.trialBalance", { payload: { at: time }, success: TrialBalance })
)
  .annotateRpcs(RequiredPermission, "ledger:read")
  .annotateRpcs(Audited, "nothing")
  .middleware(RpcAuthorization) {}

/** What an operator sees of all of them, and does with them. */
export class LedgerAdminRpcs extends RpcGroup.make(
  Rpc.make("admin.ledger.accounts", { payload: accounts, success: AccountPage, error: InvalidCursor }).annotate(
    RequiredPermission,
    "ledger:administer"
  ),
  Rpc.make("admin.ledger.account", {
    payload: { account: AccountCode, at: time },
    success: Account,
    error: LedgerAccountNotFound
  }).annotate(RequiredPermission, "ledger:administer"),
  Rpc.make("admin.ledger.statement", { payload: statement, success: StatementPage, error: statementErrors }).annotate(
    RequiredPermission,
    "ledger:administer"
  ),
  Rpc.make("admin.ledger.transfers", { payload: transfers, success: TransferPage, error: InvalidCursor }).annotate(
    RequiredPermission,
    "ledger:administer"
  ),
  Rpc.make("admin.ledger.transfer", {
    payload: { id: TransferId },
    success: TransferDetails,
    error: TransferNotFound
  }).annotate(RequiredPermission, "ledger:administer"),
  Rpc.make("admin.ledger.trialBalance", { payload: { at: time }, success: TrialBalance }).annotate(
    RequiredPermission,
    "ledger:administer"
  ),
  /** Walks the whole chain and all balances: minutes for large books. */
  Rpc.make("admin.ledger.verify", { success: LedgerReport }).annotate(RequiredPermission, "ledger:administer"),
  /** Idempotent by its id. */
  Rpc.make("admin.ledger.adjust", {
    payload: NewAdjustment.fields,
    success: TransferDetails,
    error: Schema.Union(postErrors)
  })
    .annotate(Audited, "ledger.adjust")
    .annotate(RequiredPermission, "ledger:adjust"),
  /** Nothing is asked of the account until it is thawed; what has happened is still posted. */
  Rpc.make("admin.ledger.freeze", { payload: freezing, success: Account, error: LedgerAccountNotFound })
    .annotate(Audited, "ledger_account.freeze")
    .annotate(RequiredPermission, "ledger:administer"),
  /** Ends every freeze of the account, whatever froze it. */
  Rpc.make("admin.ledger.thaw", {
    payload: freezing,
    success: Account,
    error: Schema.Union([LedgerAccountNotFound, AccountNotThawable])
  })
    .annotate(Audited, "ledger_account.thaw")
    .annotate(RequiredStepUp, "recent")
    .middleware(RpcStepUp)
    .annotate(RequiredPermission, "ledger:administer"),
  /** The latest hundred, newest first. */
  Rpc.make("admin.ledger.freezes", {
    payload: { account: AccountCode },
    success: Schema.Array(AccountFreeze)
  }).annotate(RequiredPermission, "ledger:administer")
)
  .annotateRpcs(Audited, "nothing")
  .middleware(RpcAuthorization) {}
