import { Effect, Random } from "effect"

/** A list that hands out its members by chance, and may be short of them. */
export class Bag<A> {
  readonly #members: Array<A> = []

  add(member: A) {
    this.#members.push(member)
  }

  readonly some = Effect.suspend(() =>
    Effect.map(Random.nextIntBetween(0, Math.max(1, this.#members.length)), (index) => this.#members[index])
  )

  readonly take = Effect.suspend(() =>
    Effect.map(
      Random.nextIntBetween(0, Math.max(1, this.#members.length)),
      (index) => this.#members.splice(index, 1)[0]
    )
  )
}
