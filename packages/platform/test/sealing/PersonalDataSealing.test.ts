import { assert, layer } from "@effect/vitest"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { ConfigProvider, Context, Effect, Layer, Logger, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { randomBytes } from "node:crypto"
import { PersonalDataKeys } from "../../src/sealing/PersonalDataKeys.ts"
import { PersonalDataSealing } from "../../src/sealing/PersonalDataSealing.ts"
import { nothingSealed, openRow, sealRow } from "../../src/sealing/PersonalDataTable.ts"
import type { PersonalDataTable } from "../../src/sealing/PersonalDataTable.ts"
import { SealedData } from "../../src/sealing/SealedData.ts"
import { sealedParts } from "../../src/sealing/sealedParts.ts"
import * as SealedTables from "../../src/sealing/SealedTables.ts"

const newId = generator(Uuid7.pipe(Schema.brand("Any")))

/** A process that has these keys, the first of which seals, and looks after the table `public.<name>`. */
const aProcess = (name: string, keys: Record<string, string>) => processOf(tableOf(name), keys)

const processOf = (table: PersonalDataTable, keys: Record<string, string>) =>
  Layer.build(
    Layer.mergeAll(PersonalDataSealing.layer, SealedTables.layer([table]), PersonalDataKeys.layer).pipe(
      Layer.provide(SealedData.layer),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ PERSONAL_DATA_KEYS: JSON.stringify(keys) }))),
      Layer.fresh
    )
  )
type Process = Context.Context<PersonalDataSealing | PersonalDataKeys>

const tableOf = (name: string) => ({ name: `public.${name}`, clear: { text: "note", wipe: "note = NULL" } }) as const

const aKey = () => randomBytes(32).toString("base64")
const sealingOf = (process: Process) => Context.get(process, PersonalDataSealing)

