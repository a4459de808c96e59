import { Context } from "effect"
import { HttpApiMiddleware } from "effect/http-api"
import { RpcMiddleware } from "effect/rpc"
import { CurrentUser } from "./CurrentUser.ts"
import { StepUpRequired } from "./IdentityError.ts"

/**
 * How sure the mall must be that it is the owner who asks. `recent`: the session proved it lately, with all factors the
 * account has. `strong`: the same, and where `STEP_UP_WITHOUT_MFA=refuse` the account must have a second factor.
 */
export type StepUpLevel = "recent" | "strong"

/**
 * The annotation of an endpoint or an Rpc that is dangerous in wrong hands. What carries it also has the middleware
 * `StepUp` or `RpcStepUp`, inside `Authorization`; the server does not start where one of the two is missing.
 *
 * @example
 * HttpApiEndpoint.post("withdraw", "/withdrawals", { … })
 *   .annotate(RequiredStepUp, "strong")
 *   .middleware(StepUp)
 *   .middleware(Authorization)
 */
export const RequiredStepUp = Context.Reference<StepUpLevel | undefined>("@mall/domain/identity/RequiredStepUp", {
  defaultValue: () => undefined
})

/** Refuses with `StepUpRequired` who has not proved lately to be the owner. */
export class StepUp extends HttpApiMiddleware.Service<StepUp, { requires: CurrentUser }>()(
  "@mall/domain/identity/StepUp",
  { error: StepUpRequired }
) {}

/** `StepUp` for RPC. */
export class RpcStepUp extends RpcMiddleware.Service<RpcStepUp, { requires: CurrentUser }>()(
  "@mall/domain/identity/RpcStepUp",
  { error: StepUpRequired }
) {}
