import { PolicyDocument } from "@mall/domain/identity/Policy"
import { Effect, FileSystem, Schema } from "effect"

class UnreadableFile extends Schema.TaggedError<UnreadableFile>()("UnreadableFile", {
  file: Schema.String,
  why: Schema.String
}) {
  override get message() {
    return `${this.file}: ${this.why}`
  }
}

/** Reads a file of JSON, in which nothing may stand that nobody would heed; what is wrong with it is told in one sentence. */
export const readJson = <A, I>(file: string, schema: Schema.Codec<A, I>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    return yield* fs.readFileString(file).pipe(
      Effect.flatMap(Schema.decodeEffect(Schema.fromJsonString(schema), { onExcessProperty: "error" })),
      Effect.mapError((error) => new UnreadableFile({ file, why: error.message.replaceAll(/\s+/g, " ") }))
    )
  })

export const readDocument = (file: string) => readJson(file, PolicyDocument)
