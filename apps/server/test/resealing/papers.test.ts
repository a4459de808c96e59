import { assert, layer } from "@effect/vitest"
import { DocumentContents } from "@mall/merchants/kyc/DocumentContents"
import { DocumentRepo } from "@mall/merchants/kyc/DocumentRepo"
import type { DocumentRow } from "@mall/merchants/kyc/DocumentRepo"
import { ObjectStore } from "@mall/platform/objects/ObjectStore"
import { PersonalDataSealing } from "@mall/platform/sealing/PersonalDataSealing"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startProgram } from "@mall/testing/TestProcess"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { aStack, plainStore, resealer } from "./papers.ts"

class Place extends Context.Service<Place, { readonly url: string; readonly folder: string }>()(
  "@mall/server/test/resealing/Place"
) {}

const Test = Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* acquireDatabase
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "mall-papers-"))),
      (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
    )
    return Layer.succeed(Place, { url: Redacted.value(url), folder }).pipe(Layer.provideMerge(Sql.layerUrl(url)))
  })
)

const aKey = () => randomBytes(32).toString("base64")

/** A process of the mall, with its rights. */
const aProcess = Effect.fnUntraced(function* (keys: Readonly<Record<string, string>>) {
  const { folder, url } = yield* Place
  return yield* Layer.build(
    resealer({ folder, keys: JSON.stringify(keys) }, plainStore).pipe(
      Layer.provideMerge(Layer.fresh(Sql.layerUrl(Redacted.make(url), { role: "mall_store" })))
    )
  )
})
type Process = Effect.Success<ReturnType<typeof aProcess>>

/** Each is where its row says, and reads as it was sent. */
const assertReadable = Effect.fnUntraced(function* (by: Process, papers: ReadonlyArray<DocumentRow>) {
  for (const { applicationId, id } of papers) {
    const row = Option.getOrThrow(yield* Context.get(by, DocumentRepo).find(applicationId, id))
    const content = yield* Context.get(by, DocumentContents).read(row)
    assert.strictEqual(new TextDecoder().decode(content), `the paper ${id}`)
  }
})

/** What the sweep of unwanted objects does, long after. */
const clear = Effect.fnUntraced(function* (by: Process) {
  const repo = Context.get(by, DocumentRepo)
  for (const key of yield* repo.discarded(new Date("2100-01-01"), 1_000)) {
    yield* Context.get(by, ObjectStore).remove(key)
    yield* repo.removed(key)
  }
})

const objects = Effect.map(Place, ({ folder }) => fs.readdirSync(path.join(folder, "objects", "merchants")).length)
const countsOf = (by: Process) =>
  Effect.map(Context.get(by, PersonalDataSealing).status, (counts) =>
    counts.map(({ keyId, rows, state }) => `${keyId} ${rows} ${state}`)
  )

const fresh = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const { folder } = yield* Place
  yield* sql`TRUNCATE merchants.applications, merchants.documents, merchants.unwanted_objects CASCADE`
  fs.rmSync(path.join(folder, "objects"), { recursive: true, force: true })
})

const program = path.join(import.meta.dirname, "runner.ts")

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("The papers of merchants", (it) => {
  it.effect("are sealed anew under the key of now, after which the former one is not needed", () =>
    Effect.gen(function* () {
      yield* fresh
      const [k1, k2] = [aKey(), aKey()]
      const before = yield* aProcess({ k1 })
      const papers = yield* Effect.provideContext(aStack(5), before)
      const rotating = yield* aProcess({ k2, k1 })
      assert.deepStrictEqual(yield* countsOf(rotating), ["k1 5 former"])
      assert.strictEqual(yield* Context.get(rotating, PersonalDataSealing).sweep(2), 2)
      assert.deepStrictEqual(yield* countsOf(rotating), ["k1 3 former", "k2 2 current"])
      yield* assertReadable(rotating, papers)
      const { keyId, sealed, unreadable } = yield* Context.get(rotating, PersonalDataSealing).rotate("yearly")
      assert.deepStrictEqual([keyId, sealed, unreadable], ["k2", 3, 0])
      // who had begun to read still finds the former objects
      assert.strictEqual(yield* objects, 10)
      yield* clear(rotating)
      assert.strictEqual(yield* objects, 5)
      yield* assertReadable(yield* aProcess({ k2 }), papers)
    })
  )

  it.effect("are left as they are where their key is not here, and counted", () =>
    Effect.gen(function* () {
      yield* fresh
      const lost = yield* aProcess({ lost: aKey() })
      const papers = yield* Effect.provideContext(aStack(2), lost)
      const [k1, k2] = [aKey(), aKey()]
      yield* Effect.provideContext(aStack(1), yield* aProcess({ k1 }))
      const rotating = yield* aProcess({ k2, k1 })
      const { sealed, unreadable } = yield* Context.get(rotating, PersonalDataSealing).rotate("yearly")
      assert.deepStrictEqual([sealed, unreadable], [1, 2])
      assert.deepStrictEqual(yield* countsOf(rotating), ["k2 1 current", "lost 2 missing"])
      yield* assertReadable(lost, papers)
    })
  )

  it.effect("are sealed once by several processes at the same time", () =>
    Effect.gen(function* () {
      yield* fresh
      const [k1, k2] = [aKey(), aKey()]
      const papers = yield* Effect.provideContext(aStack(20), yield* aProcess({ k1 }))
      const workers = yield* Effect.forEach([1, 2, 3], () => aProcess({ k2, k1 }))
      const done = yield* Effect.forEach(workers, (worker) => Context.get(worker, PersonalDataSealing).sweep(100), {
        concurrency: "unbounded"
      })
      assert.strictEqual(
        done.reduce((sum, count) => sum + count, 0),
        20
      )
      const after = yield* aProcess({ k2 })
      yield* clear(after)
      yield* assertReadable(after, papers)
      assert.strictEqual(yield* objects, 20)
    })
  )

  for (const moment of ["noted", "put", "replaced"]) {
    it.effect(`can be read, and none is left over, where the process is killed: ${moment}`, () =>
      Effect.gen(function* () {
        yield* fresh
        const { folder, url } = yield* Place
        const [k1, k2] = [aKey(), aKey()]
        const papers = yield* Effect.provideContext(aStack(5), yield* aProcess({ k1 }))
        const { ended } = yield* startProgram(program, {
          ...{ DATABASE_URL: url, MALL_DATA_DIR: folder, DIE_AT: moment },
          PERSONAL_DATA_KEYS: JSON.stringify({ k2, k1 })
        })
        assert.strictEqual(yield* ended, "SIGKILL")
        const rotating = yield* aProcess({ k2, k1 })
        assert.deepStrictEqual(yield* countsOf(rotating), ["k1 3 former", "k2 2 current"])
        yield* assertReadable(rotating, papers)
        yield* clear(rotating)
        assert.strictEqual(yield* objects, 5)
        yield* assertReadable(rotating, papers)
        yield* Context.get(rotating, PersonalDataSealing).sweep(100)
        yield* clear(rotating)
        yield* assertReadable(yield* aProcess({ k2 }), papers)
        assert.strictEqual(yield* objects, 5)
      })
    )
  }
})
