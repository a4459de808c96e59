import { Config, Effect, FileSystem, Layer, Path } from "effect"
import * as DiskObjectStore from "./DiskObjectStore.ts"
import * as S3ObjectStore from "./S3ObjectStore.ts"

/** Where files are, as `OBJECT_STORE` says: `disk` (by default) or `s3`. Needs `FileSystem`, `Path` and the store of breakers. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const kind = yield* Config.Literals(["disk", "s3"], "OBJECT_STORE").pipe(Config.withDefault("disk" as const))
    if (kind === "s3") return S3ObjectStore.layer
    // the same needs whichever it is
    const files = Layer.mergeAll(
      Layer.succeed(FileSystem.FileSystem, yield* FileSystem.FileSystem),
      Layer.succeed(Path.Path, yield* Path.Path)
    )
    return Layer.provide(DiskObjectStore.layer, files)
  })
)
