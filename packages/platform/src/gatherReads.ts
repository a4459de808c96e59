import { Context, Effect, Exit, Request, RequestResolver } from "effect"
import type { SqlClient } from "effect/sql"
import { gatherWhileBusy } from "./gatherWhileBusy.ts"
import { retryLost } from "./lostConnection.ts"
import { groupByTenant } from "./groupByTenant.ts"
import type { Tenant } from "./Tenancy.ts"

/** Calls that share one statement, at most. */
const maxCalls = 128

/**
 * Reads by key. Calls that arrive while a read is under way go together in the next one, so that under load one statement
 * serves many; alone, a call waits for nobody. What is read is what is committed: never within the transaction of a caller,
 * since others share it. One that lost its connection is made again; where it fails, all of its calls fail. Each tenant's calls go together with their own alone, in a
 * read that is told whose it is.
 */
export const gatherReads = <K, V, E>(
  sql: SqlClient.SqlClient,
  read: (keys: ReadonlyArray<K>, tenant: Tenant | undefined) => Effect.Effect<ReadonlyMap<K, V>, E>
) => {
  class Read extends Request.Class<{ readonly keys: ReadonlyArray<K> }, ReadonlyMap<K, V>, E> {}

  const pick = (found: ReadonlyMap<K, V>, keys: ReadonlyArray<K>) => {
    const picked = new Map<K, V>()
    for (const key of keys) {
      const value = found.get(key)
      if (value !== undefined) picked.set(key, value)
    }
    return picked
  }

  const request = groupByTenant((tenant) =>
    gatherWhileBusy(
      RequestResolver.make<Read>((entries) =>
        retryLost(read(Array.from(new Set(entries.flatMap(({ request }) => request.keys))), tenant)).pipe(
          Effect.exit,
          Effect.map((exit) => {
            for (const { completeUnsafe, request } of entries) {
              completeUnsafe(Exit.map(exit, (found) => pick(found, request.keys)))
            }
          }),
          // The group runs in the context of its first caller, whose transaction is nobody else's business.
          Effect.updateContext((context: Context.Context<never>) => Context.omit(sql.transactionService)(context))
        )
      ),
      maxCalls
    )
  )

  /** Those of `keys` that exist. */
  return (keys: ReadonlyArray<K>, tenant?: Tenant): Effect.Effect<ReadonlyMap<K, V>, E> =>
    keys.length === 0 ? Effect.succeed(new Map()) : request(new Read({ keys }), tenant)
}
