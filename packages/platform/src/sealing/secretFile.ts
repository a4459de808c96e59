import { Effect, FileSystem, Path, Redacted } from "effect"
import { randomBytes } from "node:crypto"

/**
 * The text of the file `name` in `folder`, which only its owner may read; where there is none, it is made with the text that
 * `make` gives. Of two processes that make it at once, one makes it and both read the same.
 */
export const readOrMakeSecretFile = Effect.fnUntraced(function* <E, R>(
  folder: string,
  name: string,
  make: Effect.Effect<string, E, R>
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(folder, name)
  const read = Effect.map(fs.readFileString(file), Redacted.make)

  const write = Effect.gen(function* () {
    const draft = path.join(folder, `${name}.${randomBytes(6).toString("hex")}.draft`)
    yield* fs.makeDirectory(folder, { recursive: true })
    yield* fs.writeFileString(draft, yield* make, { mode: 0o600, flag: "wx" })
    // a link appears whole or not at all, and not over one that another process made first
    yield* fs.link(draft, file).pipe(Effect.catchReason("PlatformError", "AlreadyExists", () => Effect.void))
    yield* fs.remove(draft)
    return yield* read
  })

  return yield* read.pipe(Effect.catchReason("PlatformError", "NotFound", () => write))
})
