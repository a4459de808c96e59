import { Config, Effect, FileSystem, Layer, Path, Stream } from "effect"
import type { PlatformError } from "effect"
import { randomUUID } from "node:crypto"
import { ObjectNotFound, ObjectStore, ObjectStoreFailed } from "./ObjectStore.ts"
import type { ObjectKey } from "./ObjectStore.ts"

const failed = (operation: string) => (cause: PlatformError.PlatformError) =>
  new ObjectStoreFailed({ operation, cause })

const isMissing = ({ reason }: PlatformError.PlatformError) => reason._tag === "NotFound"

/** In `objects/` below `MALL_DATA_DIR`, readable by its owner only. Where several processes serve, they share the folder. */
export const layer = Layer.effect(
  ObjectStore,
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const root = path.join(yield* Config.String("MALL_DATA_DIR").pipe(Config.withDefault(".mall")), "objects")
    const fileOf = (key: ObjectKey) => path.join(root, ...key.split("/"))

    return ObjectStore.of({
      put: Effect.fn("ObjectStore.put")(
        function* (key, bytes) {
          const file = fileOf(key)
          yield* fs.makeDirectory(path.dirname(file), { recursive: true, mode: 0o700 })
          // a draft has a dot, which no key has
          const draft = `${file}.${randomUUID()}`
          yield* Effect.scoped(
            Effect.gen(function* () {
              const open = yield* fs.open(draft, { flag: "wx", mode: 0o600 })
              yield* open.writeAll(bytes)
              yield* open.sync
            })
          ).pipe(
            Effect.andThen(fs.rename(draft, file)),
            Effect.onError(() => Effect.ignore(fs.remove(draft, { force: true })))
          )
        },
        Effect.mapError(failed("put"))
      ),
      get: (key) =>
        fs
          .stream(fileOf(key))
          .pipe(Stream.mapError((error) => (isMissing(error) ? new ObjectNotFound({ key }) : failed("get")(error)))),
      remove: (key) => Effect.mapError(fs.remove(fileOf(key), { force: true }), failed("remove")),
      exists: (key) => Effect.mapError(fs.exists(fileOf(key)), failed("exists"))
    })
  })
)
