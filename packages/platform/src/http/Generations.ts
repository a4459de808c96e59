/**
 * A map of bounded size for what may be forgotten: when `half` entries are new, the entries of the generation before the
 * last are dropped at once. An entry that is used stays. Every operation is O(1).
 */
export class Generations<V> {
  private young = new Map<string, V>()
  private old = new Map<string, V>()
  private readonly half: number
  private readonly make: () => V

  constructor(capacity: number, make: () => V) {
    this.half = Math.max(1, capacity >> 1)
    this.make = make
  }

  get(key: string): V {
    const young = this.young.get(key)
    if (young !== undefined) return young
    const value = this.old.get(key) ?? this.make()
    if (this.young.size >= this.half) {
      this.old = this.young
      this.young = new Map()
    }
    this.young.set(key, value)
    return value
  }

  get size() {
    return this.young.size + this.old.size
  }
}
