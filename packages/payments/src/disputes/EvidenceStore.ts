import { Context, Effect, FileSystem, Layer, Path, Schema } from "effect"
import type { PlatformError } from "effect"
import { createHash, randomUUID } from "node:crypto"
import { DisputesConfig } from "./DisputesConfig.ts"

/** The SHA-256 of a file's content, in lower-case hexadecimal: the only name that a file of evidence has. */
export const ContentDigest = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/)).pipe(Schema.brand("ContentDigest"))
export type ContentDigest = typeof ContentDigest.Type

/** What lies under the name is not what was put there. */
class EvidenceCorrupt extends Schema.TaggedError<EvidenceCorrupt>()("EvidenceCorrupt", { digest: ContentDigest }) {
  override get message() {
    return `The evidence ${this.digest} is not what was stored`
  }
}

const digestOf = (bytes: Uint8Array) => ContentDigest.make(createHash("sha256").update(bytes).digest("hex"))

/**
 * Where the files of evidence are, named by their content: the same bytes twice are one file, and no name of a client is ever
 * part of a path. A file appears whole or not at all. Where several processes serve, they share the folder.
 */
export class EvidenceStore extends Context.Service<
  EvidenceStore,
  {
    /** Durable when it answers. */
    put(bytes: Uint8Array): Effect.Effect<ContentDigest, PlatformError.PlatformError>
    /** Dies where the content is not what its name says. */
    get(digest: ContentDigest): Effect.Effect<Uint8Array, PlatformError.PlatformError>
  }
>()("@mall/payments/disputes/EvidenceStore") {
  /** In `evidence/` below `MALL_DATA_DIR`, readable by its owner only. */
  static readonly layerDisk = Layer.effect(
    EvidenceStore,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const { dataFolder } = yield* DisputesConfig
      const folderOf = (digest: ContentDigest) => path.join(dataFolder, "evidence", digest.slice(0, 2))

      return EvidenceStore.of({
        put: Effect.fn("EvidenceStore.put")(function* (bytes) {
          const digest = digestOf(bytes)
          const folder = folderOf(digest)
          const file = path.join(folder, digest)
          if (yield* fs.exists(file)) return digest
          yield* fs.makeDirectory(folder, { recursive: true, mode: 0o700 })
          const draft = path.join(folder, `${randomUUID()}.draft`)
          yield* Effect.scoped(
            Effect.gen(function* () {
              const open = yield* fs.open(draft, { flag: "wx", mode: 0o600 })
              yield* open.writeAll(bytes)
              yield* open.sync
            })
          )
          yield* fs.rename(draft, file)
          return digest
        }),
        get: Effect.fn("EvidenceStore.get")(function* (digest) {
          const bytes = yield* fs.readFile(path.join(folderOf(digest), digest))
          if (digestOf(bytes) !== digest) return yield* Effect.die(new EvidenceCorrupt({ digest }))
          return bytes
        })
      })
    })
  )
}
