import { SkuOptionsTaken } from "@mall/domain/catalog/CatalogError"
import type { Money } from "@mall/domain/kernel/Money"
import { CurrencyMismatch } from "@mall/domain/kernel/Money"
import { Effect } from "effect"

interface Candidate {
  readonly code: string
  readonly options: Readonly<Record<string, string>>
  readonly price: Money
}

/** Equal for equal choices, in whatever order they are written. */
export const optionsKey = (options: Readonly<Record<string, string>>) =>
  Object.keys(options)
    .toSorted()
    .map((name) => `${name}\u0000${options[name]}`)
    .join("\u0001")

/** Whether `sku` may stand beside the other active SKUs of its product: told apart by its options, priced in their currency. */
export const checkBeside = (sku: Candidate, others: ReadonlyArray<Candidate>) =>
  Effect.suspend((): Effect.Effect<void, SkuOptionsTaken | CurrencyMismatch> => {
    const key = optionsKey(sku.options)
    const twin = others.find((other) => optionsKey(other.options) === key)
    if (twin !== undefined) return new SkuOptionsTaken({ skuCode: twin.code })
    const stranger = others.find((other) => other.price.currency !== sku.price.currency)
    return stranger === undefined
      ? Effect.void
      : new CurrencyMismatch({ expected: stranger.price.currency, actual: sku.price.currency })
  })
