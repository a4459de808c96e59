import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { ManagedUser } from "@mall/domain/identity/User"
import { Page } from "@mall/domain/kernel/Page"
import * as EmbeddedPostgres from "@mall/platform/EmbeddedPostgres"
import { Effect, FileSystem, Option, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as path from "node:path"
import process from "node:process"
import { decode } from "./CommandLine.ts"

const main = path.join(import.meta.dirname, "../src/main.ts")

/** Milliseconds; a process takes a second to start on a machine with nothing else to do. */
const slow = 120_000

/** A folder where the database user of root may go. */
const dataFolder = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "mall-cli-" })
  yield* fs.chmod(folder, 0o755)
  return path.join(folder, "data")
})

const mallIn = (folder: string, environment: Readonly<Record<string, string | undefined>> = {}) =>
  Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
    const child = yield* ChildProcess.make(process.execPath, [main, ...args], {
      env: { DATABASE_URL: undefined, LOG_LEVEL: undefined, MALL_DATA_DIR: folder, ...environment },
      extendEnv: true,
      stdin: "ignore"
    })
    const [out, err, code] = yield* Effect.all(
      [
        child.stdout.pipe(Stream.decodeText(), Stream.mkString),
        child.stderr.pipe(Stream.decodeText(), Stream.mkString),
        child.exitCode
      ],
      { concurrency: 3 }
    )
    return { out, err, code: Number(code) === 0 ? 0 : Number(code) === 1 ? 1 : 2 } as const
  })

it.live(
  "explains itself without touching a database",
  () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* dataFolder
      const { code, err, out } = yield* mallIn(folder)("--help")
      assert.deepStrictEqual([code, err], [0, ""])
      for (const command of ["migrate", "seed", "users", "orders", "payments", "queues", "keys"])
        assert.include(out, command)
      assert.isFalse(yield* fs.exists(folder))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  slow
)

it.live(
  "ends with 1 where its answer cannot be written, and with 0 where nobody reads on",
  () =>
    Effect.gen(function* () {
      const shell = Effect.fnUntraced(function* (line: string) {
        const child = yield* ChildProcess.make("bash", ["-o", "pipefail", "-c", line, process.execPath, main])
        const err = yield* child.stderr.pipe(Stream.decodeText(), Stream.mkString)
        return { err, code: Number(yield* child.exitCode) }
      })
      assert.deepStrictEqual(yield* shell('"$0" "$1" --help | head -1'), { err: "", code: 0 })
      const fs = yield* FileSystem.FileSystem
      if (!(yield* fs.exists("/dev/full"))) return
      const full = yield* shell('"$0" "$1" --help > /dev/full')
      assert.strictEqual(full.code, 1)
      assert.match(full.err, /^The answer could not be written[^\n]*\n$/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  slow
)

it.live(
  "tells in one sentence that a database cannot be reached",
  () =>
    Effect.gen(function* () {
      const nobodyListens = "postgres://mall:hidden@127.0.0.1:1/mall"
      const { code, err, out } = yield* mallIn(yield* dataFolder, { DATABASE_URL: nobodyListens })("users", "list")
      assert.deepStrictEqual([code, out], [1, ""])
      assert.match(err, /^Cannot use the database at 127\.0\.0\.1:1\/mall[^\n]*\n$/)
      assert.notInclude(err, "hidden")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  slow
)

it.live(
  "starts the embedded database for itself and stops it, and joins one that runs",
  () =>
    Effect.gen(function* () {
      const folder = yield* dataFolder
      const mall = mallIn(folder)
      const migrated = yield* mall("migrate")
      assert.strictEqual(migrated.code, 0, migrated.err)
      assert.match(migrated.out, /^Ran 0001_platform/)
      const postgres = path.join(folder, "postgres")
      assert.isTrue(Option.isNone(yield* EmbeddedPostgres.running(postgres)))

      yield* EmbeddedPostgres.start({ folder: postgres, disposable: true })
      const listed = yield* mall("users", "list", "--json")
      assert.strictEqual(listed.code, 0, listed.err)
      assert.deepStrictEqual(yield* decode(Page(ManagedUser), listed), { data: [], nextCursor: null })
      assert.isTrue(Option.isSome(yield* EmbeddedPostgres.running(postgres)))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  slow
)
