import type { UserId } from "@mall/domain/identity/CurrentUser"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Makes the erasure of the answers that are kept for a user's retries: they say again what the user wrote. That of the
 * registration is kept for the address it came from, and its operation has the user's id. It reads the whole table, of a day's
 * keys: for the end of an account, not for a loop.
 */
export const makeEraseAnswers = Effect.map(
  SqlClient.SqlClient,
  (sql) => (userId: UserId) =>
    Effect.asVoid(sql`
      DELETE FROM platform.idempotency_keys
      WHERE scope ^@ ${`user ${userId} `}::text OR operation_id = ${userId}::uuid`)
)
