/**
 * A bounded cache in which a hit costs one look-up and writes nothing: values live in the young generation until it is
 * full, then it becomes the old one and the old one is dropped, except what was asked for again. Holds between half of
 * `capacity` and `capacity` of the most recently used values.
 */
export class TokenCache<A> {
  readonly #generation: number
  #young = new Map<string, A>()
  #old = new Map<string, A>()

  constructor(capacity: number) {
    this.#generation = Math.max(1, Math.floor(capacity / 2))
  }

  get(token: string): A | undefined {
    const young = this.#young.get(token)
    if (young !== undefined) return young
    const old = this.#old.get(token)
    if (old !== undefined) this.set(token, old)
    return old
  }

  set(token: string, value: A) {
    if (this.#young.size >= this.#generation) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(token, value)
  }

  delete(token: string) {
    this.#young.delete(token)
    this.#old.delete(token)
  }
}
