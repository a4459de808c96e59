import type { Subject } from "@mall/domain/risk/Fact"
import type { Need } from "./compile.ts"

type Tallied = Extract<Need, { readonly type: "tally" }>
type Distinct = Extract<Need, { readonly type: "distinct" }>

/** Seconds of the buckets in which windows are counted: those up to an hour are made of minutes, longer ones of hours. */
export const grains = [60, 3600] as const
export const grainOf = (within: number) => (within <= 3600 ? grains[0] : grains[1])

export const isTally = (need: Need): need is Tallied => need.type === "tally"
export const isDistinct = (need: Need): need is Distinct => need.type === "distinct"

/** The needs whose subject is known, with its value: of the others nothing is counted, and nothing is to be read. */
export const ofKnown = <N extends Need>(subjects: ReadonlyArray<Subject>, needs: ReadonlyArray<N>) => {
  const values = new Map(subjects.map(({ kind, value }) => [kind, value]))
  return needs.flatMap((need) => {
    const value = values.get(need.by)
    return value === undefined ? [] : [{ need, value }]
  })
}

/** The buckets that a try is counted in, each once, in the one order in which they are locked. */
export const bucketsOf = (subjects: ReadonlyArray<Subject>, needs: ReadonlyArray<Need>) =>
  subjects.flatMap(({ kind, value }) =>
    grains
      .filter((grain) => needs.some((need) => isTally(need) && need.by === kind && grainOf(need.within) === grain))
      .map((grain) => ({ kind, value, grain }))
  )

/** Who was seen with whom, each pair once, in the one order in which they are locked. */
export const pairsOf = (subjects: ReadonlyArray<Subject>, needs: ReadonlyArray<Need>) =>
  subjects.flatMap(({ kind, value }) =>
    subjects
      .filter(
        (member) =>
          member.kind !== kind && needs.some((need) => isDistinct(need) && need.by === kind && need.of === member.kind)
      )
      .map((member) => ({ kind, value, memberKind: member.kind, member: member.value }))
  )
