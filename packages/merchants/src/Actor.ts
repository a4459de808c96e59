import type { Principal } from "@mall/domain/identity/CurrentUser"
import { Schema } from "effect"

/** Who decides, and why: both are in the history. */
export interface Ruling {
  /** `user:<id>`, `api_key:<id>`, `operator:<name>` or `sweep`. */
  readonly actor: string
  readonly reason: string
}

/** The ruling of somebody who is signed in. */
export const rulingOf = (caller: Principal, reason: string): Ruling => ({ actor: caller.actorName, reason })

export interface PageRequest {
  readonly limit?: number
  readonly after?: string
}

/** For a column of type jsonb. */
export const jsonText = Schema.encodeUnknownSync(Schema.fromJsonString(Schema.Unknown))
