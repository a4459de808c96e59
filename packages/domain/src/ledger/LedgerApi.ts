import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { RequiredStepUp, StepUp } from "../identity/StepUp.ts"
import { InvalidCursor, pageQuery } from "../kernel/Page.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { Audited } from "../operations/Audit.ts"
import { Account, AccountId, AccountKind, AccountPage, TrialBalance } from "./Account.ts"
import { FreezeReason } from "./AccountFreezes.ts"
import { AccountNotThawable, LedgerAccountNotFound } from "./LedgerError.ts"
import { StatementPage } from "./Transfer.ts"

const time = Schema.optionalKey(Schema.DateFromString)
const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })

/** The books: a merchant sees their own accounts, an admin all. */
export class LedgerApiGroup extends HttpApiGroup.make("ledger")
  .add(
    HttpApiEndpoint.get("accounts", "/accounts", {
      query: { ...pageQuery, kind: Schema.optionalKey(AccountKind), at: time },
      success: AccountPage,
      error: InvalidCursor
    }).annotateMerge(describe("List accounts", "Newest first; with `at` as they stood then. Amounts are minor units.")),
    HttpApiEndpoint.get("entries", "/accounts/:id/entries", {
      params: { id: AccountId },
      query: { ...pageQuery, from: time, to: time },
      success: StatementPage,
      error: [LedgerAccountNotFound, InvalidCursor]
    }).annotateMerge(
      describe(
        "Read an account's statement",
        "Oldest first, each line with the balance after it; `to` is not included."
      )
    ),
    HttpApiEndpoint.get("trialBalance", "/trial-balance", {
      query: { at: time },
      success: TrialBalance
    }).annotateMerge(describe("Read the trial balance", "By kind of account and currency; with `at` as it was then."))
  )
  .annotateEndpoints(RequiredPermission, "ledger:read")
  .add(
    HttpApiEndpoint.post("freeze", "/accounts/:id/freeze", {
      params: { id: AccountId },
      payload: FreezeReason,
      success: Account,
      error: LedgerAccountNotFound
    })
      .annotate(Audited, "ledger_account.freeze")
      .middleware(Idempotent)
      .annotate(RequiredPermission, "ledger:administer")
      .annotateMerge(
        describe("Freeze an account", "Nothing is asked of it until it is thawed; what has happened is still posted.")
      ),
    HttpApiEndpoint.post("thaw", "/accounts/:id/thaw", {
      params: { id: AccountId },
      payload: FreezeReason,
      success: Account,
      error: [LedgerAccountNotFound, AccountNotThawable]
    })
      .annotate(Audited, "ledger_account.thaw")
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .annotate(RequiredPermission, "ledger:administer")
      .annotateMerge(describe("Thaw an account", "Whatever froze it."))
  )
  .middleware(Authorization)
  .prefix("/api/v1/ledger")
  .annotateMerge(
    OpenApi.annotations({ title: "Ledger", description: "The double-entry books under every movement" })
  ) {}
