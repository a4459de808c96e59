import { Context, Schema } from "effect"
import type { Effect, Stream } from "effect"

/** There is nothing under this key. */
export class ObjectNotFound extends Schema.TaggedError<ObjectNotFound>()("ObjectNotFound", { key: Schema.String }) {
  override get message() {
    return `There is no object ${this.key}`
  }
}

/** The store did not do it. For the log: `cause` is not for a client. */
export class ObjectStoreFailed extends Schema.TaggedError<ObjectStoreFailed>()("ObjectStoreFailed", {
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `The object store failed to ${this.operation}`
  }
}

/**
 * What names an object: parts of small letters, digits, dashes and underscores, each followed by a slash but the last. Nothing
 * of it can leave a folder, and no name of a client is ever part of it.
 */
export const ObjectKey = Schema.String.check(
  Schema.isMaxLength(200),
  Schema.isPattern(/^[a-z0-9_-]+(?:\/[a-z0-9_-]+)*$/)
).pipe(Schema.brand("ObjectKey"))
export type ObjectKey = typeof ObjectKey.Type

/**
 * The port to where files are. `put` is durable when it answers, and appears whole or not at all; the same key again replaces.
 * `get` fails with `ObjectNotFound` before its first byte. `remove` of what is not there is no failure.
 */
export class ObjectStore extends Context.Service<
  ObjectStore,
  {
    put(key: ObjectKey, bytes: Uint8Array): Effect.Effect<void, ObjectStoreFailed>
    get(key: ObjectKey): Stream.Stream<Uint8Array, ObjectNotFound | ObjectStoreFailed>
    remove(key: ObjectKey): Effect.Effect<void, ObjectStoreFailed>
    exists(key: ObjectKey): Effect.Effect<boolean, ObjectStoreFailed>
  }
>()("@mall/platform/objects/ObjectStore") {}
