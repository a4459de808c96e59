import { Schema } from "effect"
import { NonBlankText } from "../kernel/PlainText.ts"
import { MerchantId } from "./Merchant.ts"

/** Of what is agreed with a merchant: from when on it counts, and who said so, when and why. */
export const versionOf = {
  merchantId: MerchantId,
  version: Schema.Int,
  effectiveFrom: Schema.Date,
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}

/**
 * `version` is the newest one, which the change was made from; 0 where there is none. Without `effectiveFrom` it counts as soon as
 * it may.
 */
export const newVersion = {
  version: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })),
  effectiveFrom: Schema.optionalKey(Schema.Date),
  reason: NonBlankText(400)
}

interface Dated {
  readonly version: number
  readonly effectiveFrom: Date
}

/** Of the versions that have begun the one that began last, and of those that began together the newest. */
export const inForce = <V extends Dated>(versions: Iterable<V>, at: Date): V | undefined => {
  let found: V | undefined
  for (const each of versions) {
    if (each.effectiveFrom > at) continue
    const isLater =
      found === undefined ||
      each.effectiveFrom > found.effectiveFrom ||
      (each.effectiveFrom.getTime() === found.effectiveFrom.getTime() && each.version > found.version)
    if (isLater) found = each
  }
  return found
}
