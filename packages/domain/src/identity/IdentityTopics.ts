import { Schema } from "effect"
import * as Topic from "../kernel/Topic.ts"
import { UserId } from "./CurrentUser.ts"

/** An account is gone for good: whoever keeps something of its owner lets go of what nobody needs any more. */
export const accountDeleted = Topic.make("account_deleted", {
  schema: Schema.Struct({ userId: UserId }),
  subscribers: ["merchants", "trade"],
  id: ({ userId }) => userId
})
