import { Effect, Option } from "effect"
import type { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { Session } from "./pooledClient.ts"

/**
 * How every connection plans: along the keys. PostgreSQL keeps the plan of a prepared statement for as long as the statistics of its
 * tables stay the same. One that was made while a table held a hundred rows would read all of it also when it holds a
 * hundred thousand, and one that takes its rows as JSON, of which the planner expects a hundred, does so for long.
 */
export const alongKeys = {
  enable_seqscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  random_page_cost: "1.1",
  jit: "off"
}

/**
 * To be run first in a transaction: until it ends, statements are planned as for many rows, which read whole tables and
 * join them by hashing where that is faster.
 */
export const planForMany = (sql: SqlClient.SqlClient): Effect.Effect<void, SqlError> =>
  Effect.andThen(
    sql`
      SELECT set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true),
        set_config('enable_mergejoin', 'on', true)`,
    planApart(sql, "many")
  )

/**
 * To be run first in a transaction: until it ends, statements may join by hashing, which is for those that make two long lists
 * themselves and join them. Tables are read along the keys as before.
 */
export const planForLists = (sql: SqlClient.SqlClient): Effect.Effect<void, SqlError> =>
  Effect.andThen(sql`SELECT set_config('enable_hashjoin', 'on', true)`, planApart(sql, "lists"))

/**
 * A column of text that says whether rows, which a statement finds by their keys, are wanted: `status`, mostly. Written so, it is
 * no reason to go through an index on it, which is the cheaper plan as long as the statistics know few such rows, and
 * reads all open orders for one that is paid once there are many.
 */
export const beside = (sql: SqlClient.SqlClient, column: string) => sql.literal(`(${column} || '')`)

/** Until the transaction ends, its statements have plans of their own, which those outside of `name` do not share. */
export const planApart = (sql: SqlClient.SqlClient, name: string) =>
  Effect.map(Effect.serviceOption(sql.transactionService), (transaction) => {
    if (Option.isSome(transaction) && transaction.value[0] instanceof Session) transaction.value[0].planApart(name)
  })
