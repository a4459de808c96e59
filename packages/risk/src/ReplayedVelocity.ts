import { subjectsOf } from "@mall/domain/risk/Fact"
import type { MemberKind, RiskFacts, SubjectKind } from "@mall/domain/risk/Fact"
import type { Need, Tally, Velocity } from "./compile.ts"
import { grainOf, grains } from "./counting.ts"

const memberKinds: ReadonlyArray<string> = ["card", "device", "network", "user"] satisfies ReadonlyArray<MemberKind>

/** As many different ones as the database counts. */
const maxMembers = 1_000

interface Bucket extends Tally {
  readonly number: number
  readonly currency: string
}

const secondsOf = (at: Date) => Math.floor(at.getTime() / 1000)

/**
 * The counts of `risk.observe` in memory, for a replay: the same buckets and the same edges of the windows, so that a rule hits
 * the same checks as it would have hit then. Only what `needs` reach is kept. Told of everything in the order of time.
 */
export class ReplayedVelocity {
  readonly #widest = new Map<string, number>()
  readonly #buckets = new Map<string, Array<Bucket>>()
  readonly #seen = new Map<string, Map<string, number>>()

  constructor(needs: ReadonlyArray<Need>) {
    for (const need of needs) {
      const key = need.type === "tally" ? `${need.by} ${grainOf(need.within)}` : `${need.by} ${need.of} seen`
      this.#widest.set(key, Math.max(this.#widest.get(key) ?? 0, need.within))
    }
  }

  check(facts: RiskFacts, at: Date) {
    this.#count(facts, at, { checks: 1, declines: 0, amount: facts.amount })
    const subjects = subjectsOf(facts)
    for (const { kind, value } of subjects) {
      for (const other of subjects) {
        const widest = this.#widest.get(`${kind} ${other.kind} seen`)
        if (widest === undefined || kind === other.kind || !memberKinds.includes(other.kind)) continue
        const key = `${kind} ${other.kind} ${value}`
        const members = this.#seen.get(key) ?? new Map<string, number>()
        this.#seen.set(key, members)
        // the least recently seen stay in front
        members.delete(other.value)
        members.set(other.value, at.getTime())
        for (const [member, last] of members) {
          if (last >= at.getTime() - widest * 1000) break
          members.delete(member)
        }
      }
    }
  }

  decline(facts: RiskFacts, at: Date) {
    this.#count(facts, at, { checks: 0, declines: 1, amount: 0 })
  }

  /** What a check of these facts sees at this time. */
  of(facts: RiskFacts, at: Date): Velocity {
    const values = new Map(subjectsOf(facts).map(({ kind, value }) => [kind, value]))
    return {
      tally: (by, within) => this.#tally(by, values.get(by), within, at, facts.currency),
      distinct: (by, of, within) => {
        const members = this.#seen.get(`${by} ${of} ${values.get(by)}`)
        const since = at.getTime() - within * 1000
        const recent = [...(members?.values() ?? [])].filter((last) => last >= since)
        return Math.min(recent.length, maxMembers)
      }
    }
  }

  #count(facts: RiskFacts, at: Date, added: Tally) {
    for (const { kind, value } of subjectsOf(facts)) {
      for (const grain of grains) {
        const widest = this.#widest.get(`${kind} ${grain}`)
        if (widest === undefined) continue
        const number = Math.floor(secondsOf(at) / grain)
        const oldest = Math.floor((secondsOf(at) - widest) / grain)
        const key = `${kind} ${grain} ${value}`
        const kept = (this.#buckets.get(key) ?? []).filter((bucket) => bucket.number >= oldest)
        const index = kept.findIndex((bucket) => bucket.number === number && bucket.currency === facts.currency)
        const before = kept[index] ?? { checks: 0, declines: 0, amount: 0 }
        const bucket = {
          ...{ number, currency: facts.currency },
          checks: before.checks + added.checks,
          declines: before.declines + added.declines,
          amount: Math.min(before.amount + added.amount, Number.MAX_SAFE_INTEGER)
        }
        if (index < 0) kept.push(bucket)
        else kept[index] = bucket
        this.#buckets.set(key, kept)
      }
    }
  }

  #tally(by: SubjectKind, value: string | undefined, within: number, at: Date, currency: string): Tally {
    const grain = grainOf(within)
    const oldest = Math.floor((secondsOf(at) - within) / grain)
    const reached = (this.#buckets.get(`${by} ${grain} ${value}`) ?? []).filter(({ number }) => number >= oldest)
    return reached.reduce(
      (sum, bucket) => ({
        checks: sum.checks + bucket.checks,
        declines: sum.declines + bucket.declines,
        amount: Math.min(sum.amount + (bucket.currency === currency ? bucket.amount : 0), Number.MAX_SAFE_INTEGER)
      }),
      { checks: 0, declines: 0, amount: 0 }
    )
  }
}
