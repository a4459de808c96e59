import { TestDatabase } from "@mall/testing/TestDatabase"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { beside, planForMany } from "../src/planning.ts"
import { transactionOf } from "../src/Tenancy.ts"

/** Statements that the connection at hand keeps plans of, and that are about `table`. */
const keptOf = Effect.fnUntraced(function* (table: string) {
  const sql = yield* SqlClient.SqlClient
  const kept = yield* sql`SELECT statement FROM pg_prepared_statements WHERE position(${table} IN statement) > 0`
  return kept.map(({ statement }) => String(statement))
})

layer(TestDatabase, { excludeTestServices: true })("Plans", (it) => {
  it.effect("go along the keys, also those that were made while the table was empty", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE public.grown (id int PRIMARY KEY, n int NOT NULL)`
      const save = (id: number) => sql`
        UPDATE public.grown AS g SET n = r.n
        FROM jsonb_to_recordset(${JSON.stringify([{ id, n: id }])}::jsonb) AS r(id int, n int) WHERE g.id = r.id`
      const read = sql`SELECT seq_tup_read, idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'grown'`
      yield* sql.withTransaction(
        Effect.gen(function* () {
          // more often than PostgreSQL plans anew each time
          for (let id = 0; id < 10; id++) yield* save(id)
          yield* sql`INSERT INTO public.grown SELECT n, 0 FROM generate_series(1, 5000) AS n`
          yield* save(4_711)
          assert.deepStrictEqual(yield* read, [{ seqTupRead: 0, idxScan: 11 }])
        })
      )
      assert.deepStrictEqual(yield* sql`SELECT id FROM public.grown WHERE n <> 0`, [{ id: 4_711 }])
    })
  )

  it.effect("go through no list of what is open to find what is given by its key", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE public.bought (id int PRIMARY KEY, status text NOT NULL)`
      yield* sql`CREATE INDEX ON public.bought (status)`
      yield* sql`INSERT INTO public.bought SELECT n, 'paid' FROM generate_series(1, 1000) AS n`
      // the statistics know nothing that is open
      yield* sql`ANALYZE public.bought`
      yield* sql`INSERT INTO public.bought SELECT n, 'open' FROM generate_series(1001, 6000) AS n`
      const fetched = sql`SELECT idx_tup_fetch AS n FROM pg_stat_xact_user_tables WHERE relname = 'bought'`
      yield* sql.withTransaction(
        Effect.gen(function* () {
          const locked = yield* sql`
            SELECT b.id FROM public.bought AS b JOIN jsonb_to_recordset('[{"id":1001},{"id":1002}]') AS r(id int) ON r.id = b.id
            WHERE ${beside(sql, "b.status")} = 'open' ORDER BY b.id FOR UPDATE OF b`
          assert.deepStrictEqual(locked, [{ id: 1_001 }, { id: 1_002 }])
          assert.deepStrictEqual(yield* fetched, [{ n: 2 }])
        })
      )
    })
  )

  it.effect("for many rows are made where they are asked for, and kept apart", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE public.counted (id int PRIMARY KEY)`
      const settings = sql`
        SELECT current_setting('enable_seqscan') AS scan, current_setting('enable_hashjoin') AS hash,
          current_setting('enable_mergejoin') AS merge`
      const count = sql`SELECT count(*) AS n FROM public.counted`
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* planForMany(sql)
          assert.deepStrictEqual(yield* settings, [{ scan: "on", hash: "on", merge: "on" }])
          yield* count
          assert.deepStrictEqual(yield* keptOf("count(*) AS n FROM public.counted"), [
            "/* many */ SELECT count(*) AS n FROM public.counted"
          ])
        })
      )
      assert.deepStrictEqual(yield* settings, [{ scan: "off", hash: "off", merge: "off" }])
    })
  )

  it.effect("of a tenant are kept apart, since each change of the role would undo them", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const read = sql`SELECT id FROM payments.intents WHERE id IS NULL`
      const tenant = { merchantId: "019b76da-a800-7329-892a-0bea696e779a" }
      yield* Effect.gen(function* () {
        yield* read
        const kept = yield* keptOf("FROM payments.intents")
        assert.include(kept, "/* mall_pay_tenant */ SELECT id FROM payments.intents WHERE id IS NULL")
        assert.notInclude(kept, "SELECT id FROM payments.intents WHERE id IS NULL")
      }).pipe(transactionOf(sql, "mall_pay_tenant", tenant))
      assert.deepStrictEqual(yield* read, [])
    })
  )
})
