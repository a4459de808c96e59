import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

/** What `PasswordStrength` asks its worker thread. */
export class PasswordStrengthRpcs extends RpcGroup.make(
  Rpc.make("judge", {
    payload: { password: Schema.String, context: Schema.Array(Schema.String) },
    success: Schema.Struct({
      score: Schema.Int,
      warning: Schema.NullOr(Schema.String),
      suggestions: Schema.Array(Schema.String)
    })
  })
) {}
