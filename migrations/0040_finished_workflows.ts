import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** How the pay platform, whose workflows they are, finds and removes what the engine keeps of those that came to their end. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`CREATE INDEX cluster_messages_entity_idx ON workflows.cluster_messages (entity_id)`
  yield* sql`GRANT USAGE ON SCHEMA workflows TO mall_pay`
  // who locks a row needs the right to change it
  yield* sql`GRANT SELECT, UPDATE, DELETE ON workflows.cluster_messages, workflows.cluster_replies TO mall_pay`
})