/** A table with `count` rows of before, each with a note, and one that has none. */
const createTable = Effect.fnUntraced(function* (name: string, count: number) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE ${sql(`public.${name}`)} (
      id uuid PRIMARY KEY, note text, personal_data bytea, personal_data_key text DEFAULT ''
    )`
  const ids = yield* Effect.forEach(Array.from({ length: count }), () => newId)
  yield* sql`
    INSERT INTO ${sql(`public.${name}`)} (id, note) SELECT id, 'Quillfeather ' || id FROM unnest(${ids}::uuid[]) AS id`
  yield* sql`INSERT INTO ${sql(`public.${name}`)} (id) VALUES (${yield* newId})`
  return ids
})

interface Row {
  readonly id: string
  readonly note: string | null
  readonly personalData: Uint8Array | null
  readonly personalDataKey: string | null
}

const rowsOf = (name: string) =>
  SqlClient.SqlClient.use((sql) => sql<Row>`SELECT * FROM ${sql(`public.${name}`)} WHERE id IS NOT NULL`)

/** What the rows of `ids` are worth to a process: their notes, and nothing in the clear. */
const assertSealed = Effect.fnUntraced(function* (process: Process, name: string, ids: ReadonlyArray<string>) {
  const rows = new Map((yield* rowsOf(name)).map((row) => [row.id, row]))
  assert.strictEqual(rows.size, ids.length + 1)
  for (const id of ids) {
    const row = rows.get(id)
    if (row === undefined) return assert.fail(`The row ${id} is gone`)
    assert.isNull(row.note)
    assert.strictEqual(yield* openRow(Context.get(process, PersonalDataKeys), tableOf(name), row), `Quillfeather ${id}`)
  }
})

layer(TestDatabase, { excludeTestServices: true })("PersonalDataSealing", (it) => {
  it.effect("does not begin with another key of the name by which the rows are sealed", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [name, key] = ["of_another_key", aKey()]
      const ids = yield* createTable(name, 3)
      yield* sealingOf(yield* aProcess(name, { k1: key })).sweep(100)
      const refused = yield* Effect.flip(aProcess(name, { k1: aKey() }))
      assert.strictEqual(refused._tag, "KeysUnusable")
      assert.match(refused.message, /^The key k1 of this process is not the one/)
      // a new key begins beside those of before, and a row that was altered is no reason to stop
      yield* aProcess(name, { k2: aKey(), k1: key })
      yield* sql`UPDATE ${sql(`public.${name}`)} SET personal_data = '\\x00' WHERE id = ${ids[0]}`
      yield* aProcess(name, { k1: key })
    })
  )

  it.effect("seals rows of before, those once only, and leaves nothing in the clear", () =>
    Effect.gen(function* () {
      const ids = yield* createTable("before", 7)
      const process = yield* aProcess("before", { p1: aKey() })
      const { status, sweep } = sealingOf(process)
      assert.deepStrictEqual(yield* status, [{ table: "public.before", keyId: null, rows: 8, state: "clear" }])
      assert.strictEqual(yield* sweep(5), 5)
      assert.strictEqual(yield* sweep(5), 3)
      assert.strictEqual(yield* sweep(5), 0)
      yield* assertSealed(process, "before", ids)
      assert.deepStrictEqual(yield* status, [{ table: "public.before", keyId: "p1", rows: 7, state: "current" }])
    })
  )

  it.effect("brings rows under a new key, after which the former one is not needed", () =>
    Effect.gen(function* () {
      const ids = yield* createTable("rotated", 6)
      const [older, newer] = [aKey(), aKey()]
      yield* sealingOf(yield* aProcess("rotated", { p1: older })).sweep(100)
      const { rotate, status } = sealingOf(yield* aProcess("rotated", { p2: newer, p1: older }))
      assert.deepStrictEqual(
        (yield* status).map(({ keyId, state }) => [keyId, state]),
        [["p1", "former"]]
      )
      assert.deepStrictEqual(yield* rotate("somebody left"), { keyId: "p2", sealed: 6, unreadable: 0 })
      assert.deepStrictEqual(yield* rotate("again"), { keyId: "p2", sealed: 0, unreadable: 0 })
      yield* assertSealed(yield* aProcess("rotated", { p2: newer }), "rotated", ids)
      const sql = yield* SqlClient.SqlClient
      const kept = yield* sql`
        SELECT reason, resource_id FROM platform.audit_entries WHERE action = 'personal_data.reseal' ORDER BY id`
      assert.deepStrictEqual(kept, [
        { reason: "somebody left", resourceId: "p2" },
        { reason: "again", resourceId: "p2" }
      ])
    })
  )

  it.effect("is shared by workers that run at once: each row is sealed by one of them", () =>
    Effect.gen(function* () {
      const ids = yield* createTable("shared", 400)
      const keys = { p1: aKey() }
      const first = yield* aProcess("shared", keys)
      const second = yield* aProcess("shared", keys)
      const work = (process: Process) =>
        Effect.forEach(Array.from({ length: 60 }), () => sealingOf(process).sweep(10)).pipe(
          Effect.map((counts) => counts.reduce((sum, count) => sum + count))
        )
      const done = yield* Effect.all([work(first), work(second)], { concurrency: "unbounded" })
      assert.strictEqual(done[0] + done[1], 401)
      assert.isAbove(Math.min(...done), 0)
      yield* assertSealed(second, "shared", ids)
    })
  )

  it.effect("loses nothing where it is stopped in the middle, and goes on from there", () =>
    Effect.gen(function* () {
      const ids = yield* createTable("crashed", 30)
      const sql = yield* SqlClient.SqlClient
      const process = yield* aProcess("crashed", { p1: aKey() })
      const { sweep } = sealingOf(process)
      assert.strictEqual(yield* sweep(10), 10)
      yield* sql`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'crash'; END $$`
      yield* sql`
        CREATE TRIGGER crash BEFORE UPDATE ON public.crashed FOR EACH ROW WHEN (OLD.id = ${sql.literal(`'${ids[25]}'`)})
        EXECUTE FUNCTION refuse()`
      assert.strictEqual((yield* Effect.exit(sweep(100)))._tag, "Failure")
      yield* sql`DROP TRIGGER crash ON public.crashed`
      yield* sweep(100)
      yield* assertSealed(process, "crashed", ids)
    })
  )

  it.effect("adds what stands in the clear to what is sealed, by any number of workers, and digests it", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`
        CREATE TABLE public.joined (
          id uuid PRIMARY KEY, note text, remark text, personal_data bytea, personal_data_key text, remark_digest bytea
        )`
      const parts = sealedParts<{ readonly note: string | null; readonly remark: string | null }>(
        { note: null, remark: null },
        "note"
      )
      const joined: PersonalDataTable = {
        name: "public.joined",
        clear: {
          text: "json_build_object('note', note, 'remark', remark)::text",
          wipe: "note = NULL, remark = NULL",
          where: "num_nonnulls(note, remark) > 0",
          merge: parts.merge
        },
        digest: { column: "remark_digest", of: (text) => parts.read(text).remark }
      }
      const [older, newer] = [aKey(), aKey()]
      const before = Context.get(yield* processOf(joined, { p1: older }), PersonalDataKeys)
      const ids = yield* Effect.forEach(Array.from({ length: 60 }), () => newId)
      for (const [at, id] of ids.entries()) {
        const sealed = at % 3 === 0 ? nothingSealed : sealRow(before, joined, id, `note ${at}`)
        const remark = at % 3 === 1 ? null : `remark ${at}`
        yield* sql`INSERT INTO public.joined ${sql.insert({ id, remark, ...sealed })}`
      }
      const process = yield* processOf(joined, { p2: newer, p1: older })
      const { status, sweep } = sealingOf(process)
      const counts = Effect.map(status, (found) => found.map(({ keyId, rows }) => [keyId, rows]))
      assert.deepStrictEqual(yield* counts, [
        [null, 40],
        ["p1", 20]
      ])
      const done = yield* Effect.all(
        Array.from({ length: 8 }, () => sweep(15)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(
        done.reduce((sum, one) => sum + one, 0),
        60
      )
      assert.deepStrictEqual(yield* counts, [["p2", 60]])
      const keys = Context.get(process, PersonalDataKeys)
      const digestOf = keys.digestOf("public.joined.remark_digest")
      const rows = yield* sql<Row & { readonly remark: string | null; readonly remarkDigest: Uint8Array | null }>`
        SELECT * FROM public.joined`
      const found = new Map(rows.map((row) => [row.id, row]))
      for (const [at, id] of ids.entries()) {
        const row = found.get(id)
        if (row === undefined) return assert.fail(`The row ${id} is gone`)
        const remark = at % 3 === 1 ? null : `remark ${at}`
        assert.deepStrictEqual([row.note, row.remark], [null, null])
        assert.deepStrictEqual(parts.read(yield* openRow(keys, joined, row)), {
          note: at % 3 === 0 ? null : `note ${at}`,
          remark
        })
        const digest = remark === null ? undefined : digestOf("p2", remark)
        assert.deepStrictEqual(row.remarkDigest ?? undefined, digest)
      }
    })
  )

  it.effect(
    "leaves rows that were altered, moved, or sealed under a key that is not here, and goes on with the others",
    () =>
      Effect.gen(function* () {
        const ids = yield* createTable("damaged", 5)
        const sql = yield* SqlClient.SqlClient
        const [older, newer] = [aKey(), aKey()]
        yield* sealingOf(yield* aProcess("damaged", { p1: older })).sweep(100)
        yield* sql`UPDATE public.damaged SET personal_data = set_byte(personal_data, 30, 255 - get_byte(personal_data, 30)) WHERE id = ${ids[0]}`
        yield* sql`
        UPDATE public.damaged AS to_row SET personal_data = from_row.personal_data FROM public.damaged AS from_row
        WHERE to_row.id = ${ids[1]} AND from_row.id = ${ids[2]}`
        yield* sql`UPDATE public.damaged SET personal_data_key = 'lost' WHERE id = ${ids[3]}`
        const lines: Array<string> = []
        const collect = Logger.layer([Logger.make((entry) => void lines.push(Logger.formatJson.log(entry)))])
        const result = yield* Effect.gen(function* () {
          const { rotate, status, sweep } = sealingOf(yield* aProcess("damaged", { p2: newer, p1: older }))
          const rotated = yield* rotate("yearly")
          assert.strictEqual(yield* sweep(100), 0)
          return { rotated, states: (yield* status).map(({ rows, state }) => [state, rows]) }
        }).pipe(Effect.provide(collect))
        assert.deepStrictEqual(result.rotated, { keyId: "p2", sealed: 2, unreadable: 3 })
        assert.sameDeepMembers(result.states, [
          ["missing", 1],
          ["former", 2],
          ["current", 2]
        ])
        assert.strictEqual(lines.filter((line) => line.includes("public.damaged")).length, 2)
        assert.strictEqual(lines.filter((line) => line.includes('"keyId":"lost"')).length, 1)
        assert.isTrue(lines.every((line) => !line.includes("Quillfeather")))
      })
  )
})
