import type { Schema } from "effect"

/**
 * A kind of message that one context tells others. `name` is the topic's public name; each of `subscribers` gets a queue
 * of its own, `<name>.<subscriber>`, so that one that fails holds back no other. `id` makes delivery once per subscriber:
 * the same id offered twice is delivered once.
 */
export interface Topic<A, I = unknown> {
  readonly name: string
  readonly subscribers: ReadonlyArray<string>
  readonly schema: Schema.Codec<A, I>
  readonly id: (message: A) => string
}

export const make = <A, I>(
  name: string,
  options: {
    readonly schema: Schema.Codec<A, I>
    readonly subscribers: ReadonlyArray<string>
    readonly id: (message: NoInfer<A>) => string
  }
): Topic<A, I> => ({ name, ...options })
