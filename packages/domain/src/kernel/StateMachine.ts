/**
 * A lifecycle as one table: `transitions[from]` lists where a thing in state `from` may go. The table is the rule, the
 * documentation and the test's oracle; a status is changed in no other way.
 */
export interface StateMachine<State extends string> {
  readonly transitions: Readonly<Record<State, ReadonlyArray<State>>>
  readonly can: (from: State, to: State) => boolean
  /** The states from which `to` can be reached in one step. */
  readonly sources: (to: State) => ReadonlyArray<State>
  /** The states that nothing leaves. */
  readonly isFinal: (state: State) => boolean
}

export const make = <const State extends string>(
  transitions: Readonly<Record<State, ReadonlyArray<NoInfer<State>>>>
): StateMachine<State> => {
  const states = Object.keys(transitions) as ReadonlyArray<string> as ReadonlyArray<State>
  return {
    transitions,
    can: (from, to) => transitions[from].includes(to),
    sources: (to) => states.filter((from) => transitions[from].includes(to)),
    isFinal: (state) => transitions[state].length === 0
  }
}
