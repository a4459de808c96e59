import { Config, Context, Effect, FileSystem, Layer, Path, Queue, Schema } from "effect"
import type { PlatformError, Scope } from "effect"
import { SandboxConfig } from "./SandboxConfig.ts"
import { SandboxUnavailable } from "./SandboxUnavailable.ts"

/**
 * Records kept in memory and in a file of JSON lines, the last line of a key being its value. Reading and writing never
 * wait for the disk: the lines follow within moments, so that a crash may lose the last of them.
 */
export interface Collection<A> {
  readonly get: (key: string) => A | undefined
  /** In the order in which the keys were first set. */
  readonly values: () => ReadonlyArray<A>
  readonly set: (value: A) => Effect.Effect<void>
  readonly clear: Effect.Effect<void>
}

/** Beyond this the oldest records are forgotten: a sandbox left running must not eat its machine. */
const capacity = 100_000

type Command = { readonly _tag: "Append"; readonly line: string } | { readonly _tag: "Clear" }

const makeLines = <A, I>(schema: Schema.Codec<A, I>) => {
  const json = Schema.fromJsonString(Schema.toCodecJson(schema))
  return { encode: Schema.encodeSync(json), decode: Schema.decodeOption(json) }
}

/** The sandbox's folder below `MALL_DATA_DIR`, and what is kept in it. Files are readable by their owner only. */
export class Journal extends Context.Service<
  Journal,
  {
    readonly folder: string
    open<A, I>(
      name: string,
      options: { readonly schema: Schema.Codec<A, I>; readonly key: (value: NoInfer<A>) => string }
    ): Effect.Effect<Collection<A>, SandboxUnavailable, Scope.Scope>
  }
>()("@mall/sandbox/Journal") {
  static readonly layer: Layer.Layer<
    Journal,
    SandboxUnavailable | Config.ConfigError,
    FileSystem.FileSystem | Path.Path
  > = Layer.effect(
    Journal,
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const { dataFolder } = yield* SandboxConfig
      const folder = path.resolve(dataFolder, "sandbox")
      const unusable = (error: PlatformError.PlatformError) =>
        new SandboxUnavailable({ reason: `The sandbox cannot use the folder ${folder}: ${error.message}.` })
      yield* fileSystem.makeDirectory(folder, { recursive: true, mode: 0o700 }).pipe(Effect.mapError(unusable))

      const open = Effect.fn("Journal.open")(function* <A, I>(
        name: string,
        options: { readonly schema: Schema.Codec<A, I>; readonly key: (value: NoInfer<A>) => string }
      ): Effect.fn.Return<Collection<A>, SandboxUnavailable, Scope.Scope> {
        const file = path.join(folder, `${name}.jsonl`)
        const { decode, encode } = makeLines(options.schema)
        const records = new Map<string, A>()
        const put = (value: A) => {
          records.set(options.key(value), value)
          if (records.size > capacity) records.delete(records.keys().next().value ?? "")
        }

        yield* fileSystem
          .makeDirectory(path.dirname(file), { recursive: true, mode: 0o700 })
          .pipe(Effect.mapError(unusable))
        if (yield* fileSystem.exists(file).pipe(Effect.mapError(unusable))) {
          const lines = (yield* fileSystem.readFileString(file).pipe(Effect.mapError(unusable))).split("\n")
          const decoded = lines.filter((line) => line !== "").map((line) => decode(line))
          const damaged = decoded.filter((value) => value._tag === "None").length
          // a process that was killed while writing leaves half a line
          if (damaged > 0) yield* Effect.logWarning(`Skipped ${damaged} unreadable lines of ${file}`)
          for (const value of decoded) if (value._tag === "Some") put(value.value)
        }
        const linesOf = (values: Iterable<A>) => Array.from(values, (value) => `${encode(value)}\n`).join("")
        const draft = `${file}.draft`
        yield* fileSystem
          .writeFileString(draft, linesOf(records.values()), { mode: 0o600 })
          .pipe(Effect.andThen(fileSystem.rename(draft, file)), Effect.mapError(unusable))

        const commands = yield* Queue.unbounded<Command>()
        const write = (batch: ReadonlyArray<Command>) => {
          const cleared = batch.findLastIndex(({ _tag }) => _tag === "Clear")
          const text = batch
            .slice(cleared + 1)
            .map((command) => (command._tag === "Append" ? command.line : ""))
            .join("")
          return fileSystem
            .writeFileString(file, text, { flag: cleared === -1 ? "a" : "w", mode: 0o600 })
            .pipe(Effect.catchTag("PlatformError", (error) => Effect.logWarning(`Cannot write ${file}`, error)))
        }
        const drain = Effect.flatMap(Queue.clear(commands), (rest) => (rest.length === 0 ? Effect.void : write(rest)))
        yield* Effect.addFinalizer(() => drain)
        yield* Effect.uninterruptibleMask((restore) =>
          Effect.forever(Effect.flatMap(restore(Queue.takeAll(commands)), write))
        ).pipe(Effect.forkScoped)

        return {
          get: (key) => records.get(key),
          values: () => Array.from(records.values()),
          set: (value) =>
            Effect.sync(() => {
              put(value)
              Queue.offerUnsafe(commands, { _tag: "Append", line: `${encode(value)}\n` })
            }),
          clear: Effect.sync(() => {
            records.clear()
            Queue.offerUnsafe(commands, { _tag: "Clear" })
          })
        }
      })

      return Journal.of({ folder, open })
    })
  )
}
