import { Context, Effect, Layer, Random, Schema } from "effect"
import { Operation } from "./Channel.ts"
import { CallbackFault, RequestFault } from "./Fault.ts"

const scope = {
  /** Absent: every channel. */
  channel: Schema.optionalKey(Schema.NonEmptyString),
  /** Strikes this often, then is spent. Absent: until cleared. */
  times: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))),
  /** Of striking at each matching call; a call that is spared does not count. Absent: always. */
  probability: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  /** The same seed gives the same sequence of strikes. */
  seed: Schema.optionalKey(Schema.Int)
}

const RequestRule = Schema.Struct({ ...scope, operation: Operation, fault: RequestFault })
const CallbackRule = Schema.Struct({ ...scope, operation: Schema.Literal("callback"), fault: CallbackFault })

/** An order to go wrong. */
export const FaultRule = Schema.Union([RequestRule, CallbackRule])
export type FaultRule = typeof FaultRule.Type

interface Armed<Rule extends FaultRule> {
  readonly rule: Rule
  readonly random: Random.Random
  left: number
}

/** A rule as it stands: `left` is null where it has no end. */
export interface ArmedRule {
  readonly rule: FaultRule
  readonly left: number | null
}

/** The faults that are set. Of several that match one call, the one set first strikes alone. */
export class Faults extends Context.Service<
  Faults,
  {
    add(rule: FaultRule): Effect.Effect<void>
    readonly list: Effect.Effect<ReadonlyArray<ArmedRule>>
    readonly clear: Effect.Effect<void>
    takeForRequest(channel: string, operation: Operation): Effect.Effect<RequestFault | undefined>
    takeForCallback(channel: string): Effect.Effect<CallbackFault | undefined>
  }
>()("@mall/sandbox/Faults") {
  static readonly layer = Layer.sync(Faults, () => {
    const requests: Array<Armed<typeof RequestRule.Type>> = []
    const callbacks: Array<Armed<typeof CallbackRule.Type>> = []

    const strike = <Rule extends FaultRule>(
      armed: Array<Armed<Rule>>,
      matches: (rule: Rule) => boolean
    ): Rule["fault"] | undefined => {
      const index = armed.findIndex(
        ({ rule, random }) =>
          matches(rule) && (rule.probability === undefined || random.nextDoubleUnsafe() < rule.probability)
      )
      const found = armed[index]
      if (found === undefined) return undefined
      found.left -= 1
      if (found.left === 0) armed.splice(index, 1)
      return found.rule.fault
    }
    const isOf = (channel: string, rule: FaultRule) => rule.channel === undefined || rule.channel === channel

    return Faults.of({
      add: Effect.fnUntraced(function* (rule) {
        const random =
          rule.seed === undefined ? yield* Random.Random : yield* Random.Random.pipe(Random.withSeed(rule.seed))
        const left = rule.times ?? Number.POSITIVE_INFINITY
        if (rule.operation === "callback") callbacks.push({ rule, random, left })
        else requests.push({ rule, random, left })
      }),
      list: Effect.sync(() =>
        [...requests, ...callbacks].map(({ rule, left }) => ({ rule, left: Number.isFinite(left) ? left : null }))
      ),
      clear: Effect.sync(() => {
        requests.length = 0
        callbacks.length = 0
      }),
      takeForRequest: (channel, operation) =>
        Effect.sync(() => strike(requests, (rule) => isOf(channel, rule) && rule.operation === operation)),
      takeForCallback: (channel) => Effect.sync(() => strike(callbacks, (rule) => isOf(channel, rule)))
    })
  })
}
