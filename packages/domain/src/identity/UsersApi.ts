import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Overloaded, RateLimited } from "../kernel/EdgeError.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { RateLimit } from "../kernel/RateLimit.ts"
import type { RateLimitPolicy } from "../kernel/RateLimit.ts"
import { InvalidCursor, Page, pageQuery } from "../kernel/Page.ts"
import { Authorization } from "./Authorization.ts"
import { SessionId } from "./CurrentUser.ts"
import {
  CodeInvalid,
  EmailCodeRequired,
  EmailTaken,
  InvalidCredentials,
  LastAdministrator,
  MfaAlreadyEnabled,
  MfaNotEnabled,
  SessionNotFound,
  WeakPassword
} from "./IdentityError.ts"
import { RequiredPermission } from "./Permission.ts"
import { LoginRecord, RecoveryCodes, Totp, TotpEnrolment } from "./SignIn.ts"
import { RequiredStepUp, StepUp } from "./StepUp.ts"
import { PasswordChange, Registration, Session, SessionDevice, User, UserUpdate } from "./User.ts"

const describe = (title: string, description: string) => OpenApi.annotations({ title, description })

/** Each account costs the hashing of a password. `RATE_LIMIT_REGISTER_PER_MINUTE` sets another limit. */
const registrations: RateLimitPolicy = {
  name: "register",
  by: "ip",
  algorithm: "fixed-window",
  limit: 30,
  window: "1 minute"
}

/** Opening an account. */
export class UsersApiGroup extends HttpApiGroup.make("users")
  .add(
    HttpApiEndpoint.post("register", "/", {
      payload: Registration,
      success: User.pipe(HttpApiSchema.status(201)),
      error: [EmailTaken, WeakPassword, EmailCodeRequired, CodeInvalid, Overloaded]
    })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "public")
      .annotate(RateLimit, registrations)
      .annotateMerge(
        describe("Register", "Opens an account. A password that zxcvbn finds weak is refused, with advice.")
      )
  )
  .prefix("/api/v1/users")
  .annotateMerge(describe("Users", "Opening an account")) {}

/** What the owner of an account does with it. */
export class AccountApiGroup extends HttpApiGroup.make("account")
  .add(
    HttpApiEndpoint.get("get", "/", { success: User }).annotateMerge(describe("Who am I", "The signed-in user.")),
    HttpApiEndpoint.patch("update", "/", { payload: UserUpdate, success: User }).annotateMerge(
      describe("Update the profile", "Changes what is given and keeps the rest.")
    ),
    HttpApiEndpoint.delete("delete", "/", {
      success: HttpApiSchema.NoContent,
      error: [LastAdministrator]
    }).annotateMerge(
      describe(
        "Delete the account",
        "Erases personal data and signs out everywhere; orders and books keep the bare id."
      )
    ),
    HttpApiEndpoint.post("changePassword", "/password", {
      payload: PasswordChange,
      success: HttpApiSchema.NoContent,
      error: [InvalidCredentials, WeakPassword, RateLimited, Overloaded]
    })
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .annotateMerge(describe("Change the password", "Ends every other session of the user.")),
    HttpApiEndpoint.get("listSessions", "/sessions", {
      query: pageQuery,
      success: Page(Session),
      error: InvalidCursor
    }).annotateMerge(describe("List sessions", "Where the user is signed in, newest first.")),
    HttpApiEndpoint.get("listDevices", "/devices", { success: Schema.Array(SessionDevice) }).annotateMerge(
      describe("List devices", "The sessions by device, the last used first, a hundred at most.")
    ),
    HttpApiEndpoint.delete("revokeSession", "/sessions/:id", {
      params: { id: SessionId },
      success: HttpApiSchema.NoContent,
      error: SessionNotFound
    }).annotateMerge(describe("End a session", "Its tokens are refused from now on, everywhere.")),
    HttpApiEndpoint.get("listLogins", "/logins", {
      query: pageQuery,
      success: Page(LoginRecord),
      error: InvalidCursor
    }).annotateMerge(
      describe("List sign-ins", "When, from where and on what somebody signed in or tried to, newest first.")
    ),
    HttpApiEndpoint.post("startTotp", "/totp", { success: TotpEnrolment, error: MfaAlreadyEnabled })
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .annotateMerge(
        describe(
          "Add an authenticator",
          "Makes a secret for it, which counts for nothing until confirmed; called again, another in its place."
        )
      ),
    HttpApiEndpoint.post("confirmTotp", "/totp/confirm", {
      payload: Schema.Struct({ totp: Totp }),
      success: RecoveryCodes,
      error: [MfaNotEnabled, CodeInvalid]
    }).annotateMerge(
      describe(
        "Confirm the authenticator",
        "With a one-time password of it. From now on logins by password need one. Answers with ten recovery codes, shown only now."
      )
    ),
    HttpApiEndpoint.delete("removeTotp", "/totp", { success: HttpApiSchema.NoContent, error: MfaNotEnabled })
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .annotateMerge(describe("Remove the authenticator", "Its recovery codes go with it.")),
    HttpApiEndpoint.post("renewRecoveryCodes", "/recovery-codes", { success: RecoveryCodes, error: MfaNotEnabled })
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .annotateMerge(describe("Renew the recovery codes", "Ten new ones; the old ones are good for nothing."))
  )
  .prefix("/api/v1/users/me")
  .annotateEndpoints(RequiredPermission, "account")
  .middleware(Authorization)
  .annotateMerge(describe("Account", "The signed-in user's own account and sessions")) {}
