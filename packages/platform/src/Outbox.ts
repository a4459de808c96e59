import type { Duration } from "effect"
import { Context } from "effect"
import type { Effect } from "effect"
import type { Topic } from "@mall/domain/kernel/Topic"
import type { SqlError } from "effect/sql/SqlError"

/**
 * Tells other contexts. A message joins the transaction it is published in: it is delivered if and only if that commits,
 * at least once to each of the topic's subscribers, and once where the subscriber is idempotent by the message's id.
 */
export class Outbox extends Context.Service<
  Outbox,
  {
    publish<A, I>(
      topic: Topic<A, I>,
      message: NoInfer<A>,
      options?: { readonly delay?: Duration.Input }
    ): Effect.Effect<void, SqlError>
    /** All in one statement. */
    publishAll<A, I>(
      topic: Topic<A, I>,
      messages: ReadonlyArray<NoInfer<A>>,
      options?: { readonly delay?: Duration.Input }
    ): Effect.Effect<void, SqlError>
  }
>()("@mall/platform/Outbox") {}
